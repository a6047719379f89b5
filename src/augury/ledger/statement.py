"""The statement of a month: what an account had before, every movement, what it had after.

Balances are what can be spent (`posted - held`), as everywhere outside the ledger: a hold takes
its amount, and a release, or a capture that needs less, brings the rest back.

A month is a stretch of the journal, from one place to another, so months follow each other without
gap or overlap, and the running balance of its last movement is its closing balance, always. The
places are those of the first moments of this month and of the next. A movement that came within
the same moments as midnight, through two processes, may stand on the other side of it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import func, select

from augury.kit.clock import SECOND, now
from augury.kit.db import Database, ReadTx
from augury.kit.errors import invalid
from augury.ledger import history
from augury.ledger.core import TransferType
from augury.ledger.history import Movement
from augury.ledger.places import places
from augury.ledger.tables import accounts, transfers

_MONTH = re.compile(r"(19[7-9]\d|[2-9]\d{3})-(0[1-9]|1[0-2])")
_MOVEMENTS_AT_ONCE = 1000
# What began before midnight has been committed, or given up, this long after it.
_SETTLING = 600 * SECOND


class Month(NamedTuple):
    """A calendar month of UTC, not before 1970."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> "Month":
        """Return the month that a text like `2026-03` names, or raise `InvalidInput`."""
        found = _MONTH.fullmatch(text)
        if found is None:
            raise invalid("/month", "fault.month")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def of(cls, moment: int) -> "Month":
        """Return the month of a moment."""
        day = datetime.fromtimestamp(moment // SECOND, UTC)
        return cls(day.year, day.month)

    @staticmethod
    def is_name(text: str) -> bool:
        """Tell whether a text names a month."""
        return _MONTH.fullmatch(text) is not None

    def shifted(self, months: int) -> "Month":
        """Return the month that lies so many months later."""
        whole = self.year * 12 + self.number - 1 + months
        return Month(whole // 12, whole % 12 + 1)

    @property
    def start(self) -> int:
        """The first moment of the month."""
        return int(datetime(self.year, self.number, 1, tzinfo=UTC).timestamp()) * SECOND

    @property
    def end(self) -> int:
        """The first moment after the month."""
        return self.shifted(1).start

    @property
    def is_final(self) -> bool:
        """Whether nothing can be added to it any more."""
        return now() >= self.end + _SETTLING

    def __str__(self) -> str:
        """Return the month like `2026-03`."""
        return f"{self.year:04}-{self.number:02}"


@dataclass(frozen=True, slots=True)
class Summary:
    """A month in a journal: the movements numbered `after` + 1 to `last`, and both balances."""

    month: Month
    after: int
    last: int
    opening: int
    closing: int
    final: bool

    @property
    def movements(self) -> int:
        """How many movements there were."""
        return self.last - self.after


@dataclass(frozen=True, slots=True)
class Total:
    """All movements of a type together."""

    type: TransferType
    count: int
    amount: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A month with its totals by type; `chunks` gives the movements."""

    account_id: str
    summary: Summary
    totals: list[Total]


def find_statement(db: Database, account_id: str, month: Month) -> Statement:
    """Return the statement of a month, or raise `InvalidInput` when the month has not begun."""
    if month.start > now():
        raise invalid("/month", "fault.month_to_come", newest=str(Month.of(now())))
    with db.read() as tx:
        (summary,) = _summaries(tx, account_id, month, 1)
        return Statement(account_id, summary, _totals(tx, account_id, summary))


def chunks(db: Database, statement: Statement) -> Iterator[list[Movement]]:
    """Yield the movements of a statement, oldest first, some at a time.

    Each lot is read in a transaction of its own, so a reader who takes long holds none open. The
    journal never changes, so what comes is the same as from one look.
    """
    summary = statement.summary
    for after in range(summary.after, summary.last, _MOVEMENTS_AT_ONCE):
        last = min(after + _MOVEMENTS_AT_ONCE, summary.last)
        with db.read() as tx:
            found = history.journal(tx, statement.account_id, after=after, last=last)
        yield found


def list_months(db: Database, account_id: str, *, before: Month | None = None) -> list[Summary]:
    """Return every month with movements, newest first, that lies before the given one."""
    with db.read() as tx:
        span = _span(tx, account_id)
        if span is None:
            return []
        first, newest = span
        length = (newest.year - first.year) * 12 + newest.number - first.number + 1
        found = _summaries(tx, account_id, first, length)
    return [
        one for one in reversed(found) if one.movements and (before is None or one.month < before)
    ]


def _span(tx: ReadTx, account_id: str) -> tuple[Month, Month] | None:
    """Return the months of the first and the last movement, with a margin for odd clocks."""
    count = tx.execute(select(accounts.c.transfers).where(accounts.c.id == account_id)).scalar()
    ends = select(func.min(transfers.c.created_at), func.max(transfers.c.created_at)).where(
        transfers.c.account_id == account_id, transfers.c.number.in_([1, count])
    )
    oldest, newest = tx.execute(ends).one()
    if oldest is None:
        return None
    return Month.of(oldest).shifted(-1), Month.of(newest).shifted(1)


def _summaries(tx: ReadTx, account_id: str, first: Month, length: int) -> list[Summary]:
    """Return months in a row, whether or not there were movements."""
    months = [first.shifted(step) for step in range(length)]
    borders = places(tx, account_id, [one.start for one in months] + [months[-1].end])
    balances = _balances(tx, account_id, borders)
    return [
        Summary(month, after, last, balances[after], balances[last], month.is_final)
        for month, after, last in zip(months, borders, borders[1:], strict=False)
    ]


def _balances(tx: ReadTx, account_id: str, numbers: Sequence[int]) -> dict[int, int]:
    """Return what could be spent after each of these movements; after number 0, nothing."""
    found = tx.execute(
        select(transfers.c.number, transfers.c.available_after).where(
            transfers.c.account_id == account_id, transfers.c.number.in_(set(numbers))
        )
    )
    return {0: 0} | {row.number: row.available_after for row in found}


def _totals(tx: ReadTx, account_id: str, summary: Summary) -> list[Total]:
    amount = func.sum(transfers.c.posted - transfers.c.held)
    found = tx.execute(
        select(transfers.c.type, func.count(), amount)
        .where(
            transfers.c.account_id == account_id,
            transfers.c.number > summary.after,
            transfers.c.number <= summary.last,
        )
        .group_by(transfers.c.type)
    )
    by_type = {type_: Total(TransferType(type_), count, int(sum_)) for type_, count, sum_ in found}
    return [by_type[type_] for type_ in TransferType if type_ in by_type]
