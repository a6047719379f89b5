"""Time: microseconds since 1970 and their RFC 3339 text."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augury.kit.clock import now, rfc3339
from augury.kit.ids import is_id, new_id


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1, "1970-01-01T00:00:00.000001Z"),
        (1_709_210_096_000_007, "2024-02-29T12:34:56.000007Z"),
        (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_moments_are_written_in_utc(moment: int, written: str) -> None:
    """A moment is written to the microsecond, in UTC, always with six digits."""
    assert rfc3339(moment) == written


@given(st.integers(0, 253_402_300_799_999_999))
def test_a_written_moment_reads_back(moment: int) -> None:
    """Any reader of RFC 3339 gets the same moment back."""
    read = datetime.fromisoformat(rfc3339(moment))
    assert (read - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) == moment


def test_now_is_microseconds_since_1970() -> None:
    """The present is between two looks at the wall clock, in microseconds."""
    before = datetime.now(UTC)
    moment = now()
    after = datetime.now(UTC)
    slack = timedelta(microseconds=1)
    assert before - slack <= datetime.fromisoformat(rfc3339(moment)) <= after + slack


def test_ids_sort_by_birth() -> None:
    """Identifiers are canonical UUIDs of version 7 that sort in the order they were made."""
    made = [new_id() for _ in range(1000)]
    assert made == sorted(set(made))
    assert all(is_id(one) and one[14] == "7" for one in made)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "0" * 36,
        "01A20067-451F-7740-AA85-87548A634F43",
        "01900000-0000-7000-8000-000000000000\n",
    ],
)
def test_what_is_not_an_id(text: str) -> None:
    """Other texts, also nearly right ones, are not identifiers."""
    assert not is_id(text)
