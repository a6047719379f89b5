"""Rows and files that customers send, and what must come of each row."""

import csv
import io
import math
import random
from typing import Any, NamedTuple

_HOMES = ("OWN", "RENT", "OTHER")
_FIELDS = ("age", "home", "amount", "default", "rate")
# A chunk has at most 1,100,000 cells, so a file of 2000 columns has chunks of 550 rows.
_MOST_COLUMNS = 2000


class SentFile(NamedTuple):
    """A file, the probability of each of its rows, by number, and the numbers of the bad ones."""

    content: bytes
    probabilities: dict[int, float]
    bad: frozenset[int]


def made_row(dice: random.Random) -> dict[str, Any]:
    """Return a row as nobody else sends one."""
    return {
        "age": dice.randint(18, 100),
        "home": dice.choice(_HOMES),
        "amount": round(dice.uniform(1, 1000), 3),
        "default": dice.choice("NY"),
        "rate": round(dice.uniform(0, 30), 3),
    }


def probability_of(row: dict[str, Any]) -> float:
    """Return what the model says to a row, from its weights."""
    logit = (
        -0.03 * row["age"]
        + 0.4 * _HOMES.index(row["home"])
        + 0.001 * row["amount"]
        + 1.2 * "NY".index(row["default"])
        + 0.05 * row["rate"]
    )
    return 1 / (1 + math.exp(-logit))


def made_file(dice: random.Random) -> SentFile:
    """Return a CSV file of some hundred rows, a few of them bad; one in six has several chunks."""
    is_wide = dice.random() < 1 / 6
    rows = dice.randint(600, 1200) if is_wide else dice.randint(100, 1500)
    filler = [""] * (_MOST_COLUMNS - len(_FIELDS) - 1) if is_wide else []
    written = io.StringIO()
    lines = csv.writer(written, lineterminator="\n")
    lines.writerow(["n", *_FIELDS, *filler])
    probabilities: dict[int, float] = {}
    bad = set()
    for number in range(rows):
        row = made_row(dice)
        probabilities[number] = probability_of(row)
        if dice.random() < 0.02:
            bad.add(number)
            row |= dice.choice(({"amount": "oops"}, {"home": "CAVE"}, {"age": 7}))
        lines.writerow([number, *(row[name] for name in _FIELDS), *filler])
    return SentFile(written.getvalue().encode(), probabilities, frozenset(bad))
