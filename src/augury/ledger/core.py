"""The rules of the ledger, as pure functions over immutable values.

This is the specification: `service.py` must agree with it after every step of any history, and a
property test holds the two against each other on both databases.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

import msgspec

from augury.kit.credits import MAX_CREDITS


class TransferType(StrEnum):
    """What a transfer is for. The comment says what it does to the customer's account."""

    TOP_UP = "top_up"  # posted + amount, from payments
    PROMOTION = "promotion"  # posted + amount, from promotions
    ADJUSTMENT = "adjustment"  # posted ± amount, from or to adjustments
    CHARGE = "charge"  # posted - amount, to revenue
    REFUND = "refund"  # takes back what it corrects: a charge, a capture, or a top-up
    HOLD = "hold"  # held + amount
    CAPTURE = "capture"  # posted - amount, held - the whole hold
    RELEASE = "release"  # held - the whole hold


class Counterparty(StrEnum):
    """The system accounts: the other side of every transfer, by their fixed ids."""

    PAYMENTS = "00000000-0000-7000-8000-000000000001"
    REVENUE = "00000000-0000-7000-8000-000000000002"
    PROMOTIONS = "00000000-0000-7000-8000-000000000003"
    ADJUSTMENTS = "00000000-0000-7000-8000-000000000004"


COUNTERPARTY = {
    TransferType.TOP_UP: Counterparty.PAYMENTS,
    TransferType.PROMOTION: Counterparty.PROMOTIONS,
    TransferType.ADJUSTMENT: Counterparty.ADJUSTMENTS,
    TransferType.CHARGE: Counterparty.REVENUE,
    TransferType.HOLD: Counterparty.REVENUE,
    TransferType.CAPTURE: Counterparty.REVENUE,
    TransferType.RELEASE: Counterparty.REVENUE,
}
INCOMING = frozenset({TransferType.TOP_UP, TransferType.PROMOTION})
RESOLVING = frozenset({TransferType.CAPTURE, TransferType.RELEASE})
CORRECTABLE = frozenset({TransferType.CHARGE, TransferType.CAPTURE, TransferType.TOP_UP})


class Refused(StrEnum):
    """Why an instruction was not carried out. Nothing has moved."""

    INSUFFICIENT_CREDITS = "insufficient_credits"
    ACCOUNT_UNKNOWN = "account_unknown"
    AMOUNT_INVALID = "amount_invalid"
    BALANCE_TOO_LARGE = "balance_too_large"
    HOLD_UNKNOWN = "hold_unknown"
    HOLD_RESOLVED = "hold_resolved"
    HOLD_EXPIRED = "hold_expired"
    HOLD_TOO_SMALL = "hold_too_small"
    NOTHING_TO_REFUND = "nothing_to_refund"
    KEY_CONFLICT = "key_conflict"


class Instruction(msgspec.Struct, frozen=True):
    """A transfer that somebody asks for.

    `amount` is positive, except that an adjustment may be negative and a release carries 0. A
    capture or release names its `hold_id`, a refund the transfer that it `corrects`. With a `key`,
    the same instruction can be sent again: `fingerprint` tells whether it is the same.
    """

    id: str
    type: TransferType
    account_id: str
    amount: int
    reference: str = ""
    hold_id: str | None = None
    expires_at: int | None = None
    corrects: str | None = None
    reason: str | None = None
    actor_id: str | None = None
    key: str | None = None
    fingerprint: str | None = None


class Posted(msgspec.Struct, frozen=True):
    """The instruction was carried out; what can be spent afterwards."""

    transfer_id: str
    amount: int
    available: int


class Replayed(msgspec.Struct, frozen=True):
    """The same key and the same input came before; `reference` is what was answered then."""

    reference: str


Outcome = Posted | Replayed | Refused


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account has: `posted` in all, `held` of it promised to unfinished work."""

    posted: int = 0
    held: int = 0

    @property
    def available(self) -> int:
        """What can be spent."""
        return self.posted - self.held


@dataclass(frozen=True, slots=True)
class Hold:
    """Credits promised to unfinished work until `expires_at`."""

    account_id: str
    amount: int
    expires_at: int
    resolved: bool = False


@dataclass(frozen=True, slots=True)
class Book:
    """The whole ledger as one value; `apply` makes the next one."""

    balances: Mapping[str, Balance] = field(default_factory=dict)
    holds: Mapping[str, Hold] = field(default_factory=dict)
    refundable: Mapping[str, tuple[str, TransferType, int]] = field(default_factory=dict)
    keys: Mapping[tuple[str, str], tuple[str, str]] = field(default_factory=dict)

    def with_account(self, account_id: str) -> "Book":
        """Return the book with one more, empty, account."""
        return replace(self, balances={**self.balances, account_id: Balance()})


def amount_is_valid(instruction: Instruction) -> bool:
    """Tell whether the amount fits the type: whole, in range, and with the right sign."""
    amount = instruction.amount
    if isinstance(amount, bool) or not isinstance(amount, int) or abs(amount) > MAX_CREDITS:
        return False
    if instruction.type is TransferType.ADJUSTMENT:
        return amount != 0
    if instruction.type is TransferType.RELEASE:
        return amount == 0
    return amount > 0


def deltas(
    type_: TransferType,
    amount: int,
    *,
    hold_amount: int = 0,
    corrected: TransferType | None = None,
) -> tuple[int, int]:
    """Return what a transfer adds to (`posted`, `held`) of the customer's account."""
    if type_ in INCOMING or type_ is TransferType.ADJUSTMENT:
        return amount, 0
    if type_ is TransferType.CHARGE:
        return -amount, 0
    if type_ is TransferType.REFUND:
        # The opposite of what it corrects: a top-up's refund takes the credits away again.
        return (-amount if corrected is TransferType.TOP_UP else amount), 0
    if type_ is TransferType.HOLD:
        return 0, amount
    return -amount, -hold_amount  # a capture, or a release, whose amount is 0


