"""What the market room keeps of a series, besides its values."""

import re
from dataclasses import dataclass
from typing import Literal

from augury.risk.series import Days, Floats

Kind = Literal["price", "indicator"]
Frequency = Literal["daily", "weekly", "monthly", "quarterly", "yearly"]

KINDS: tuple[Kind, ...] = ("price", "indicator")
FREQUENCIES: tuple[Frequency, ...] = ("daily", "weekly", "monthly", "quarterly", "yearly")
MOST_SERIES = 20_000
# A hundred and fifty years of trading days.
MOST_POINTS = 40_000
LONGEST_SYMBOL = 32
LONGEST_TEXT = 120
LONGEST_UNIT = 16
MOST_LAG_DAYS = 366

_SYMBOL = re.compile(r"[A-Z0-9^][A-Z0-9.=_^\-]{0,31}")


def spelled(symbol: str) -> str:
    """Return a name as the house spells it: in capitals, without blanks around."""
    return symbol.strip().upper()


def is_symbol(text: str) -> bool:
    """Tell whether a text can be the name of a series."""
    return _SYMBOL.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Labels:
    """What is said of a series: where it comes from, what it counts, and when it is known."""

    source: str
    licence: str
    kind: Kind = "price"
    unit: str = "USD"
    frequency: Frequency = "daily"
    # How many days after the end of its period a value becomes known.
    lag_days: int = 0
    title_en: str | None = None
    title_ru: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A series as it came, not looked at yet; `lines` are where its points stand in a file.

    Days int32 [n] in any order, values float64 [n], lines int64 [n].
    """

    symbol: str
    labels: Labels
    days: Days
    values: Floats
    lines: Days | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A series that is kept, without its content. Days are since 1970."""

    symbol: str
    labels: Labels
    first_day: int
    last_day: int
    points: int
    digest: str
    revision: int
    updated_at: int

    @property
    def kind(self) -> Kind:
        """Return whether it is prices or an indicator."""
        return self.labels.kind
