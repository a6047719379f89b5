"""Bank statements for tests: the examples, and ones made to measure."""

from pathlib import Path

from augury.payments.bank import BankLine, read_statement

EXAMPLES = Path(__file__).parent / "examples"
ACCOUNT = "40702810900000000017"
IBAN = "DE89370400440532013000"


def example(name: str) -> bytes:
    """Return an example file."""
    return (EXAMPLES / name).read_bytes()


def lines_of(content: bytes) -> list[BankLine]:
    """Read a statement of our accounts."""
    return read_statement(content, ACCOUNT, IBAN)


def document(
    purpose: str,
    *,
    amount: str = "1000.00",
    number: str = "1",
    date: str = "05.03.2026",
    account: str = ACCOUNT,
) -> str:
    """Return a document of a 1C file."""
    return (
        f"СекцияДокумент=Платежное поручение\nНомер={number}\nДатаПоступило={date}\nСумма={amount}\n"
        f"ПлательщикСчет=40702810500000000099\nПлательщик1=ООО «Ромашка»\n"
        f"ПолучательСчет={account}\nНазначениеПлатежа={purpose}\nКонецДокумента\n"
    )


def onec(*documents: str, encoding: str = "cp1251") -> bytes:
    """Return a 1C file of documents."""
    head = f"1CClientBankExchange\nКодировка=Windows\nРасчСчет={ACCOUNT}\n"
    return (head + "".join(documents) + "КонецФайла\n").encode(encoding)


def entry(amount: str, purpose: str, *, currency: str = "EUR", reference: str = "R1") -> str:
    """Return a booked entry of a camt.053 file."""
    return (
        f'<Ntry><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>'
        f"<BookgDt><Dt>2026-03-05</Dt></BookgDt><AcctSvcrRef>{reference}</AcctSvcrRef><NtryDtls>"
        f"<TxDtls><RmtInf><Ustrd>{purpose}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>\n"
    )


def camt(*entries: str, iban: str = IBAN) -> bytes:
    """Return a camt.053 file of entries."""
    return (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><Stmt>\n'
        f"<Acct><Id><IBAN>{iban}</IBAN></Id></Acct>\n{''.join(entries)}"
        "</Stmt></BkToCstmrStmt></Document>"
    ).encode()
