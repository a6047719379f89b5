"""Statements: months that follow each other without a gap, whatever happened and whenever."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from augury.kit.clock import SECOND
from augury.kit.db import Database
from augury.kit.errors import InvalidInput
from augury.kit.ids import new_id
from augury.ledger import service, statement
from augury.ledger.core import Balance, Instruction, Posted, TransferType
from augury.ledger.history import Movement
from augury.ledger.sheet import COLUMNS, sheet
from augury.ledger.statement import Month, Statement, Summary, find_statement, list_months
from support.histories import Oracle, batches
from support.months import DAY, START, Clock, items, open_account, top_up

_PROFILE: dict[str, Any] = {
    "deadline": None,
    "database": None,
    "derandomize": True,
    "phases": [Phase.generate],
    "suppress_health_check": list(HealthCheck),
}


def every_month(summaries: list[Summary]) -> list[Month]:
    """Return each month from before the first until after the last."""
    first, last = summaries[-1].month.shifted(-2), summaries[0].month.shifted(2)
    months = [first]
    while months[-1] < last:
        months.append(months[-1].shifted(1))
    return months


def check_tiles(db: Database, account_id: str, balance: Balance) -> list[Movement]:
    """Hold every month against its neighbours and its own movements; return all movements."""
    summaries = list_months(db, account_id)
    if not summaries:
        assert balance == Balance()
        return []
    with_movements, whole, closing = [], [], 0
    for month in every_month(summaries):
        found, moved = items(db, account_id, month)
        summary = found.summary
        assert summary.month == month
        assert summary.opening == closing
        running = summary.opening
        for one in moved:
            running += one.amount
            assert one.balance_after == running
        assert summary.closing == running
        assert summary.movements == len(moved)
        assert [total.type for total in found.totals] == [
            type_ for type_ in TransferType if type_ in {one.type for one in moved}
        ]
        for total in found.totals:
            amounts = [one.amount for one in moved if one.type is total.type]
            assert (total.count, total.amount) == (len(amounts), sum(amounts))
        assert parsed(found, moved) == [one.amount for one in moved]
        closing = summary.closing
        whole += moved
        with_movements += [summary] if moved else []
    assert summaries == with_movements[::-1]
    assert closing == balance.available
    assert [one.number for one in whole] == list(range(1, len(whole) + 1))
    return whole


def parsed(found: Statement, moved: list[Movement]) -> list[int]:
    """Return the amounts that a reader of the CSV file finds, after looking at the rest of it."""
    text = b"".join(sheet(found, [moved] if moved else [], "ru")).decode("utf-8-sig")
    assert text.endswith("\r\n")
    heading, opening, *rows, closing = csv.reader(io.StringIO(text, newline=""))
    assert {len(row) for row in (heading, opening, *rows, closing)} == {len(COLUMNS)}
    assert (opening[2], int(opening[3]), opening[7]) == (
        "",
        found.summary.opening,
        "opening_balance",
    )
    assert (closing[2], int(closing[3]), closing[7]) == (
        "",
        found.summary.closing,
        "closing_balance",
    )
    for row, one in zip(rows, moved, strict=True):
        assert (int(row[3]), row[6], row[7]) == (one.balance_after, one.id, one.type.value)
        told = datetime.fromisoformat(row[0]).replace(tzinfo=UTC)
        assert told == datetime.fromtimestamp(one.created_at // SECOND, UTC)
    return [int(row[2]) for row in rows]


def _balance(db: Database, account_id: str) -> Balance:
    with db.read() as tx:
        return service.balances(tx, [account_id])[account_id]


def _hold_and_capture(db: Database, account_id: str, clock: Clock) -> None:
    """Hold 30 credits and capture 20 of them two weeks later, often in the next month."""
    hold_id = new_id()
    for one in (
        Instruction(new_id(), TransferType.TOP_UP, account_id, 50),
        Instruction(hold_id, TransferType.HOLD, account_id, 30, expires_at=2**52),
        Instruction(new_id(), TransferType.CAPTURE, account_id, 20, hold_id=hold_id),
    ):
        clock.moment += 16 * DAY
        with db.write() as tx:
            assert isinstance(service.post(tx, [one])[0], Posted)


def test_months_of_any_history_follow_each_other_without_a_gap(db: Database, clock: Clock) -> None:
    """Random movements of every type over months: opening and amounts make the closing balance,
    which opens the next month, and every movement stands in exactly one month, its own."""
    seen: list[Movement] = []

    @settings(max_examples=40, **_PROFILE)
    @given(
        history_=batches,
        days=st.lists(st.sampled_from([0, 0, 1, 9, 31, 62]), min_size=10, max_size=10),
    )
    def drive(history_: list[list[tuple[Any, ...]]], days: list[int]) -> None:
        clock.moment = START
        oracle = Oracle(db)
        oracle.open()
        for batch, passed in zip(history_, days, strict=False):
            clock.moment += passed * DAY
            oracle.step(batch)
        for account_id in oracle.accounts:
            _hold_and_capture(db, account_id, clock)
            moved = check_tiles(db, account_id, _balance(db, account_id))
            months = list_months(db, account_id)
            for one in moved:
                (home,) = [month for month in months if month.after < one.number <= month.last]
                assert home.month == Month.of(one.created_at)
            seen.extend(moved)

    drive()
    assert {one.type for one in seen} == set(TransferType)


_near_midnight = st.integers(-3, 3).map(lambda seconds: Month(2024, 3).start + seconds * SECOND)


def test_movements_around_midnight_in_the_wrong_order_leave_no_gap(
    db: Database, clock: Clock
) -> None:
    """Two processes may stamp movements of one account in the wrong order: months still tile, and
    what a past month has does not change when more comes."""

    @settings(max_examples=40, **_PROFILE)
    @given(first=st.lists(_near_midnight, min_size=1, max_size=9), more=st.integers(1, 9))
    def drive(first: list[int], more: int) -> None:
        account_id = open_account(db)
        top_up(db, account_id, clock, first)
        whole = check_tiles(db, account_id, _balance(db, account_id))
        february = items(db, account_id, Month(2024, 2))
        top_up(db, account_id, clock, [Month(2024, 3).start + 5 * SECOND] * more)
        assert items(db, account_id, Month(2024, 2)) == february
        assert [one.created_at for one in whole] == first

    drive()


def test_a_month_that_is_not_over_is_not_final(
    db: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is given as far as it has come; some minutes after its end it is final."""
    account_id, march = open_account(db), Month(2024, 3)
    top_up(db, account_id, clock, [march.start, march.start + DAY])
    for moment, final in (
        (march.start + 2 * DAY, False),
        (march.end - 1, False),
        (march.end, False),
        (march.end + 600 * SECOND - 1, False),
        (march.end + 600 * SECOND, True),
    ):
        monkeypatch.setattr(statement, "now", lambda moment=moment: moment)
        assert find_statement(db, account_id, march).summary.final is final
        assert [one.final for one in list_months(db, account_id)] == [final]


