"""What all bank statements have in common: lines with an identity, amounts, and the refusal."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from babel.numbers import get_currency_precision

from augury.kit.errors import Fault, Refusal

MOST_BYTES = 5 * 1024 * 1024
MOST_LINES = 50_000
_AMOUNT = re.compile(r"([0-9]{1,15})(?:[.,]([0-9]{1,5}))?")
_BLANK = re.compile(r"[\x00-\x20\x7f-\xa0\s]+")


class BankStatementUnreadable(Refusal):
    """The file is not a bank statement of ours that can be read to its end."""

    code = "bank_statement_unreadable"
    status = 422


def unreadable(key: str, line: int = 0, **values: object) -> BankStatementUnreadable:
    """Return the refusal of a file, for what is wrong with it and in which line (0: in none)."""
    pointer = f"/file/{line}" if line else "/file"
    return BankStatementUnreadable(
        faults=[Fault(pointer, key, {"line": line, **values})], line=line
    )


@dataclass(frozen=True, slots=True)
class Said:
    """What a bank says of money that came in; `line` is where in the file it does."""

    line: int
    account: str
    reference: str
    booked_on: str
    amount_minor: int
    currency: str
    payer: str
    payer_account: str
    purpose: str


@dataclass(frozen=True, slots=True)
class BankLine:
    """Money that came in. `booked_on` is a day (`2026-03-05`).

    `id` is made of what the bank says, so it is the same in every file that has the line. Lines
    that are equal to the letter are two payments if they stand in one file, and have two ids.
    """

    id: str
    booked_on: str
    amount_minor: int
    currency: str
    payer: str
    purpose: str


def identified(said: Iterable[Said]) -> list[BankLine]:
    """Return lines with their identities; refuse more of them than a file may have."""
    found: list[BankLine] = []
    seen: Counter[str] = Counter()
    for one in said:
        if len(found) >= MOST_LINES:
            raise unreadable("fault.bank_too_many_lines", one.line, most=MOST_LINES)
        # The payer's name is left out: banks write it in more than one way.
        facts = json.dumps(
            [
                one.account,
                one.reference,
                one.booked_on,
                one.amount_minor,
                one.currency,
                one.payer_account,
                one.purpose,
            ]
        )
        again = seen[facts]
        seen[facts] += 1
        id_ = hashlib.sha256(f"{again}{facts}".encode()).hexdigest()
        found.append(
            BankLine(id_, one.booked_on, one.amount_minor, one.currency, one.payer, one.purpose)
        )
    return found


def minor_units(text: str, currency: str, line: int) -> int:
    """Return an amount such as `1500.00` or `1500,5` in minor units, exactly."""
    digits = get_currency_precision(currency)
    form = _AMOUNT.fullmatch(text.strip())
    fraction = (form[2] or "").rstrip("0") if form else ""
    if form is None or len(fraction) > digits:
        raise unreadable("fault.bank_amount", line, got=text[:40])
    return int(form[1] + fraction.ljust(digits, "0"))


def day(text: str, line: int) -> str:
    """Return a day as ISO 8601 writes it, from that or from `05.03.2026`."""
    text = text.strip()
    if re.fullmatch(r"[0-9]{2}\.[0-9]{2}\.[0-9]{4}", text):
        text = f"{text[6:]}-{text[3:5]}-{text[:2]}"
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise unreadable("fault.bank_date", line, got=text[:40]) from None


def clean(text: str) -> str:
    """Return a text as one line without control characters, however the bank broke it."""
    return _BLANK.sub(" ", text).strip()
