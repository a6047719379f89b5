"""A chunk of Parquet that is scored by columns gives the same bytes as one scored row by row."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from augury.files import parquet_waiting
from augury.files.forms import Form, Mark
from augury.files.parquet_child import Request
from augury.files.parquet_nursery import Nursery
from augury.files.parquet_rows import ParquetRows, Piece
from augury.files.rows import survey
from augury.predictions import batch_scoring
from augury.predictions.batch_scoring import score
from support.batch_files import ANY_TIME, CATEGORIES, MODEL, NAMES, NUMBERS, ORDINARY, scored


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


def test_chunks_one_after_the_other_need_one_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of order, or when a child was lost, another is started; the rows are the same."""
    path = tmp_path / "upload"
    row = {"age": 30, "sum": 0.5, "rate": 2.0, "home": "OWN", "code": "1"}
    pq.write_table(pa.Table.from_pylist([row | {"age": age} for age in range(100)]), path)
    plan = survey(path, 10)
    monkeypatch.setattr("augury.files.parquet_waiting._waiting", {})
    asked: list[Request] = []
    ends: list[socket.socket] = []

    @contextmanager
    def child(nursery: Nursery, request: Request) -> Iterator[socket.socket]:
        asked.append(request)
        with ask(nursery, request) as end:
            ends.append(end)
            yield end

    ask = Nursery.child
    monkeypatch.setattr(Nursery, "child", child)
    expected = scored(path, plan)
    assert [one.first for one in asked] == [0]
    assert not parquet_waiting._waiting
    every_second = replace(plan, marks=plan.marks[::2])
    assert scored(path, every_second) == expected[::2]
    assert [one.first for one in asked] == [0, 0]
    again = [scored(path, replace(plan, marks=[mark]))[0] for mark in reversed(plan.marks[-2:])]
    assert again == expected[:-3:-1]
    scored(path, replace(plan, marks=plan.marks[:1]))
    ends[-1].shutdown(socket.SHUT_RDWR)
    ends[-1].recv(2**20)  # what had come already
    assert scored(path, replace(plan, marks=plan.marks[1:3])) == expected[1:3]
