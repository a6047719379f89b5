"""Places: where a moment lies in a journal whose times are not quite in order."""

import pytest

from augury.kit.clock import SECOND
from augury.kit.db import Database
from augury.kit.ids import new_id
from augury.ledger import history, places
from support.months import START


def test_a_place_lies_between_what_is_before_and_what_is_after(
    db: Database, journal: tuple[str, list[int]]
) -> None:
    """For every moment; a later moment never has an earlier place, and all at once or one by one
    is the same."""
    account_id, times = journal
    moments = [START + n * SECOND for n in range(-5, 280)]
    with db.read() as tx:
        found = places.places(tx, account_id, moments)
        assert found == [places.places(tx, account_id, [moment])[0] for moment in moments]
        assert places.places(tx, new_id(), moments) == [0] * len(moments)
    assert found == sorted(found)
    assert (found[0], found[-1]) == (0, 50)
    for moment, place in zip(moments, found, strict=True):
        assert place == 0 or times[place - 1] < moment
        assert place == 50 or times[place] >= moment


def test_a_filter_by_time_finds_exactly_what_lies_in_it(
    db: Database, journal: tuple[str, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The short way through the journal leaves out nothing, also where times are out of order."""
    monkeypatch.setattr(history, "SLACK", 11 * SECOND)
    account_id, times = journal
    for since in range(-5, 280, 17):
        for until in range(-5, 280, 23):
            start, end = START + since * SECOND, START + until * SECOND
            with db.read() as tx:
                found = history.movements(tx, account_id, limit=100, since=start, until=end)
            expected = [n for n, time in enumerate(times, 1) if start <= time < end]
            assert [one.number for one in found] == expected[::-1]
