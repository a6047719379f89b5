"""Real market data that comes inside of Python packages, read without importing them."""

import csv
import gzip
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from augury.market.days import day_of
from augury.market.series import Draft, Labels, spelled

_SKFOLIO, _ARCH, _STATSMODELS = "skfolio", "arch", "statsmodels"
_SHARES = Labels("skfolio: S&P 500 dataset", "BSD-3-Clause (skfolio)")
_INDEX = Labels(
    "skfolio: S&P 500 index", "BSD-3-Clause (skfolio)", unit="index", title_en="S&P 500"
)
_NASDAQ = Labels("arch: Yahoo Finance", "NCSA (arch)", unit="index", title_en="NASDAQ Composite")
_FRED = Labels("arch: FRED", "NCSA (arch)", kind="indicator")
_MACRO = Labels(
    "statsmodels: FRED, BLS", "public domain", kind="indicator", unit="%", frequency="quarterly"
)
_OIL = replace(
    _FRED, title_en="WTI crude oil, USD a barrel", title_ru="Нефть WTI, долларов за баррель"
)
_YIELD = replace(_FRED, source="arch: Moody's, by FRED", unit="%", frequency="monthly", lag_days=5)
_TITLES = {
    "AAPL": "Apple", "AMD": "Advanced Micro Devices", "BAC": "Bank of America",
    "BBY": "Best Buy", "CVX": "Chevron", "GE": "General Electric", "HD": "Home Depot",
    "JNJ": "Johnson & Johnson", "JPM": "JPMorgan Chase", "KO": "Coca-Cola", "LLY": "Eli Lilly",
    "MRK": "Merck", "MSFT": "Microsoft", "PEP": "PepsiCo", "PFE": "Pfizer",
    "PG": "Procter & Gamble", "RRC": "Range Resources", "UNH": "UnitedHealth", "WMT": "Walmart",
    "XOM": "Exxon Mobil",
}  # fmt: skip

# Column, name, lag in days, values that are none, titles.
_QUARTERS = (
    ("unemp", "UNEMPLOYMENT", 10, 0, "US unemployment", "Безработица в США"),
    ("tbilrate", "TBILL", 5, 0, "US treasury bills of 3 months", "Векселя США на 3 месяца"),
    ("infl", "INFLATION", 20, 1, "US inflation, annualised", "Инфляция в США, в годовом выражении"),
)


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of a file, as the house calls it; without a name it is one series a column."""

    name: str
    symbol: str
    labels: Labels
    # Values that are none: the first inflation of a table has no quarter before it.
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class _File:
    """A file in a package, and what the house takes of it."""

    package: str
    path: str
    columns: Sequence[_Column]


# The lags are how the offices publish: the consumer prices of a month come between the 10th and
# the 20th of the next one, its unemployment on a Friday up to the 10th, and FRED shows an oil price
# within a week. Numbers that were revised later stand as they are today.
_FILES = (
    _File(_SKFOLIO, "datasets/data/sp500_dataset.csv.gz", [_Column("", "", _SHARES)]),
    _File(_SKFOLIO, "datasets/data/sp500_index.csv.gz", [_Column("SP500", "SP500", _INDEX)]),
    _File(_ARCH, "data/nasdaq/nasdaq.csv.gz", [_Column("Adj Close", "NASDAQ", _NASDAQ)]),
    _File(
        _ARCH,
        "data/wti/wti.csv.gz",
        [
            _Column("DCOILWTICO", "WTI", replace(_OIL, kind="price")),
            _Column("DCOILWTICO", "WTI", replace(_OIL, lag_days=7)),
        ],
    ),
    _File(
        _ARCH,
        "data/vix/vix.csv.gz",
        [
            _Column(
                "vix",
                "VIX",
                replace(
                    _FRED,
                    source="arch: CBOE",
                    unit="%",
                    title_en="Implied volatility of the S&P 500",
                    title_ru="Ожидаемая волатильность S&P 500",
                ),
            )
        ],
    ),
    _File(
        _ARCH,
        "data/default/default.csv.gz",
        [
            _Column(
                name,
                name,
                replace(
                    _YIELD,
                    title_en=f"Yield of corporate bonds rated {name}",
                    title_ru=f"Доходность облигаций компаний с рейтингом {name}",
                ),
            )
            for name in ("AAA", "BAA")
        ],
    ),
    _File(
        _ARCH,
        "data/core_cpi/core-cpi.csv.gz",
        [
            _Column(
                "CPILFESL",
                "CORE_CPI",
                replace(
                    _FRED,
                    unit="1982-84=100",
                    frequency="monthly",
                    lag_days=20,
                    title_en="US consumer prices without food and energy",
                    title_ru="Потребительские цены США без еды и энергии",
                ),
            )
        ],
    ),
    _File(
        _STATSMODELS,
        "datasets/macrodata/macrodata.csv",
        [
            _Column(name, symbol, replace(_MACRO, lag_days=lag, title_en=en, title_ru=ru), skipped)
            for name, symbol, lag, skipped, en, ru in _QUARTERS
        ],
    ),
)


def bundled() -> list[Draft]:
    """Return every series that installed packages have inside; those that are not there, not."""
    return [draft for file in _FILES for draft in _drafts(file)]


def _drafts(file: _File) -> Iterator[Draft]:
    # Only looked for: importing any of these takes seconds.
    found = find_spec(file.package)
    folder = next(iter((found and found.submodule_search_locations) or ()), None)
    if folder is None or not (path := Path(folder) / file.path).is_file():
        return
    content = path.read_bytes()
    text = gzip.decompress(content) if path.suffix == ".gz" else content
    header, *rows = csv.reader(io.StringIO(text.decode()))
    days = np.array(list(map(_day_reader(header), rows)), np.int32)
    places = {name: place for place, name in enumerate(header)}
    columns = file.columns
    if not columns[0].name:
        titled = columns[0].labels
        columns = [
            _Column(name, spelled(name), replace(titled, title_en=_TITLES.get(name)))
            for name in header[1:]
        ]
    for column in columns:
        place = places[column.name]
        values = np.array([_number(row[place]) for row in rows])
        there = np.isfinite(values)
        there[: column.skipped] = False
        yield Draft(column.symbol, column.labels, days[there], values[there])


def _number(cell: str) -> float:
    """Return a value; a day without one has an empty cell, or the point that FRED writes."""
    return float(cell) if cell not in {"", "."} else float("nan")


def _day_reader(header: Sequence[str]) -> Callable[[Sequence[str]], int]:
    return _quarter if header[0] == "year" else _date


def _quarter(row: Sequence[str]) -> int:
    year, quarter = int(float(row[0])), int(float(row[1]))
    return day_of(date(year, 3 * quarter, 1))


def _date(row: Sequence[str]) -> int:
    """Return the day of a row that begins with `1990-01-31` or, as in America, `1/31/1990`."""
    if "/" not in row[0]:
        return day_of(date.fromisoformat(row[0]))
    month, day, year = map(int, row[0].split("/"))
    return day_of(date(year, month, day))
