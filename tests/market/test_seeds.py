"""What a house begins with: the real series that packages have inside."""

import subprocess
import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec

import numpy as np
import pytest

from augury.audit_log.service import HOUSE, events
from augury.kit.db import Database
from augury.market import packages, store
from augury.market.imports import remove
from augury.market.packages import bundled
from augury.market.seeds import import_packages, seed
from augury.market.service import HouseMarkets
from support.market import day

SHARES = {
    "AAPL", "AMD", "BAC", "BBY", "CVX", "GE", "HD", "JNJ", "JPM", "KO",
    "LLY", "MRK", "MSFT", "PEP", "PFE", "PG", "RRC", "UNH", "WMT", "XOM",
}  # fmt: skip
INDICATORS = {
    "AAA", "BAA", "CORE_CPI", "INFLATION", "TBILL", "UNEMPLOYMENT", "VIX", "WTI",
}  # fmt: skip


def test_a_new_house_has_them_all_and_a_second_start_adds_nothing(db: Database) -> None:
    assert seed(db) == 31
    markets = HouseMarkets(db)
    assert set(markets.symbols()) == SHARES | {"SP500", "NASDAQ", "WTI"}
    assert {one.symbol for one in markets.search(kind="indicator")} == INDICATORS
    assert all(one.labels.source and one.labels.licence for one in markets.search())
    assert seed(db) == 0
    assert {one.outcome for one in import_packages(db)} == {"unchanged"}
    with db.read() as tx:
        (line,) = events(tx, limit=10)
        assert store.revision(tx) == 1
    assert (line.action, line.subject, line.actor_id) == ("market.imported", "packages", None)


def test_what_an_administrator_has_removed_does_not_come_back_by_itself(db: Database) -> None:
    seed(db)
    remove(db, "price", "AAPL", HOUSE)
    assert seed(db) == 0
    assert "AAPL" not in HouseMarkets(db).symbols()
    assert [one.draft.symbol for one in import_packages(db) if one.outcome == "new"] == ["AAPL"]


def test_the_figures_are_those_that_the_libraries_give() -> None:
    """skfolio, arch and statsmodels read their own files; so do we, and agree."""
    judge = """
import sys, warnings
warnings.simplefilter("ignore")
from skfolio.datasets import load_sp500_dataset, load_sp500_index
import arch.data.wti, arch.data.default, arch.data.core_cpi, arch.data.vix, arch.data.nasdaq
import statsmodels.api as sm
shares = load_sp500_dataset()
print("AAPL", len(shares), repr(float(shares["AAPL"].sum())))
print("SP500", len(load_sp500_index()), repr(float(load_sp500_index()["SP500"].sum())))
for name, table, column in (
    ("WTI", arch.data.wti.load(), "DCOILWTICO"), ("AAA", arch.data.default.load(), "AAA"),
    ("BAA", arch.data.default.load(), "BAA"), ("CORE_CPI", arch.data.core_cpi.load(), "CPILFESL"),
    ("VIX", arch.data.vix.load(), "vix"), ("NASDAQ", arch.data.nasdaq.load(), "Adj Close"),
    ("UNEMPLOYMENT", sm.datasets.macrodata.load_pandas().data, "unemp"),
):
    values = table[column].dropna()
    print(name, len(values), repr(float(values.sum())))
"""
    told = subprocess.run(
        [sys.executable, "-c", judge], check=True, capture_output=True, text=True
    ).stdout
    ours = {draft.symbol: draft.values for draft in bundled()}
    lines = [line.split() for line in told.splitlines()]
    assert len(lines) == 9
    for name, count, total in lines:
        assert len(ours[name]) == int(count), name
        assert float(ours[name].sum()) == pytest.approx(float(total), rel=1e-12), name


def test_each_is_known_when_its_office_has_published_it(db: Database) -> None:
    """The day before, nobody could have known; checked at turning points of 2008."""
    seed(db)
    markets = HouseMarkets(db)

    def known(name: str, text: str) -> float | None:
        found = markets.indicator(name)
        assert found is not None
        return found.at(day(text))

    # September's consumer prices, out in the middle of October; before that it was August's.
    assert (known("CORE_CPI", "2008-10-19"), known("CORE_CPI", "2008-10-20")) == (216.393, 216.713)
    # The third quarter of unemployment was 6.0, after 5.4.
    assert (known("UNEMPLOYMENT", "2008-10-09"), known("UNEMPLOYMENT", "2008-10-10")) == (5.4, 6.0)
    assert (known("TBILL", "2008-10-04"), known("TBILL", "2008-10-05")) == (1.74, 1.17)
    # The oil price of 2008-07-03, its highest, a week later; volatility at the close of the day.
    assert (known("WTI", "2008-07-09"), known("WTI", "2008-07-10")) == (143.74, 145.31)
    assert known("VIX", "2018-02-05") == 37.32


def test_prices_have_no_fault_and_end_where_the_packages_do(db: Database) -> None:
    found = {one.draft.symbol: one for one in import_packages(db)}
    assert not [one for one in found.values() if one.checked.faults]
    notes = {(name, note.key) for name, one in found.items() for note in one.checked.notes}
    # The crash of Apple on 2000-09-29 was real; 1:2 by chance.
    assert ("AAPL", "note.market_split") in notes
    shares = [one.checked.days for name, one in found.items() if name in SHARES]
    assert all(np.array_equal(days, shares[0]) for days in shares)
    assert (int(shares[0][0]), int(shares[0][-1])) == (day("1990-01-02"), day("2022-12-28"))


def test_packages_that_are_not_there_are_no_error(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may be at a later start, and then the house takes what they have."""

    def without(name: str) -> ModuleSpec | None:
        return None if name in {"skfolio", "arch"} else find_spec(name)

    monkeypatch.setattr(packages, "find_spec", without)
    assert [one.symbol for one in bundled()] == ["UNEMPLOYMENT", "TBILL", "INFLATION"]
    monkeypatch.setattr(packages, "find_spec", lambda _name: None)
    assert seed(db) == 0
    monkeypatch.undo()
    assert seed(db) == 31


def test_a_start_imports_none_of_the_packages() -> None:
    """They take seconds to load, and only their files are wanted."""
    asked = (
        "import sys, augury.market.packages as p; assert p.bundled();"
        "print([n for n in ('skfolio', 'arch', 'statsmodels', 'pandas', 'scipy') if n in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True)
    assert told.stdout.strip() == "[]"
