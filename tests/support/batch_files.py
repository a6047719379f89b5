"""Batches in tests: a model that sees every bit of a row, and cells of all kinds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from augury.files.faults import FileUnreadable
from augury.files.forms import Plan
from augury.inference.explainers.protocol import Contributions
from augury.inference.model import Predictor, Probabilities
from augury.inference.signature import Matrix
from augury.predictions.batch_scoring import Scored, score
from support.scale import times
from support.tiny_models import manifest_of

FIELDS: list[dict[str, Any]] = [
    {"name": "age", "type": "integer", "example": 30, "minimum": 0, "maximum": 120},
    {"name": "sum", "type": "number", "example": 0.5, "nullable": True},
    {"name": "rate", "type": "number", "example": 2, "minimum": -5, "nullable": True},
    {"name": "home", "type": "category", "categories": ["OWN", "ё", "NA"], "example": "OWN"},
    {
        "name": "code",
        "type": "category",
        "categories": ["1", "2", "true"],
        "example": "1",
        "nullable": True,
    },
]
NAMES = [field["name"] for field in FIELDS]
MANIFEST = manifest_of(FIELDS)


class Stub(Predictor):
    """A model whose probabilities depend on every bit of a row, and on the sign of zeros."""

    def predict(self, matrix: Matrix) -> Probabilities:
        bits = np.ascontiguousarray(matrix).view(np.uint32).astype(np.float64)
        bits[np.isnan(matrix)] = 7
        mixed: Probabilities = (bits @ [1, 3, 7, 11, 13]) % 10007
        # Some are so small that they are written with an exponent, and some are certain.
        return np.where(mixed < 1000, mixed // 50 / 1e6, mixed / 10006)

    def contributions(self, matrix: Matrix) -> Contributions:
        raise NotImplementedError

    def seconds(self, rows: int) -> float:
        raise NotImplementedError

    def explain_seconds(self, rows: int) -> float:
        raise NotImplementedError


MODEL = Stub(MANIFEST)


def scored(path: Path, plan: Plan, language: str = "en") -> list[Scored]:
    return [
        score(path, plan.form, mark, MODEL, explain=False, language=language) for mark in plan.marks
    ]


def told(work: Callable[[], Any]) -> Any:
    """Return what comes of some work, or why the file is refused."""
    try:
        return work()
    except FileUnreadable as refused:
        return [refused.faults, refused.values]


ORDINARY = st.one_of(
    st.integers(-10, 130).map(str),
    st.floats(-10, 130).map(repr),
    st.decimals(0, 120, places=2).map(str),
)
NUMBERS = [
    "NA",
    "nan",
    "NaN",
    "-nan",
    "+nan",
    "inf",
    "-Infinity",
    "1e5",
    "1E-3",
    "1e400",
    "-1e400",
    "1e-400",
    "1e00001",
    "+5",
    "1,5",
    "1.5",
    "1,234.5",
    "1.",
    "-.5",
    ".",
    "-",
    "--",
    "--5",
    "0x10",
    "1_000",
    "-0",
    "-0.0",
    "0",
    "007",
    "3e38",
    "3.5e38",
    "1e39",
    "121",
    "-1",
    "-5",
    "-5.0000001",
    "2.5",
    "Null",
    "nULL",
    "#N/A",
    "n/a",
    "None",
    "TRUE",
    "true",
    "9007199254740993",
    "-9007199254740992.5",
    "1234567890123456",
    "5",
    "1 234,5",
    "12 34",
    "1\x0b2",
    "1\x00",
    "\u0663",
    "\ufeff5",
    "",
    " ",
    " 5",
    "5 ",
    "\t",
    "\xa05",
    " NA ",
    "1\xa0234",
    "5\u2028",
    "1" * 401,
    "0." + "0" * 399 + "1",
    "0" * 399 + "1",
]
CATEGORIES = [
    "OWN",
    "ё",
    "NA",
    "1",
    "2",
    "true",
    "",
    " ",
    " OWN ",
    "own",
    "na",
    "1.0",
    "x" * 500,
    "NA ",
]

ANY_TIME = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=times(80, 1000),
)
