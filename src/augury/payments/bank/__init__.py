"""Bank statements: files that a bank gives, read into lines of money that came in."""

import codecs

from augury.payments.bank import camt053, onec
from augury.payments.bank.lines import MOST_BYTES, BankLine, BankStatementUnreadable, unreadable

__all__ = ["MOST_BYTES", "BankLine", "BankStatementUnreadable", "read_statement"]


def read_statement(content: bytes, account: str, iban: str) -> list[BankLine]:
    """Return the lines of money that came to one of our accounts, in the order of the file.

    Which of the formats it is shows in the content. Raises `BankStatementUnreadable` for anything
    that is not wholly a statement of ours: a file is read as a whole or not at all.
    """
    if len(content) > MOST_BYTES:
        raise unreadable("fault.bank_too_long", most_bytes=MOST_BYTES)
    head = content.removeprefix(codecs.BOM_UTF8).lstrip()
    if head.startswith(onec.HEAD):
        return onec.read(content, account)
    if head.startswith((b"<", codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return camt053.read(content, {one for one in (iban, account) if one})
    raise unreadable("fault.bank_format")
