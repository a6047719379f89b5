"""Real prices and yields that come inside of packages, so that anyone can train offline.

None of them is shipped: what ships is what was learned from them.
"""

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from io import BytesIO

import numpy as np
import pandas as pd

from augury.risk.series import Days, Indicator, Series

_SHARES = ("skfolio.datasets.data", "sp500_dataset.csv.gz")
_INDEX = ("skfolio.datasets.data", "sp500_index.csv.gz")
_NASDAQ = ("arch.data.nasdaq", "nasdaq.csv.gz")
_WTI = ("arch.data.wti", "wti.csv.gz")
_YIELDS = ("arch.data.default", "default.csv.gz")
_SOURCES = (_SHARES, _INDEX, _NASDAQ, _WTI, _YIELDS)
# A month's average is published on the first working day of the next, give or take a holiday.
_YIELDS_LAG_DAYS = 4


@dataclass(frozen=True, slots=True)
class Data:
    """Twenty shares on common days, the S&P 500, series never trained on, and yields."""

    shares: dict[str, Series]
    index: Series
    unseen: dict[str, Series]
    aaa: Indicator
    baa: Indicator
    sha256: str
    rows_read: int


def load() -> Data:
    """Return the data of the installed packages `skfolio` and `arch`."""
    raw = {source: (files(source[0]) / source[1]).read_bytes() for source in _SOURCES}
    tables = {source: _table(content) for source, content in raw.items()}
    shares = tables[_SHARES]
    index = _series(tables[_INDEX]["SP500"])
    aaa, baa = (_yield(tables[_YIELDS][name]) for name in ("AAA", "BAA"))
    return Data(
        shares={str(name): _series(shares[name]) for name in shares.columns},
        index=index,
        unseen={
            "SP500": index,
            "NASDAQ": _series(tables[_NASDAQ]["Adj Close"]),
            "WTI": _series(tables[_WTI]["DCOILWTICO"]),
        },
        aaa=aaa,
        baa=baa,
        sha256=hashlib.sha256(b"".join(raw.values())).hexdigest(),
        rows_read=int(shares.size),
    )


def _table(content: bytes) -> pd.DataFrame:
    table = pd.read_csv(BytesIO(content), compression="gzip", index_col=0, na_values=".")
    table.index = pd.to_datetime(table.index)
    return table


def _series(column: pd.Series) -> Series:
    known = column.dropna()
    return Series(_days(known.index), known.to_numpy(np.float64))


def _yield(column: pd.Series) -> Indicator:
    next_month = column.index + pd.offsets.MonthBegin(1)
    known = next_month + pd.Timedelta(days=_YIELDS_LAG_DAYS)
    return Indicator(_days(known), column.to_numpy(np.float64))


def _days(index: pd.DatetimeIndex) -> Days:
    days: Days = index.to_numpy().astype("datetime64[D]").astype(np.int32)
    return days
