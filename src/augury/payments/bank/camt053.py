"""Statements in ISO 20022 camt.053, which banks of SEPA and Switzerland give.

The versions differ by their namespace and in where some things stand, so elements are found by
their local names, and where versions differ, both places are looked at.
"""

from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from augury.payments.bank.lines import (
    BankLine,
    Said,
    clean,
    day,
    identified,
    minor_units,
    unreadable,
)

# Many times what an honest file of the largest size has; what is cut off here is memory.
_MOST_ELEMENTS = 500_000


class _Tree(TreeBuilder):
    """Builds elements that have their local name as the tag, and know the line they stand in."""

    def __init__(self) -> None:
        super().__init__()
        self.parser = DefusedXMLParser(target=self, forbid_dtd=True)
        self._elements = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        """Open an element."""
        self._elements += 1
        line = self.parser.parser.CurrentLineNumber
        if self._elements > _MOST_ELEMENTS:
            raise unreadable("fault.bank_too_many_lines", line, most=_MOST_ELEMENTS)
        element = super().start(tag.rpartition("}")[2], attrs)
        if element.tag in ("Stmt", "Ntry"):
            element.set("line", str(line))
        return element

    def end(self, tag: str, /) -> Element:
        """Close an element."""
        return super().end(tag.rpartition("}")[2])


def read(content: bytes, accounts: set[str]) -> list[BankLine]:
    """Return what came to one of the accounts; raises `BankStatementUnreadable`."""
    root = _parsed(content)
    found = root.find("BkToCstmrStmt")
    if root.tag != "Document" or found is None:
        raise unreadable("fault.bank_not_camt", got=root.tag[:40])
    return identified(_incoming(found, accounts))


def _parsed(content: bytes) -> Element:
    tree = _Tree()
    try:
        tree.parser.feed(content)
        root: Element = tree.parser.close()
    except ParseError as error:
        raise unreadable("fault.bank_xml", error.position[0]) from None
    except DefusedXmlException:
        line = tree.parser.parser.CurrentLineNumber
        raise unreadable("fault.bank_xml_entities", line) from None
    except (LookupError, ValueError):  # letters that nobody knows
        raise unreadable("fault.bank_letters", 1, encoding="XML") from None
    return root


def _incoming(found: Element, accounts: set[str]) -> Iterator[Said]:
    others: set[str] = set()
    ours = False
    for statement in found.findall("Stmt"):
        account = _account(statement.find("Acct"))
        if account not in accounts:
            others.add(account)
            continue
        ours = True
        for entry in statement.findall("Ntry"):
            if _came_in(entry):
                yield from _payments(entry, account)
    if not ours:
        shown = ", ".join(sorted(others))[:100]
        raise unreadable("fault.bank_other_account", accounts=shown or "-")


def _account(element: Element | None) -> str:
    """Return the number of an account, in either of its two places."""
    return _text(element, "Id/IBAN", "Id/Othr/Id").replace(" ", "").upper()


def _came_in(entry: Element) -> bool:
    """Tell whether money is booked to us; a reversal is our own money that comes back."""
    # From version 8 on the status is a code within the element.
    return (
        _text(entry, "CdtDbtInd") == "CRDT"
        and _text(entry, "Sts/Cd", "Sts") == "BOOK"
        and _text(entry, "RvslInd") not in ("true", "1")
    )


def _payments(entry: Element, account: str) -> Iterator[Said]:
    """Yield the payments of an entry: one, or each of a batch that tells what each brought."""
    line = int(entry.attrib["line"])
    minor, currency = _money(entry.find("Amt"), line)
    details = entry.findall("NtryDtls/TxDtls")
    parts = [_part(one, line) for one in details]
    # One payment brought what was booked, whatever it says of itself. The parts of a batch count
    # by themselves only when all of them tell, and add up to what was booked.
    told = all(part > 0 and in_ == currency for part, in_ in parts)
    if len(parts) > 1 and told and sum(part for part, _ in parts) == minor:
        for detail, part in zip(details, parts, strict=True):
            yield _said(entry, [detail], account, part)
    else:
        yield _said(entry, details, account, (minor, currency))


def _part(detail: Element, line: int) -> tuple[int, str]:
    """Return what a part of a batch brought; nothing where it does not tell, or took money."""
    amount = detail.find("Amt")
    if amount is None:
        amount = detail.find("AmtDtls/TxAmt/Amt")
    if amount is None or _text(detail, "CdtDbtInd") == "DBIT":
        return 0, ""
    return _money(amount, line)


def _money(amount: Element | None, line: int) -> tuple[int, str]:
    currency = "" if amount is None else amount.get("Ccy", "")
    if amount is None or not (len(currency) == 3 and currency.isascii() and currency.isupper()):  # noqa: PLR2004 -- ISO 4217
        raise unreadable("fault.bank_missing", line, name="Amt")
    return minor_units(amount.text or "", currency, line), currency


def _said(entry: Element, details: list[Element], account: str, money: tuple[int, str]) -> Said:
    line = int(entry.attrib["line"])
    booked = _text(entry, "BookgDt/Dt", "BookgDt/DtTm", "ValDt/Dt", "ValDt/DtTm")
    if not booked:
        raise unreadable("fault.bank_missing", line, name="BookgDt")
    # The number of an entry within its file is none of these: the next file counts anew.
    references = [_text(entry, "AcctSvcrRef")] + [
        _text(detail, f"Refs/{name}")
        for detail in details
        for name in ("AcctSvcrRef", "TxId", "EndToEndId")
    ]
    single = details[0] if len(details) == 1 else None
    return Said(
        line=line,
        account=account,
        reference="|".join(references),
        booked_on=day(booked[:10], line),
        amount_minor=money[0],
        currency=money[1],
        # From version 8 on the party stands one step deeper.
        payer=clean(_text(single, "RltdPties/Dbtr/Pty/Nm", "RltdPties/Dbtr/Nm")),
        payer_account="" if single is None else _account(single.find("RltdPties/DbtrAcct")),
        purpose=_purpose(entry, details),
    )


_TOLD = ("RmtInf/Ustrd", "RmtInf/Strd/CdtrRefInf/Ref", "RmtInf/Strd/RfrdDocInf/Nb")
_TOLD_MORE = ("RmtInf/Strd/AddtlRmtInf", "AddtlTxInf")


def _purpose(entry: Element, details: list[Element]) -> str:
    """Return what the payer wrote, or what the bank wrote of the entry where there is nothing."""
    told = [
        found.text or ""
        for detail in details
        for path in (*_TOLD, *_TOLD_MORE)
        for found in detail.findall(path)
    ]
    return clean(" ".join(told)) or clean(_text(entry, "AddtlNtryInf"))


def _text(element: Element | None, *paths: str) -> str:
    """Return the first text at one of the paths that is not blank."""
    if element is None:
        return ""
    for path in paths:
        found = (element.findtext(path) or "").strip()
        if found:
            return found
    return ""
