"""A chunk that is scored by columns gives the same bytes as one that is scored row by row."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from augury.files import parquet_rows, parquet_waiting
from augury.files.csv_rows import CsvRows
from augury.files.faults import FileUnreadable
from augury.files.forms import Form, Mark, Plan, Row
from augury.files.parquet_rows import ParquetRows, Piece
from augury.files.rows import survey
from augury.files.shares import are_shares, written_shares
from augury.inference.explainers.protocol import Contributions
from augury.inference.manifest import DECISIONS
from augury.inference.model import Predictor, Probabilities
from augury.inference.signature import Matrix
from augury.predictions import batch_scoring
from augury.predictions.batch_scoring import Scored, score
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
NUMBERS = [
    *[
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
        "٣",
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
        "\ufeff5",
        "5",
    ],
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


def in_memory(table: pa.Table, chunk_rows: int) -> Callable[..., Iterator[Piece]]:
    """Return what hands on a table as the child does, without a process for each example."""

    def pieces(_: ParquetRows, start: Mark) -> Iterator[Piece]:
        (batch,) = table.combine_chunks().to_batches()
        for row in range(start.row, len(table), chunk_rows):
            end = min(row + chunk_rows, len(table))
            part = batch.slice(row, chunk_rows)
            # As it comes from a pipe: no slice of something larger.
            content = part.serialize()
            part = pa.ipc.read_record_batch(content, table.schema)
            yield Piece(Mark(row, row, row), Mark(end, end, end), part, end == len(table))

    return pieces


NUMERIC = st.sampled_from(
    [
        (pa.int64(), st.integers(-(2**63), 2**63 - 1) | st.integers(-5, 130)),
        (pa.uint64(), st.integers(0, 2**64 - 1) | st.integers(0, 130)),
        (pa.int8(), st.integers(-128, 127)),
        (pa.float64(), st.floats() | st.integers(0, 120).map(float) | st.just(-0.0)),
        (pa.float32(), st.floats(width=32) | st.integers(0, 120).map(float)),
        (pa.float16(), st.floats(width=16)),
        (pa.bool_(), st.booleans()),
        (pa.string(), ORDINARY | st.sampled_from(NUMBERS)),
        (pa.large_string(), ORDINARY | st.sampled_from(NUMBERS)),
        (pa.binary(), st.binary(max_size=2)),
        (pa.decimal128(10, 2), st.decimals(-9, 130, places=2)),
        (pa.date32(), st.dates()),
        (pa.null(), st.none()),
    ]
)
CATEGORY = st.one_of(
    NUMERIC,
    st.just((pa.string(), st.sampled_from(CATEGORIES))),
    st.just((pa.string(), st.just("OWN"))),
)


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """Return a table whose columns have any type."""
    rows = draw(st.integers(1, 8))
    kinds = [draw(NUMERIC) for _ in range(3)] + [draw(CATEGORY) for _ in range(2)]
    columns = [
        pa.array(draw(st.lists(st.none() | values, min_size=rows, max_size=rows)), kind)
        for kind, values in kinds
    ]
    return pa.table(columns, names=NAMES)


@ANY_TIME
@given(table=tables(), chunk_rows=st.integers(1, 5))
def test_any_parquet_gives_the_same_bytes(tmp_path: Path, table: pa.Table, chunk_rows: int) -> None:
    path = tmp_path / "upload"
    path.touch()
    schema = table.schema.serialize().to_pybytes()
    form = Form(kind="parquet", columns=NAMES, chunk_rows=chunk_rows, schema=schema)
    marks = [Mark(row, row, row) for row in range(0, len(table), chunk_rows)]
    with (
        mock.patch.object(ParquetRows, "pieces", in_memory(table, chunk_rows)),
        mock.patch("augury.files.parquet_waiting._waiting", {}),
    ):
        fast = [score(path, form, mark, MODEL, explain=False, language="ru") for mark in marks]
        with mock.patch.object(batch_scoring, "table_at", return_value=None):
            slow = [score(path, form, mark, MODEL, explain=False, language="ru") for mark in marks]
    assert fast == slow


GOOD_ROW = b"30,0.5,2,OWN,1\n"


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_an_ordinary_file_is_never_read_row_by_row(
    tmp_path: Path, newline: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Empty cells, and cells that are padded or have many digits, are ordinary too."""
    lines = [GOOD_ROW, b"31,,-1,NA,\n", b"32, 12.123456789012345,1e-3, OWN,2\n"] * 50
    content = b"".join([",".join(NAMES).encode() + b"\n", *lines]).replace(b"\n", newline)
    path = tmp_path / "upload"
    path.write_bytes(content)

    def by_row(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("augury.files.csv_rows.CsvRows.row", by_row)
    plan = survey(path, 60)
    assert (plan.rows, plan.faulty_rows, len(plan.marks)) == (150, 0, 3)
    assert [one.succeeded for one in scored(path, plan)] == [60, 60, 30]


def test_one_bad_cell_costs_no_other_row_its_speed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "upload"
    bad = [b"x,1,2,OWN,1\n", b"30,1,2\n", b"30,1,2,RENT,1\n", b"300,1,2,OWN,1\n"]
    path.write_bytes(
        b",".join(map(str.encode, NAMES)) + b"\n" + b"".join([GOOD_ROW * 50, *bad] * 2)
    )
    plan = survey(path)
    read = mock.Mock(side_effect=CsvRows.row)

    def counted(*given: Any) -> Row:
        row: Row = read(*given)
        return row

    monkeypatch.setattr(CsvRows, "row", counted)
    (found,) = scored(path, plan)
    assert (found.succeeded, found.failed, plan.faulty_rows) == (100, 8, 2)
    # Once for what is wrong with them, and once for how their lines look.
    assert read.call_count == 2 * found.failed
    lines = found.part.decode().splitlines()
    assert lines[51].startswith("30,1,2,,,,,,")
    assert "line 53" in lines[51]


def test_a_house_without_arrow_reads_row_by_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "upload"
    path.write_bytes(b",".join(map(str.encode, NAMES)) + b"\n" + GOOD_ROW)
    plan = survey(path)
    expected = scored(path, plan)

    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("augury.files.tables.import_module", missing)
    assert scored(path, plan) == expected


@settings(deadline=None)
@given(
    st.lists(
        st.floats(0, 1)
        | st.integers(0, 10**6).map(lambda n: n / 10**6)
        | st.integers(0, 2 * 10**6).map(lambda n: n / (2 * 10**6))
        | st.sampled_from([0.2, 0.6, -0.0, np.nextafter(0.2, 0), np.nextafter(0.6, 1)]),
        min_size=1,
    )
)
def test_output_columns_are_what_outputs_are(values: list[float]) -> None:
    probabilities = np.array(values)
    found = MODEL.output_columns(probabilities)
    assert found.complement is not None
    assert found.decision is not None
    told = [
        {"default_probability": one, "approval_probability": other, "decision": DECISIONS[place]}
        for one, other, place in zip(
            found.probability.tolist(), found.complement.tolist(), found.decision, strict=True
        )
    ]
    assert repr(told) == repr(MODEL.outputs(probabilities))


def test_shares_are_written_as_python_writes_them() -> None:
    every = np.concatenate([np.arange(20_000), np.arange(0, 10**6 + 1, 50)]) / 10**6
    for decimal in ".,":
        assert are_shares(every)
        expected = [repr(one).replace(".", decimal) for one in every.tolist()]
        assert [one.decode() for one in written_shares(every, decimal).to_pylist()] == expected
    assert not are_shares(np.array([0.5, 1e-7]))
    assert not are_shares(np.array([0.5, 1.000001]))
    assert not are_shares(np.array([-0.0]))


def test_chunks_one_after_the_other_need_one_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of order, or when a child was lost, another is started; the rows are the same."""
    path = tmp_path / "upload"
    row = {"age": 30, "sum": 0.5, "rate": 2.0, "home": "OWN", "code": "1"}
    pq.write_table(pa.Table.from_pylist([row | {"age": age} for age in range(100)]), path)
    plan = survey(path, 10)
    monkeypatch.setattr("augury.files.parquet_waiting._waiting", {})
    started: list[subprocess.Popen[bytes]] = []

    def start(*command: Any, **options: Any) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen(*command, **options))
        return started[-1]

    monkeypatch.setattr(
        parquet_rows, "subprocess", SimpleNamespace(**vars(subprocess) | {"Popen": start})
    )
    expected = scored(path, plan)
    assert len(started) == 1
    assert not parquet_waiting._waiting
    again = [scored(path, replace(plan, marks=[mark]))[0] for mark in reversed(plan.marks[-2:])]
    assert again == expected[:-3:-1]
    scored(path, replace(plan, marks=plan.marks[:1]))
    started[-1].kill()
    started[-1].wait()
    assert scored(path, replace(plan, marks=plan.marks[1:3])) == expected[1:3]