def test_a_month_that_has_not_begun_is_refused(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From its first moment on there is a statement."""
    account_id, march = open_account(db), Month(2024, 3)
    monkeypatch.setattr(statement, "now", lambda: march.start - 1)
    with pytest.raises(InvalidInput) as refused:
        find_statement(db, account_id, march)
    assert refused.value.faults[0].values == {"newest": "2024-02"}
    monkeypatch.setattr(statement, "now", lambda: march.start)
    assert find_statement(db, account_id, march).summary.movements == 0


def test_an_account_without_movements_has_empty_statements(db: Database) -> None:
    """Zero all over, and no month is listed; the same for an account that is not there."""
    for account_id in (open_account(db), new_id()):
        found, moved = items(db, account_id, Month(2024, 3))
        assert (found.summary.opening, found.summary.closing, moved, found.totals) == (0, 0, [], [])
        assert list_months(db, account_id) == []


@pytest.mark.parametrize(
    "text",
    ["", "2024", "2024-1", "2024-00", "2024-13", "1969-12", "24-01", "2024-01-01", "2024/01", "٢٠٢٤-٠١",
     "2024-01\n", " 2024-01", "x", "+2024-01", "12024-01"],
)  # fmt: skip
def test_what_is_no_month_is_refused(text: str) -> None:
    """Four digits, a dash, two digits; nothing before 1970."""
    assert not Month.is_name(text)
    with pytest.raises(InvalidInput) as refused:
        Month.parse(text)
    assert [fault.pointer for fault in refused.value.faults] == ["/month"]


@given(year=st.integers(1970, 9998), number=st.integers(1, 12), step=st.integers(-20, 20))
def test_months_are_calendar_months(year: int, number: int, step: int) -> None:
    """A month ends where the next begins, and its name, its moments and its neighbours agree."""
    month = Month(year, number)
    assert Month.parse(str(month)) == month
    assert Month.of(month.start) == Month.of(month.end - 1) == month
    assert month.end == month.shifted(1).start
    assert month.shifted(step).shifted(-step) == month
    assert 28 * DAY <= month.end - month.start <= 31 * DAY
