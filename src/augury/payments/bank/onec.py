"""Statements in the exchange format of 1C (`kl_to_1c.txt`), which every Russian bank gives.

Lines of `Key=value`, in sections. Which letters they are in shows in the name of the key
`Кодировка`; what it says is not believed, because some banks write UTF-8 and say Windows.
"""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, field

from augury.payments.bank.lines import (
    BankLine,
    Said,
    clean,
    day,
    identified,
    minor_units,
    unreadable,
)

HEAD = b"1CClientBankExchange"
_ENCODINGS = ("utf-8", "cp1251", "cp866")
_END = "КонецФайла"
_DOCUMENT, _DOCUMENT_END = "СекцияДокумент", "КонецДокумента"
_ACCOUNT, _ACCOUNT_END = "СекцияРасчСчет", "КонецРасчСчет"
# Amounts have no currency in this format. Our account for it is in roubles.
_CURRENCY = "RUB"


# Without the day it arrived, a document is an order that somebody has given, and no money yet.
_ARRIVED = "ДатаПоступило"


@dataclass(slots=True)
class _Section:
    """Keys and values between the lines that open and close a section, and where it opens."""

    line: int
    closing: str
    values: dict[str, str] = field(default_factory=dict)

    def first(self, *keys: str) -> str:
        """Return the first value that is not empty."""
        return next(filter(None, map(self.values.get, keys)), "")


def read(content: bytes, account: str) -> list[BankLine]:
    """Return what came to the account; raises `BankStatementUnreadable`."""
    if not account:
        raise unreadable("fault.bank_no_account")
    return identified(_incoming(_decoded(content), account))


def _decoded(content: bytes) -> list[str]:
    content = content.removeprefix(codecs.BOM_UTF8).lstrip()
    named = (one for one in _ENCODINGS if "Кодировка=".encode(one) in content)
    try:
        return content.decode(next(named, "cp1251")).split("\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise unreadable("fault.bank_letters", line, encoding=error.encoding) from None


def _incoming(lines: list[str], account: str) -> Iterator[Said]:
    accounts: set[str] = set()
    for section in _sections(lines):
        if section.closing != _DOCUMENT_END:
            accounts.update(section.first("РасчСчет").split())
        elif account in _payees(section) and section.first(_ARRIVED):
            yield _said(section, account)
    if accounts and account not in accounts:
        raise unreadable("fault.bank_other_account", accounts=", ".join(sorted(accounts))[:100])


def _payees(section: _Section) -> tuple[str, str]:
    return section.first("ПолучательСчет"), section.first("ПолучательРасчСчет")


def _sections(lines: list[str]) -> Iterator[_Section]:
    """Yield the sections; the head of the file comes last, as one more that is no document."""
    head = _Section(1, _END)
    inside = head
    for number, raw in enumerate(lines[1:], 2):
        line = raw.strip()
        key, equals, value = line.partition("=")
        if not line:
            continue
        if line == inside.closing:
            yield inside
            if inside is head:
                return
            inside = head
        elif key in (_DOCUMENT, _ACCOUNT, _END):
            _refuse_if_open(inside, head)
            inside = _Section(number, _DOCUMENT_END if key == _DOCUMENT else _ACCOUNT_END)
        elif not equals:
            raise unreadable("fault.bank_line", number, got=line[:40])
        elif inside.closing != _DOCUMENT_END:
            inside.values[key] = f"{inside.values.get(key, '')} {value}"  # one for each account
        elif key in inside.values:
            raise unreadable("fault.bank_twice", number, name=key[:40])
        else:
            inside.values[key] = value.strip()
    _refuse_if_open(inside, head)
    raise unreadable("fault.bank_cut_off", len(lines), end=_END)


def _refuse_if_open(inside: _Section, head: _Section) -> None:
    if inside is not head:
        raise unreadable("fault.bank_cut_off", inside.line, end=inside.closing)


def _said(section: _Section, account: str) -> Said:
    purpose = section.first("НазначениеПлатежа") or " ".join(
        section.first(f"НазначениеПлатежа{number}") for number in range(1, 7)
    )
    return Said(
        line=section.line,
        account=account,
        reference=_needed(section, "Номер"),
        booked_on=day(_needed(section, _ARRIVED), section.line),
        amount_minor=minor_units(_needed(section, "Сумма"), _CURRENCY, section.line),
        currency=_CURRENCY,
        payer=clean(section.first("Плательщик1", "Плательщик")),
        payer_account=section.first("ПлательщикСчет", "ПлательщикРасчСчет"),
        purpose=clean(purpose),
    )


def _needed(section: _Section, *keys: str) -> str:
    value = section.first(*keys)
    if not value:
        raise unreadable("fault.bank_missing", section.line, name=keys[-1])
    return value