def counterparty(type_: TransferType, corrected: TransferType | None = None) -> Counterparty:
    """Return the other side of a transfer; a refund has that of the transfer it corrects."""
    return COUNTERPARTY[corrected or type_]


def apply(book: Book, instruction: Instruction, now: int) -> tuple[Book, Outcome]:
    """Return the next book and what came of it; a refusal leaves the book as it was."""
    if not amount_is_valid(instruction):
        return book, Refused.AMOUNT_INVALID
    if instruction.account_id not in book.balances:
        return book, Refused.ACCOUNT_UNKNOWN
    if instruction.key is not None:
        known = book.keys.get((instruction.account_id, instruction.key))
        if known is not None:
            fingerprint, reference = known
            same = fingerprint == instruction.fingerprint
            return book, Replayed(reference) if same else Refused.KEY_CONFLICT
    if instruction.type in RESOLVING:
        refused = _check_hold(book, instruction, now)
    elif instruction.type is TransferType.REFUND:
        refused = _check_refund(book, instruction)
    else:
        refused = None
    return (book, refused) if refused else _move(book, instruction)


def _check_hold(book: Book, instruction: Instruction, now: int) -> Refused | None:
    hold = book.holds.get(instruction.hold_id or "")
    if hold is None or hold.account_id != instruction.account_id:
        return Refused.HOLD_UNKNOWN
    if hold.resolved:
        return Refused.HOLD_RESOLVED
    if instruction.type is TransferType.CAPTURE:
        if hold.expires_at <= now:
            return Refused.HOLD_EXPIRED
        if instruction.amount > hold.amount:
            return Refused.HOLD_TOO_SMALL
    return None


def _check_refund(book: Book, instruction: Instruction) -> Refused | None:
    account_id, _, left = book.refundable.get(instruction.corrects or "", ("", None, 0))
    if account_id != instruction.account_id or instruction.amount > left:
        return Refused.NOTHING_TO_REFUND
    return None


def _move(book: Book, instruction: Instruction) -> tuple[Book, Outcome]:
    """Move the credits if the balance allows it, and remember what later instructions may name."""
    type_, amount, account_id = instruction.type, instruction.amount, instruction.account_id
    holds, refundable, keys = dict(book.holds), dict(book.refundable), dict(book.keys)
    hold_amount = holds[instruction.hold_id].amount if type_ in RESOLVING else 0  # type: ignore[index]
    corrected = refundable[instruction.corrects][1] if type_ is TransferType.REFUND else None  # type: ignore[index]
    posted, held = deltas(type_, amount, hold_amount=hold_amount, corrected=corrected)
    before = book.balances[account_id]
    after = Balance(before.posted + posted, before.held + held)
    if after.available < 0:
        return book, Refused.INSUFFICIENT_CREDITS
    if after.posted > MAX_CREDITS:
        return book, Refused.BALANCE_TOO_LARGE
    if type_ is TransferType.HOLD:
        holds[instruction.id] = Hold(account_id, amount, instruction.expires_at or 0)
    if type_ in RESOLVING:
        hold_id = instruction.hold_id or ""
        holds[hold_id] = replace(holds[hold_id], resolved=True)
    if type_ in CORRECTABLE:
        refundable[instruction.id] = (account_id, type_, amount)
    if corrected is not None:
        subject = instruction.corrects or ""
        refundable[subject] = (account_id, corrected, refundable[subject][2] - amount)
    if instruction.key is not None:
        keys[account_id, instruction.key] = (instruction.fingerprint or "", instruction.reference)
    following = Book({**book.balances, account_id: after}, holds, refundable, keys)
    return following, Posted(instruction.id, amount, after.available)


def link(previous: str, *facts: str | int | None) -> str:
    """Return the hash that ties a transfer to the one before it in its account's journal."""
    return hashlib.sha256(msgspec.json.encode([previous, *facts])).hexdigest()


JOURNAL_START = "0" * 64
