"""What the house answers about prices and indicators, from whichever process they came."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from augury.audit_log.service import HOUSE
from augury.kit.db import Database, ReadTx
from augury.market import store
from augury.market.imports import import_drafts, remove
from augury.market.refusals import SeriesNotFound
from augury.market.series import Draft
from augury.market.service import HouseMarkets
from augury.risk.series import Days, Floats
from support.market import LABELS, MONTHLY, day, draft, walk


def take(db: Database, *drafts: Draft) -> None:
    import_drafts(db, drafts, "test", HOUSE)


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_prices_and_indicators_come_back_as_they_went_in(db: Database) -> None:
    take(db, draft("B"), draft("A", seed=3), draft("A", labels=replace(LABELS, kind="indicator")))
    markets = HouseMarkets(db)
    assert markets.symbols() == ("A", "B")
    prices, indicator = markets.prices("A"), markets.indicator("A")
    assert prices is not None
    assert indicator is not None
    assert prices.closes.tolist() == walk(100, 3).tolist()
    assert indicator.values.tolist() == walk(100).tolist()
    assert prices.days.tolist() == draft().days.tolist()
    assert (markets.prices("C"), markets.indicator("B")) == (None, None)


def test_a_months_value_is_known_twenty_days_after_its_end(db: Database) -> None:
    days = np.array([day("2024-01-01"), day("2024-02-01")], np.int32)
    take(db, Draft("CPI", MONTHLY, days, np.array([1.0, 2.0])))
    found = HouseMarkets(db).indicator("CPI")
    assert found is not None
    asked = ("2024-02-19", "2024-02-20", "2024-03-19", "2024-03-20", "2030-01-01")
    assert [found.at(day(text)) for text in asked] == [None, 1.0, 1.0, 2.0, 2.0]


def test_a_process_sees_what_another_one_has_changed(database_url: str, clock: Clock) -> None:
    """At its next look: what is new, what is other, and what is gone."""
    db, other = Database(database_url), Database(database_url)
    take(db, draft("A"), draft("B"))
    markets = HouseMarkets(other)
    before = markets.prices("A")
    assert before is not None
    assert markets.refresh() is False
    take(db, draft("A", seed=9), draft("C"))
    remove(db, "price", "B", HOUSE)
    assert markets.prices("A") is before
    assert markets.refresh() is True
    after = markets.prices("A")
    assert after is not None
    assert after.closes.tolist() == walk(100, 9).tolist()
    assert (markets.symbols(), markets.prices("B")) == (("A", "C"), None)
    db.close()
    other.close()


def test_a_name_that_is_new_is_found_within_a_second_without_a_refresh(
    db: Database, clock: Clock
) -> None:
    """And in between the database is not asked, however often the name is."""
    markets = HouseMarkets(db)
    assert markets.prices("NEW") is None
    take(db, draft("NEW"))
    clock.now += 0.9
    assert markets.prices("NEW") is None
    clock.now += 0.2
    assert markets.prices("NEW") is not None


def test_a_content_that_goes_away_while_it_is_looked_for_is_found_anew(db: Database) -> None:
    take(db, draft("A"), draft("B", seed=3))
    markets = HouseMarkets(db)
    markets.refresh()
    take(db, draft("A", seed=9))
    found = markets.prices("A")
    assert found is not None
    assert found.closes.tolist() == walk(100, 9).tolist()
    remove(db, "price", "B", HOUSE)
    assert markets.prices("B") is None


def test_only_so_many_bytes_are_kept_in_memory(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was asked for last stays; the rest is read again when it is wanted."""
    take(db, *(draft(name, seed=at) for at, name in enumerate("ABC")))
    markets = HouseMarkets(db, most_bytes=2 * 100 * 12)
    read: list[str] = []
    content = store.content

    def counted(tx: ReadTx, digest: str) -> tuple[Days, Floats] | None:
        read.append(digest)
        return content(tx, digest)

    monkeypatch.setattr(store, "content", counted)
    for name in "ABABACAB":
        markets.prices(name)
    # A and B at first; C puts B out, and B puts C out.
    assert len(read) == 4
    found = markets.prices("B")
    assert found is not None
    assert found.closes.tolist() == walk(100, 1).tolist()


def test_the_nearest_names_are_told(db: Database) -> None:
    take(
        db,
        draft("AAPL", labels=replace(LABELS, title_en="Apple")),
        draft("SBER", labels=replace(LABELS, title_ru="Сбербанк"), seed=1),
        draft("MSFT", seed=2),
    )
    markets = HouseMarkets(db)
    asked = {"aapl": "AAPL", "APPL": "AAPL", "apple": "AAPL", "СБЕР": "SBER", "MFST": "MSFT"}
    assert {name: markets.nearest(name)[0] for name in asked} == asked
    assert markets.nearest("ZZZZ") == []
    assert markets.nearest("") == []
    with pytest.raises(SeriesNotFound) as caught:
        markets.require("APPL")
    assert caught.value.values == {"symbol": "APPL", "nearest": "AAPL"}


def test_searching_goes_by_names_and_titles_page_by_page(db: Database) -> None:
    titled = replace(LABELS, title_en="Crude oil", title_ru="Нефть")
    oils = [draft(name, labels=titled, seed=at) for at, name in enumerate(["BRENT", "WTI"])]
    take(db, *oils, draft("GOLD"), draft("WTI", labels=replace(titled, kind="indicator")))
    markets = HouseMarkets(db)
    found = [(one.symbol, one.kind) for one in markets.search(text=" НЕФТЬ ")]
    assert found == [("BRENT", "price"), ("WTI", "indicator"), ("WTI", "price")]
    assert [one.symbol for one in markets.search(text="gol")] == ["GOLD"]
    after = [(one.symbol, one.kind) for one in markets.search(after=("WTI", "indicator"))]
    assert after == [("WTI", "price")]
    assert [one.symbol for one in markets.search(kind="indicator")] == ["WTI"]


def test_threads_that_ask_while_everything_changes_get_whole_series(db: Database) -> None:
    """Each sees either what was or what is; never parts of both."""
    take(db, draft("A"))
    markets = HouseMarkets(db)
    whole = {tuple(walk(100, seed).tolist()) for seed in (7, 8)}
    seen: set[tuple[float, ...]] = set()
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            found = markets.prices("A")
            assert found is not None
            seen.add(tuple(found.closes.tolist()))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for one in threads:
        one.start()
    for turn in range(6):
        take(db, draft("A", seed=7 + (turn + 1) % 2))
        markets.refresh()
    over.set()
    for one in threads:
        one.join()
    assert seen <= whole
