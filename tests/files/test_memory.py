"""What a file takes in memory does not grow with the file."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from augury.files.cells import Field, Typing
from augury.files.results import results
from augury.files.rows import open_rows, survey
from files.tables import ANSWER, OUTPUTS

ROWS_IN_A_CHUNK = 200
# The smaller file is larger than any buffer, and the larger one is 15 MB.
FEW, MANY = 5_000, 50_000
# What grows is less than half of it; other threads of this process take memory meanwhile.
MOST_GROWTH_BYTES = 1_000_000
TEXT = "some text of the customer's own " * 10
LINES = {
    "csv": (b"a,b,c\n", b"%d,0.5," + TEXT.encode() + b"\n"),
    "jsonl": (b"", b'{"a": %d, "b": 0.5, "c": "' + TEXT.encode() + b'"}\n'),
}


def written(path: Path, kind: str, rows: int) -> Path:
    if kind == "parquet":
        table = pa.table({"a": range(rows), "b": [0.5] * rows, "c": [TEXT] * rows})
        pq.write_table(table, path)
    else:
        header, line = LINES[kind]
        with path.open("wb") as file:
            file.write(header)
            file.writelines(line % number for number in range(rows))
    return path


def streamed(path: Path) -> int:
    """Read, type, answer and write a file; return how many bytes came out."""
    plan = survey(path, ROWS_IN_A_CHUNK)
    out = results(plan.form, OUTPUTS)
    typing = Typing(plan.form, [Field("a", "integer"), Field("b", "number")])

    def parts() -> Iterator[bytes]:
        with open_rows(path, plan.form) as rows:
            for chunk in rows.chunks():
                assert typing.row(chunk.rows[0].cells) == {"a": chunk.start.row, "b": 0.5}
                yield out.part(chunk, [ANSWER] * len(chunk.rows))

    return sum(map(len, out.joined(parts())))


def peak_bytes(path: Path) -> int:
    streamed(path)
    tracemalloc.start()
    try:
        streamed(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_ten_times_the_rows_take_no_more_memory(tmp_path: Path, kind: str) -> None:
    few = peak_bytes(written(tmp_path / "few", kind, FEW))
    many = peak_bytes(written(tmp_path / "many", kind, MANY))
    assert many - few < MOST_GROWTH_BYTES
