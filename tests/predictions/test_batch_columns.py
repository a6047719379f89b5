"""A chunk that is scored by columns gives the same bytes as one that is scored row by row."""

import codecs
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from augury.files.faults import FileUnreadable
from augury.files.forms import Mark, Plan
from augury.files.rows import open_rows, survey
from augury.inference.explainers.protocol import Contributions
from augury.inference.model import Predictor, Probabilities
from augury.inference.signature import Matrix
from augury.predictions import batch_scoring
from augury.predictions.batch_scoring import Scored, results_of, score
from support.tiny_models import manifest_of

FIELDS = [
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
NAMES = [str(field["name"]) for field in FIELDS]
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


def assert_same(path: Path, chunk_rows: int) -> None:
    """Check survey and scores against what is read row by row."""
    with mock.patch("augury.files.csv_rows.read_plain", return_value=None):
        expected = told(lambda: survey(path, chunk_rows))
    assert told(lambda: survey(path, chunk_rows)) == expected
    if not isinstance(expected, Plan):
        return
    with mock.patch.object(batch_scoring, "table_at", return_value=None):
        by_rows = told(lambda: scored(path, expected))
    assert told(lambda: scored(path, expected)) == by_rows


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
NUMBERS = (
    """
    NA nan NaN -nan +nan inf -Infinity 1e5 1E-3 1e400 -1e400 1e-400 1e00001 +5 1,5 1.5 1,234.5 1. -.5
    . - -- --5 0x10 1_000 \u0663 -0 -0.0 0 007 3e38 3.5e38 1e39 121 -1 -5 -5.0000001 2.5 Null nULL
    #N/A n/a None TRUE true 9007199254740993 -9007199254740992.5 1234567890123456 \ufeff5 5\u2028
""".split()
    + [
        "",
        " ",
        " 5",
        "5 ",
        "\t",
        "\xa05",
        " NA ",
        "1 234,5",
        "1\xa0234",
        "12 34",
        "1\x0b2",
        "1" * 401,
        "0." + "0" * 399 + "1",
        "0" * 399 + "1",
        "1\0",
    ]
)
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
NOTES = [
    "",
    "a note",
    '"',
    '""',
    '"a,b"',
    "it's",
    "ю",
    "€",
    "=1+1",
    "\r",
    '"x\ny"',
    "\x98",
    "z" * 140_000,
]


@st.composite
def csv_files(draw: st.DrawFn) -> bytes:
    """Return a file of any oddity, or of few, so that plain chunks are met as often as others."""
    odd = st.sampled_from(NUMBERS)
    wild = draw(st.booleans())
    number = st.one_of(ORDINARY, odd) if wild else ORDINARY
    category = st.sampled_from(CATEGORIES if wild else CATEGORIES[:6])
    note = st.sampled_from(NOTES if draw(st.integers(0, 3)) == 0 else NOTES[:2])
    delimiter = draw(st.sampled_from(",;\t|"))
    ends = draw(
        st.sampled_from([["\n"], ["\r\n"], ["\n", "\r\n"]] + [["\n", "\n\n", "\r\r\n"]] * wild)
    )
    comma = draw(st.booleans()) and delimiter in ";\t"
    lines = [delimiter.join([*NAMES, "note"])]
    for _ in range(draw(st.integers(1, 12))):
        cells = [
            draw(number),
            draw(number),
            draw(number),
            draw(category),
            draw(category),
            draw(note),
        ]
        if comma:
            cells[:3] = [cell.replace(".", ",") for cell in cells[:3]]
        if wild and draw(st.integers(0, 9)) == 0:
            cells = cells[: draw(st.integers(0, 5))] or [*cells, "more"]
        lines.append(delimiter.join(cells))
    text = "".join(line + draw(st.sampled_from(ends)) for line in lines)
    if draw(st.booleans()):
        text = text.rstrip("\r\n")
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "cp1251", "cp1251", "utf-16"]))
    return text.encode(encoding, "replace")


ANY_TIME = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=250
)


@ANY_TIME
@given(content=csv_files(), chunk_rows=st.integers(1, 5))
@example(content=b"age,sum,rate,home,code\n1,2,3,OWN,1\n1,-nan,3,OWN,1\n", chunk_rows=9)
@example(content=b"age,sum,rate,home,code\n\xef\xbb\xbf1,2,3,OWN,1\n", chunk_rows=9)
def test_any_csv_gives_the_same_bytes(tmp_path: Path, content: bytes, chunk_rows: int) -> None:
    path = tmp_path / "upload"
    path.write_bytes(content)
    assert_same(path, chunk_rows)
