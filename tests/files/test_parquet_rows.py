"""Parquet is read and written as Arrow has it, and what it unfolds to is bounded."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import psutil  # type: ignore[import-untyped]  # it ships no types
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from augury.files import parquet_rows
from augury.files.faults import FileUnreadable
from augury.files.forms import MOST_COLUMNS, Form, Plan
from augury.files.parquet_child import Request
from augury.files.parquet_nursery import Nursery
from augury.files.rows import open_rows, survey
from files.tables import predicted, refused, rows_of

ALL_KINDS = pa.table(
    {
        "int": pa.array([1, None, 3], pa.int8()),
        "float": pa.array([0.5, float("nan"), None], pa.float32()),
        "text": pa.array(["a", None, "ё"], pa.large_string()),
        "code": pa.array(["x", "y", "x"]).dictionary_encode(),
        "truth": [True, None, False],
        "moment": pa.array([1, 2, None], pa.timestamp("ns", "Europe/Moscow")),
        "day": [dt.date(2026, 3, 5), None, dt.date(1, 1, 1)],
        "amount": [Decimal("12.50"), None, Decimal("-0.01")],
        "bytes": [b"\xff", None, b""],
        "nothing": pa.nulls(3),
    }
)


@pytest.fixture
def nursery(monkeypatch: pytest.MonkeyPatch) -> Iterator[Nursery]:
    """Give a nursery of this test alone."""
    own = Nursery()
    monkeypatch.setattr(parquet_rows, "NURSERY", own)
    yield own
    own.close()


def process_of(nursery: Nursery) -> psutil.Process:
    assert nursery._process is not None
    return psutil.Process(nursery._process.pid)


def written(folder: Path, table: pa.Table, **options: object) -> Path:
    path = folder / "upload"
    pq.write_table(table, path, **options)
    return path


def test_cells_are_numbers_and_texts(tmp_path: Path) -> None:
    first, second, third = rows_of(written(tmp_path, ALL_KINDS), chunk_rows=2)
    moment = "1970-01-01 03:00:00.000000001+0300"
    assert first[:2] == (1, [1, 0.5, "a", "x", True, moment, "2026-03-05", "12.50", None, None])
    assert second.cells[3:5] == ["y", None]  # type: ignore[index]  # cells of Parquet are a list
    assert (third.line, third.fault) == (3, None)


def test_every_column_comes_back_as_it_was(tmp_path: Path) -> None:
    path = written(tmp_path, ALL_KINDS, row_group_size=2)
    result = pq.read_table(pa.BufferReader(predicted(path)))
    for field in ALL_KINDS.schema:
        kind = pa.string() if pa.types.is_dictionary(field.type) else field.type
        assert result[field.name].type == kind
        # As text, because NaN equals nothing.
        assert str(result[field.name].to_pylist()) == str(ALL_KINDS[field.name].to_pylist())
    assert result.schema.names[-3:] == ["default_probability", "decision", "error"]
    assert result["default_probability"].to_pylist() == [0.25] * 3


@pytest.mark.parametrize("group", [7, 33, 1000])
def test_any_chunk_is_read_alone_across_row_groups(tmp_path: Path, group: int) -> None:
    path = written(tmp_path, pa.table({"n": list(range(100))}), row_group_size=group)
    plan = survey(path, 30)
    for mark in plan.marks[1:4]:
        with open_rows(path, plan.form) as rows:
            read = [row for chunk in rows.chunks(mark) for row in chunk.rows]
        assert [row.cells for row in read] == [[n] for n in range(mark.row, 100)]
        assert [row.line for row in read] == list(range(mark.row + 1, 101))


def test_a_plan_is_the_same_after_it_was_kept_as_json(tmp_path: Path) -> None:
    plan = survey(written(tmp_path, ALL_KINDS), 2)
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan


def test_joined_results_have_large_row_groups(tmp_path: Path) -> None:
    path = written(tmp_path, pa.table({"n": list(range(1000))}))
    result = pq.ParquetFile(pa.BufferReader(predicted(path, chunk_rows=100)))
    assert (result.metadata.num_rows, result.metadata.num_row_groups) == (1000, 1)


def lying(folder: Path) -> Path:
    """Return a file whose footer promises a row more than its pages have."""
    path = written(folder, pa.table({"n": list(range(1000))}))
    content = path.read_bytes()
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    # Numbers of 64 bits in Thrift: 1000 is d0 0f, and 1001 is d2 0f.
    lie = content[footer:].replace(b"\x16\xd0\x0f", b"\x16\xd2\x0f")
    assert lie != content[footer:]
    path.write_bytes(content[:footer] + lie)
    return path


def bomb(folder: Path, **options: object) -> Path:
    """Return a file of 20 KB with a million texts of a megabyte."""
    texts = pa.DictionaryArray.from_arrays(np.zeros(10**6, np.int32), pa.array(["x" * 2**20]))
    path = written(folder, pa.table({"a": texts}), compression="zstd", **options)
    assert path.stat().st_size < 50_000
    return path


def test_a_file_that_unfolds_is_refused_in_little_memory(tmp_path: Path) -> None:
    path = bomb(tmp_path, store_schema=False)
    before = psutil.Process().memory_info().rss
    assert refused(path)[0] == "unfolds"
    assert psutil.Process().memory_info().rss - before < 300 * 2**20


def test_a_dictionary_that_unfolds_is_refused(tmp_path: Path) -> None:
    assert refused(bomb(tmp_path))[0] in {"parquet", "unfolds"}


def test_a_footer_that_lies_is_refused(tmp_path: Path) -> None:
    assert refused(lying(tmp_path)) == ("parquet", 0)


def test_a_damaged_file_is_refused_wherever_it_is_cut_or_changed(tmp_path: Path) -> None:
    path = written(tmp_path, ALL_KINDS)
    content = path.read_bytes()
    for cut in (5, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:cut])
        assert refused(path) == ("parquet", 0)
    path.write_bytes(content[:-8] + b"\xff\xff\xff\x7fPAR1")
    assert refused(path) == ("parquet", 0)
    path.write_bytes(b"PARE" + content[4:-4] + b"PARE")
    assert refused(path) == ("parquet", 0)


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        (pa.table({"a": [[1], [2]]}), "nested"),
        (pa.table({"a": [{"b": 1}]}), "nested"),
        (pa.table({f"c{n}": [1] for n in range(MOST_COLUMNS + 1)}), "columns"),
        (pa.table([pa.array([1]), pa.array([2])], names=["a", "a "]), "columns_twice"),
        (pa.table({"a": pa.array([], pa.int8())}), "no_rows"),
        (pa.table({"a": np.zeros(5_000_001, bool)}), "rows"),
        (pa.table({"a": ["x" * 9 * 2**20]}), "line_long"),
    ],
    ids=["list", "struct", "wide", "twice", "empty", "long", "text"],
)
def test_what_is_no_flat_table_of_few_rows_is_refused(
    tmp_path: Path, table: pa.Table, fault: str
) -> None:
    assert refused(written(tmp_path, table)) == (fault, 0)


def test_large_rows_come_in_smaller_chunks(tmp_path: Path) -> None:
    path = written(tmp_path, pa.table({"a": ["x" * 2**20] * 10}))
    plan = survey(path)
    assert len(plan.marks) > 1
    assert [row.line for row in rows_of(path)] == list(range(1, 11))


def form_of(path: Path, nursery: Nursery) -> Form:
    """Return the form of a file, when the child that found it out has gone."""
    with open_rows(path, chunk_rows=10) as rows:
        form = rows.form
    assert psutil.wait_procs(process_of(nursery).children(), 90)[1] == []
    return form


def test_the_child_has_no_secrets_and_ends_when_nobody_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nursery: Nursery
) -> None:
    monkeypatch.setenv("AUGURY_SECRET_KEY", "not for children")
    path = written(tmp_path, pa.table({"n": list(range(100_000))}))
    with open_rows(path, form_of(path, nursery)) as rows:
        chunks = rows.chunks()
        next(chunks)
        (child,) = process_of(nursery).children()
        assert "AUGURY_SECRET_KEY" not in child.environ()
        chunks.close()  # type: ignore[attr-defined]  # it is a generator
    assert psutil.wait_procs([child], 90) == ([child], [])


def test_a_child_ends_in_the_middle_of_its_work_when_nobody_reads() -> None:
    busy = "import time; from augury.files import parquet_child as child;"
    busy += "child._read = lambda *_: time.sleep(600); child.main()"
    nursery = Nursery(("-c", busy))
    with nursery.child(Request("any", 10, 0)):
        (child,) = process_of(nursery).children()
        assert psutil.wait_procs([child], 0.2) == ([], [child])
    assert psutil.wait_procs([child], 90) == ([child], [])
    nursery.close()


def test_each_file_has_a_child_of_its_own_and_all_come_from_one_process(
    tmp_path: Path, nursery: Nursery
) -> None:
    path = written(tmp_path, pa.table({"n": list(range(100_000))}))
    form = form_of(path, nursery)
    with open_rows(path, form) as first, open_rows(path, form) as second:
        chunks = first.chunks(), second.chunks()
        assert [next(one).rows[0].line for one in chunks] == [1, 1]
        assert len(process_of(nursery).children()) == 2


def test_a_child_that_dies_refuses_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, ALL_KINDS)
    dying = Nursery(("-c", "raise SystemExit(1)"))
    monkeypatch.setattr(parquet_rows, "NURSERY", dying)
    assert refused(path) == ("parquet", 0)
    dying.close()


def test_a_process_that_was_lost_is_started_again(tmp_path: Path, nursery: Nursery) -> None:
    path = written(tmp_path, ALL_KINDS)
    before, lost = survey(path), process_of(nursery)
    lost.kill()
    assert survey(path) == before
    assert process_of(nursery) != lost


def test_a_house_without_the_extra_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("augury.files.rows.import_module", missing)
    with pytest.raises(FileUnreadable) as refusal:
        survey(written(tmp_path, ALL_KINDS))
    assert refusal.value.faults[0].key == "fault.file_parquet_off"
