"""JSON Lines: every line stands for itself, and a bad one spoils no other."""

from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from augury.files.forms import MOST_COLUMNS
from augury.files.rows import survey
from files.tables import cells_of, predicted, refused, rows_of, saved


def test_lines_are_objects_with_members_of_their_own(tmp_path: Path) -> None:
    content = b'\xef\xbb\xbf{"a": 1}\r\n\n  \n{"b": [1, {"c": null}]}\n{"a": 2}'
    path = saved(tmp_path, content)
    rows = rows_of(path, chunk_rows=1)
    assert [(row.line, row.cells) for row in rows] == [
        (1, {"a": 1}),
        (4, {"b": [1, {"c": None}]}),
        (5, {"a": 2}),
    ]
    assert survey(path).form.columns == ["a", "b"]


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[1]",
        b'"a"',
        b"null",
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": "\xff"}',
        b'{"a": "\\ud800"}',
        b'{"a": 1}{"a": 2}',
        b"\x00\x01",
        b'{"a": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b'{"a": ' + b'{"a":' * 10_000 + b"1" + b"}" * 10_001,
        b'{"a": ' + b"1" * 10_000 + b"}",
        b"{" + b",".join(b'"c%d":1' % n for n in range(MOST_COLUMNS + 1)) + b"}",
    ],
    ids=count(),
)
def test_a_bad_line_is_the_fault_of_that_line_only(tmp_path: Path, line: bytes) -> None:
    path = saved(tmp_path, b'{"a": 1}\n' + line + b'\n{"a": 2}\n')
    first, bad, last = rows_of(path)
    assert (first.cells, first.fault, last.cells, last.fault) == ({"a": 1}, None, {"a": 2}, None)
    assert bad.fault is not None
    assert (bad.fault.pointer, bad.line, bad.cells) == ("/file/2", 2, {})
    assert survey(path).faulty_rows == 1
    assert msgspec.json.decode(predicted(path).splitlines()[1]) == {
        "default_probability": None,
        "decision": None,
        "error": "bad",
    }


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b'{"a": 1}\n{"a": "' + b"x" * 10 * 2**20 + b'"}\n', ("line_long", 2)),
        (b"".join(b'{"c%d":1}\n' % n for n in range(MOST_COLUMNS + 1)), ("columns", 0)),
        (b'{"' + b"n" * 300_000 + b'": 1}\n', ("names_long", 0)),
    ],
    ids=count(),
)
def test_a_file_that_cannot_be_bounded_is_refused(
    tmp_path: Path, content: bytes, fault: tuple[str, int]
) -> None:
    assert refused(saved(tmp_path, content)) == fault


def test_outputs_take_other_names_where_members_of_any_line_have_theirs(tmp_path: Path) -> None:
    path = saved(tmp_path, b'{"a": 1}\n{"a": 2, "decision": "mine", "error": 0}\n')
    _, second = map(msgspec.json.decode, predicted(path, chunk_rows=1).splitlines())
    assert second == {
        "a": 2,
        "decision": "mine",
        "error": 0,
        "default_probability": 0.25,
        "augury_decision": "approve",
        "augury_error": None,
    }


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("xyz"), inner, max_size=3),
    max_leaves=5,
)


@settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=100,
)
@given(
    rows=st.lists(st.dictionaries(st.text("abc", min_size=1), VALUES, max_size=4), min_size=1),
    chunk_rows=st.integers(1, 4),
)
def test_any_objects_come_back_as_they_were(
    tmp_path: Path, rows: list[dict[str, Any]], chunk_rows: int
) -> None:
    content = b"\n".join(map(msgspec.json.encode, rows))
    assert cells_of(tmp_path, content) == rows
    results = predicted(tmp_path / "upload", chunk_rows=chunk_rows).splitlines()
    for row, line in zip(rows, results, strict=True):
        back = msgspec.json.decode(line)
        assert {name: back[name] for name in row} == row
        assert back["default_probability"] == 0.25
