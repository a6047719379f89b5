"""A chunk of CSV that is scored by columns gives the same bytes as one scored row by row."""

import json
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from augury.files.csv_rows import CsvRows
from augury.files.forms import Plan, Row
from augury.files.rows import survey
from augury.files.shares import are_shares, written_shares
from augury.inference.manifest import DECISIONS
from augury.predictions import batch_scoring
from support.batch_files import ANY_TIME, CATEGORIES, MODEL, NAMES, NUMBERS, ORDINARY, scored, told


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
    # In slices as well, of which a chunk has some.
    with mock.patch.multiple(batch_scoring, _PREDICTED_AT_ONCE=3, _JUDGED_AT_ONCE=2):
        assert told(lambda: scored(path, expected)) == by_rows


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


@ANY_TIME
@given(content=csv_files(), chunk_rows=st.integers(1, 5))
@example(content=b"age,sum,rate,home,code\n1,2,3,OWN,1\n1,-nan,3,OWN,1\n", chunk_rows=9)
@example(content=b"age,sum,rate,home,code\n\xef\xbb\xbf1,2,3,OWN,1\n", chunk_rows=9)
def test_any_csv_gives_the_same_bytes(tmp_path: Path, content: bytes, chunk_rows: int) -> None:
    path = tmp_path / "upload"
    path.write_bytes(content)
    assert_same(path, chunk_rows)


JSON_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 130),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([-0.0, 10**400, [], {"a": 1}, "\ud800"]),
    st.sampled_from(NUMBERS),
    st.sampled_from(CATEGORIES),
)
TAME_ROW = st.fixed_dictionaries(
    {"age": st.integers(0, 120), "sum": st.none() | st.floats(-5, 5), "home": st.just("OWN")},
    optional={"rate": st.integers(-5, 5) | st.just("2.5"), "code": st.sampled_from([1, "2", True])},
)
JSON_LINES = st.one_of(
    TAME_ROW.map(json.dumps),
    TAME_ROW.map(json.dumps),
    st.dictionaries(st.sampled_from([*NAMES, "note"]), JSON_VALUES).map(json.dumps),
    st.sampled_from(["", "[1]", "{", '{"age": 1e999}', '{"age": 01}']),
)


@ANY_TIME
@given(lines=st.lists(JSON_LINES, min_size=1, max_size=9), chunk_rows=st.integers(1, 5))
def test_any_json_lines_give_the_same_bytes(
    tmp_path: Path, lines: list[str], chunk_rows: int
) -> None:
    path = tmp_path / "upload"
    path.write_text("\n".join([json.dumps(dict.fromkeys(NAMES)), *lines]))
    assert_same(path, chunk_rows)


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
