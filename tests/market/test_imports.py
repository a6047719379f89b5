"""Series come in whole or not at all, once, and leave a line in the audit log."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from augury.audit_log.service import HOUSE, events
from augury.kit.db import Database
from augury.kit.errors import InvalidInput
from augury.market import store
from augury.market.imports import import_drafts, import_file, remove
from augury.market.refusals import SeriesNotFound, TooManySeries
from augury.market.series import Draft
from support.market import LABELS, MONTHLY, day, draft, table, walk


def outcomes(db: Database, *drafts: Draft, dry_run: bool = False) -> list[str]:
    return [one.outcome for one in import_drafts(db, drafts, "test", HOUSE, dry_run=dry_run)]


def state(db: Database) -> tuple[int, list[str], int, int]:
    """Return revision, names, how many contents, and how many lines in the audit log."""
    with db.read() as tx:
        contents = tx.execute(text("SELECT count(*) FROM market_contents")).scalar_one()
        names = [one.symbol for one in store.entries(tx)]
        return store.revision(tx), names, contents, len(events(tx, limit=100))


def test_a_series_is_new_then_unchanged_then_changed(db: Database) -> None:
    """An import that changes nothing counts no change and leaves no line."""
    assert outcomes(db, draft()) == ["new"]
    first = state(db)
    assert first == (1, ["TEST"], 1, 1)
    assert outcomes(db, draft()) == ["unchanged"]
    assert state(db) == first
    assert outcomes(db, draft(count=101)) == ["changed"]
    assert state(db) == (2, ["TEST"], 1, 2)
    assert outcomes(db, draft(count=101, labels=replace(LABELS, unit="EUR"))) == ["changed"]
    with db.read() as tx:
        (entry,) = store.entries(tx)
    assert (entry.labels.unit, entry.points, entry.first_day) == ("EUR", 101, day("2024-01-01"))


def test_equal_contents_are_kept_once_and_as_long_as_anybody_needs_them(db: Database) -> None:
    outcomes(db, draft("A"), draft("B"), draft("A", labels=replace(LABELS, kind="indicator")))
    assert state(db)[1:3] == (["A", "A", "B"], 1)
    remove(db, "price", "A", HOUSE)
    assert state(db)[1:3] == (["A", "B"], 1)
    remove(db, "indicator", "A", HOUSE)
    remove(db, "price", "B", HOUSE)
    assert state(db)[:3] == (4, [], 0)


def test_with_one_bad_series_none_comes_in(db: Database) -> None:
    bad = replace(draft("BAD"), values=-walk(100))
    with pytest.raises(InvalidInput) as caught:
        outcomes(db, draft(), bad)
    assert {one.pointer.split("/")[1] for one in caught.value.faults} == {"BAD"}
    assert state(db) == (0, [], 0, 0)


def test_a_dry_run_tells_and_takes_nothing(db: Database) -> None:
    outcomes(db, draft("OLD"), draft("SAME"))
    before = state(db)
    bad = replace(draft("BAD"), values=-walk(100))
    told = outcomes(db, draft("OLD", seed=8), draft("SAME"), draft("NEW"), bad, dry_run=True)
    assert told == ["changed", "unchanged", "new", "refused"]
    assert state(db) == before


def test_an_indicator_is_kept_by_the_ends_of_its_periods(db: Database) -> None:
    days = np.array([day("2024-01-01"), day("2024-02-15"), day("2024-03-31")], np.int32)
    outcomes(db, Draft("CPI", MONTHLY, days, np.array([1.0, 2.0, 3.0])))
    with db.read() as tx:
        (entry,) = store.entries(tx)
        found = store.content(tx, entry.digest)
    assert found is not None
    assert found[0].tolist() == [day("2024-01-31"), day("2024-02-29"), day("2024-03-31")]


def test_the_log_names_the_file_and_what_it_changed(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text(table(["A", "B"]))
    import_file(db, path, LABELS, HOUSE)
    path.write_text(table(["A", "C"]))
    import_file(db, path, LABELS, HOUSE)
    with db.read() as tx:
        newest, oldest = events(tx, limit=10)
    assert oldest.details == {"series": 2, "symbols": ["A", "B"]}
    # The second column has the prices of the second one, under another name.
    assert newest.details == {"series": 1, "symbols": ["C"]}
    assert newest.subject.startswith("file:")
    assert newest.subject != oldest.subject


def test_what_is_not_there_cannot_be_removed(db: Database) -> None:
    outcomes(db, draft())
    before = state(db)
    for kind, symbol in (("price", "NONE"), ("indicator", "TEST")):
        with pytest.raises(SeriesNotFound):
            remove(db, kind, symbol, HOUSE)  # type: ignore[arg-type] # a literal of a loop
    assert state(db) == before


def test_the_house_keeps_only_so_many_series(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_SERIES", 2)
    outcomes(db, draft("A"), draft("B"))
    before = state(db)
    with pytest.raises(TooManySeries):
        outcomes(db, draft("C"))
    assert outcomes(db, draft("B", count=70)) == ["changed"]
    assert state(db)[1] == before[1]


def test_imports_at_the_same_time_lose_nothing(db: Database) -> None:
    """Six threads with series of their own and one that all have; each content is there once."""
    told: list[list[str]] = []

    def take(number: int) -> None:
        told.append(outcomes(db, draft("SHARED"), draft(f"OWN{number}", seed=number)))

    threads = [threading.Thread(target=take, args=(number,)) for number in range(20, 26)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(shared for shared, _ in told) == ["new"] + ["unchanged"] * 5
    assert [own for _, own in told] == ["new"] * 6
    revision, names, contents, lines = state(db)
    assert (revision, len(names), contents, lines) == (6, 7, 7, 6)
