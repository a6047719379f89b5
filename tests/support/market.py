"""Series for tests: days, prices, drafts."""

from collections.abc import Sequence

import numpy as np

from augury.market.days import read_day
from augury.market.series import Draft, Labels
from augury.risk.series import Days, Floats

LABELS = Labels("a test", "free")
MONTHLY = Labels("a test", "free", kind="indicator", frequency="monthly", lag_days=20)


def day(text: str) -> int:
    """Return a day by its text."""
    found = read_day(text)
    assert found is not None
    return found


def working_days(first: str, count: int) -> Days:
    """Return so many days from Monday to Friday."""
    start = np.datetime64(first)
    return np.busday_offset(start, np.arange(count), roll="forward").astype(np.int32)


def walk(count: int, seed: int = 7) -> Floats:
    """Return closes that wander as those of a share do."""
    steps = np.random.default_rng(seed).normal(0, 0.01, count)
    return np.round(100 * np.exp(np.cumsum(steps)), 4)


def draft(symbol: str = "TEST", count: int = 100, labels: Labels = LABELS, seed: int = 7) -> Draft:
    """Return a good series."""
    return Draft(symbol, labels, working_days("2024-01-01", count), walk(count, seed))


def table(symbols: Sequence[str], count: int = 80) -> str:
    """Return a CSV file with a column for each series."""
    days = working_days("2024-01-01", count).astype("datetime64[D]").astype(str)
    columns = [walk(count, seed) for seed in range(len(symbols))]
    lines = [
        f"{one}," + ",".join(str(column[at]) for column in columns) for at, one in enumerate(days)
    ]
    return "\n".join(["date," + ",".join(symbols), *lines, ""])
