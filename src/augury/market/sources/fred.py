"""FRED, the data base of the Federal Reserve Bank of St. Louis: any of its series, as CSV."""

import csv
import io

import numpy as np

from augury.market.days import read_day
from augury.market.series import Draft, Frequency, Labels, spelled
from augury.market.sources.http import Http, Unanswered
from augury.market.sources.protocol import SourceFailed
from augury.risk.series import Days

_ADDRESS = "https://fred.stlouisfed.org"
# Days between two values at the most, and after how many days they are surely out. Whoever knows
# the calendar of a series says its own lag.
_RHYTHMS: tuple[tuple[int, Frequency, int], ...] = (
    (4, "daily", 7),
    (10, "weekly", 10),
    (35, "monthly", 31),
    (100, "quarterly", 60),
    (400, "yearly", 180),
)


class Fred:
    """Indicators. Values are those of today's edition: what was revised stands revised."""

    def __init__(self, address: str = _ADDRESS, http: Http | None = None) -> None:
        """Prepare to ask a server."""
        self._address = address
        self._http = http or Http()

    def fetch(self, symbol: str) -> Draft:
        """Return the whole series that the source calls so; raises `SourceFailed`."""
        name = spelled(symbol)
        try:
            body = self._http.ask(f"{self._address}/graph/fredgraph.csv", params={"id": name})
            points = _points(body, name)
        except Unanswered as error:
            raise SourceFailed("fred", name, str(error)) from None
        except (UnicodeDecodeError, ValueError, csv.Error):
            raise SourceFailed("fred", name, "the answer is no CSV of this series") from None
        if not points:
            raise SourceFailed("fred", name, "there are no values")
        days = np.array([day for day, _ in points], np.int32)
        frequency, lag_days = _rhythm(days)
        labels = Labels(
            "FRED",
            "FRED terms of use",
            kind="indicator",
            unit="",
            frequency=frequency,
            lag_days=lag_days,
        )
        return Draft(name, labels, days, np.array([value for _, value in points]))


def _points(body: bytes, name: str) -> list[tuple[int, float]]:
    """Return days and values; raises ValueError for another table than that of a series."""
    header, *rows = csv.reader(io.StringIO(body.decode("utf-8-sig")))
    if [one.upper() for one in header[1:]] != [name]:
        raise ValueError(header[:2])
    points = []
    for written, value in rows:
        day = read_day(written)
        if day is None:
            raise ValueError(written)
        # A holiday has a point, or nothing, in the place of a value.
        if value not in {"", "."}:
            points.append((day, float(value)))
    return points


def _rhythm(days: Days) -> tuple[Frequency, int]:
    step = float(np.median(np.diff(days))) if len(days) > 1 else 1.0
    for most, frequency, lag_days in _RHYTHMS:
        if step <= most:
            return frequency, lag_days
    return _RHYTHMS[-1][1:]
