"""CSV of every dialect is read as it was meant, or refused with the line that is wrong."""

import codecs
import csv
import io
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from augury.files.forms import MOST_COLUMNS, MOST_LINE_BYTES
from augury.files.rows import open_rows, survey
from files.tables import cells_of, predicted, refused, rows_of, saved

RUSSIAN = "город;доход\r\nМосква;12,5\r\nТверь;7\r\n"


@pytest.mark.parametrize(
    ("text", "delimiter", "decimal", "columns"),
    [
        ("a,b\n1,2\n", ",", ".", ["a", "b"]),
        ("a;b\n1,5;2,5\n", ";", ",", ["a", "b"]),
        ("a;b\n1.5;2.5\n", ";", ".", ["a", "b"]),
        ("a;b\nx;y\n", ";", ",", ["a", "b"]),
        ("a\tb\n1.5\t2\n", "\t", ".", ["a", "b"]),
        ("a\tb\n1,5\t2\n", "\t", ",", ["a", "b"]),
        ("a|b\n1|2\n", "|", ".", ["a", "b"]),
        ("age, years;income, RUB\n12,5;13,5\n1,5;2,5\n", ";", ",", ["age, years", "income, RUB"]),
        ('a,b\n"x;y;z",1\n"x;y",2\n', ",", ".", ["a", "b"]),
        ('"a;b",c\n1,2\n', ",", ".", ["a;b", "c"]),
        ("a\n1\n2\n", ",", ".", ["a"]),
        ("a;b;c\n1;2\n1;2;3\n4;5;6\n", ";", ",", ["a", "b", "c"]),
        ("sep=|\na|b,c,d\n1|2,3,4\n", "|", ".", ["a", "b,c,d"]),
        ("\n\na,b\n1,2\n", ",", ".", ["a", "b"]),
        (",a\n0,1\n", ",", ".", ["", "a"]),
    ],
)
def test_the_dialect_is_found_out(
    tmp_path: Path, text: str, delimiter: str, decimal: str, columns: list[str]
) -> None:
    form = survey(saved(tmp_path, text.encode())).form
    assert (form.delimiter, form.decimal, form.columns) == (delimiter, decimal, columns)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (RUSSIAN.encode(), "utf-8"),
        (codecs.BOM_UTF8 + RUSSIAN.encode(), "utf-8"),
        (RUSSIAN.encode("utf-16"), "utf-16-le"),
        (codecs.BOM_UTF16_BE + RUSSIAN.encode("utf-16-be"), "utf-16-be"),
        (RUSSIAN.encode("cp1251"), "cp1251"),
    ],
    ids=["utf-8", "mark", "utf-16-le", "utf-16-be", "cp1251"],
)
def test_the_letters_are_found_out_and_the_results_have_the_same(
    tmp_path: Path, content: bytes, encoding: str
) -> None:
    path = saved(tmp_path, content)
    assert survey(path).form.encoding == encoding
    assert [row.cells for row in rows_of(path)] == [["Москва", "12,5"], ["Тверь", "7"]]
    written = predicted(path)
    assert written[:2] == content[:2]
    text = written.decode("utf-16" if encoding.startswith("utf-16") else encoding).lstrip("\ufeff")
    assert text == (
        "город;доход;default_probability;decision;error\r\n"
        "Москва;12,5;0,25;approve;\r\nТверь;7;0,25;approve;\r\n"
    )


def test_a_late_russian_letter_decides_about_the_encoding(tmp_path: Path) -> None:
    text = "a,b\n" + f"1,{'x' * 996}\n" * 3000 + "1,Ё\n"
    assert survey(saved(tmp_path, text.encode("cp1251"))).form.encoding == "cp1251"
    assert survey(saved(tmp_path, text.encode())).form.encoding == "utf-8"


def test_a_letter_on_the_border_of_two_blocks_is_one_letter(tmp_path: Path) -> None:
    before = "a,b\n" + f"1,{'x' * 997}\n" * 1048
    left = 2**20 - len(before)
    for shift in range(3):
        content = f"{before}{'y' * (left - shift)}ЖЖ,1\n".encode()
        assert survey(saved(tmp_path, content)).form.encoding == "utf-8"


@pytest.mark.parametrize(
    "letter", ["\u0a0a", "\u0a00", "\u000b", "\u010a", "\u0a0d", "😊"], ids=ascii
)
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_half_a_letter_of_utf_16_ends_no_line(tmp_path: Path, letter: str, encoding: str) -> None:
    content = f"\ufeffa,b\n{letter}{letter}x,1\n2,{letter}\n".encode(encoding)
    rows = rows_of(saved(tmp_path, content), chunk_rows=1)
    assert [(row.line, row.cells) for row in rows] == [
        (2, [f"{letter}{letter}x", "1"]),
        (3, ["2", letter]),
    ]


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    text = 'a,b\r\n1,"x\r\ny"\r\n\r\n2,z\r\n3\r\n4,5,6\r\n7,8\r\n'
    rows = rows_of(saved(tmp_path, text.encode()), chunk_rows=2)
    assert [row.line for row in rows] == [2, 5, 6, 7, 8]
    assert list(rows[0].cells) == ["1", "x\r\ny"]
    assert [row.fault and row.fault.values for row in rows] == [
        None,
        None,
        {"line": 6, "expected": 2, "got": 1},
        {"line": 7, "expected": 2, "got": 3},
        None,
    ]


def test_a_row_of_another_width_comes_back_in_its_columns(tmp_path: Path) -> None:
    written = predicted(saved(tmp_path, b"a,b\n1\n2,3,4\n5,6\n")).decode()
    assert written.splitlines()[1:] == ["1,,,,bad", "2,3,,,bad", "5,6,0.25,approve,"]
    assert survey(tmp_path / "upload").faulty_rows == 2


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", ("empty", 0)),
        (b" \r\n\n", ("empty", 0)),
        (b"\xef\xbb\xbf", ("empty", 0)),
        (b",,\n1,2,3\n", ("empty", 0)),
        (b"a,b\n", ("no_rows", 0)),
        (b"a,b\n1,\x002\n", ("binary", 0)),
        ("a,b\n1,2\n".encode("utf-16-le"), ("binary", 0)),
        ("a,b\n1,2\n".encode("utf-32"), ("binary", 0)),
        (b"PK\x03\x04" + b"\0" * 100, ("packed", 0)),
        (b"\x1f\x8b\x08\x00abc", ("packed", 0)),
        (b"\xd0\xcf\x11\xe0abc", ("packed", 0)),
        (b'[{"a": 1}]', ("json_array", 0)),
        (b"[]", ("json_array", 0)),
        (b"a,b,a\n1,2,3\n", ("columns_twice", 1)),
        (b"a,b, a\n1,2,3\n", ("columns_twice", 1)),
        (b'a,b\n1,2\n3,"x\n4,5\n6,7\n', ("quotes", 3)),
        (b'a,b\n1,2\n3,"x"y\n', ("quotes", 3)),
        (b"a,b\r1,2\r", ("line_end", 1)),
        (b"a,b\n1,2\r3,4\n", ("line_end", 2)),
        (b"a,b\n1,\xc6\n3,\x98\n", ("letters", 3)),
        (codecs.BOM_UTF16_LE + b"a\0,\0b\0\n\0" + b"\x00\xd81\0", ("letters", 2)),
        (codecs.BOM_UTF8 + b"a,b\n1,\xff\n", ("letters", 2)),
        (b"a,b\n1," + b"x" * 200_000 + b"\n", ("cell_long", 2)),
        (b"a,b\n1," + b"1," * 10 * 2**19, ("line_long", 2)),
        (b"a,b\n" + b'1,"x\n' + b"2,3\n" * 2**19, ("cell_long", 32770)),
        (b"a,b\n" + b'"' + b'x\n","y' * 2**18 + b'"\n', ("line_long", 174765)),
        (b"a," * 1_000_000, ("line_long", 1)),
        (b",".join(b"c%d" % n for n in range(MOST_COLUMNS + 1)) + b"\n1\n", ("columns", 1)),
    ],
    ids=count(),
)
def test_a_hostile_or_damaged_file_is_refused_with_its_line(
    tmp_path: Path, content: bytes, fault: tuple[str, int]
) -> None:
    assert refused(saved(tmp_path, content)) == fault


def test_a_file_may_have_as_many_columns_and_bytes_in_a_row_as_is_promised(tmp_path: Path) -> None:
    names = [f"c{n}" for n in range(MOST_COLUMNS)]
    row = ["x" * (MOST_LINE_BYTES // MOST_COLUMNS - 1)] * MOST_COLUMNS
    found = cells_of(tmp_path, "\n".join([",".join(names), ",".join(row), ""]).encode())
    assert found == [row]


def test_more_bytes_and_rows_than_a_file_may_have_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path, b"a,b\n" + b"1,2\n" * 10)
    monkeypatch.setattr("augury.files.rows.MOST_ROWS", 9)
    assert refused(path) == ("rows", 0)
    monkeypatch.setattr("augury.files.rows.MOST_FILE_BYTES", 43)
    assert refused(path) == ("bytes", 0)


def test_chunks_end_by_bytes_and_cells_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path, b"a,b\n" + b"1,2\n" * 10)
    monkeypatch.setattr("augury.files.csv_rows.MOST_CHUNK_BYTES", 9)
    assert [mark.row for mark in survey(path).marks] == [0, 3, 6, 9]
    monkeypatch.setattr("augury.files.forms.MOST_CHUNK_CELLS", 4)
    assert [mark.row for mark in survey(path).marks] == [0, 2, 4, 6, 8]


def test_chunks_go_on_from_any_mark_to_the_end(tmp_path: Path) -> None:
    path = saved(tmp_path, b"a,b\n" + b"".join(b"%d,x\n" % n for n in range(10)))
    plan = survey(path, 3)
    with open_rows(path, plan.form) as rows:
        later = [
            next(iter(row.cells)) for chunk in rows.chunks(plan.marks[2]) for row in chunk.rows
        ]
    assert later == ["6", "7", "8", "9"]


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=150,
)
@given(
    rows=st.lists(st.tuples(st.text("abc", min_size=1), TEXT, TEXT), min_size=1, max_size=7),
    delimiter=st.sampled_from(",;\t|"),
    newline=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    chunk_rows=st.integers(1, 4),
)
def test_any_table_comes_back_as_it_was(
    tmp_path: Path,
    rows: list[tuple[str, ...]],
    delimiter: str,
    newline: str,
    encoding: str,
    chunk_rows: int,
) -> None:
    written = io.StringIO(newline="")
    # All between quotation marks: this module would leave a lone carriage return without.
    out = csv.writer(written, delimiter=delimiter, lineterminator=newline, quoting=csv.QUOTE_ALL)
    out.writerows([("x", "y", "z"), *rows])
    path = saved(tmp_path, written.getvalue().encode(encoding))
    assert [tuple(row.cells) for row in rows_of(path, chunk_rows)] == rows
    result = predicted(path, chunk_rows=chunk_rows).decode(encoding)
    back = list(csv.reader(io.StringIO(result, newline=""), delimiter=delimiter, strict=True))
    assert [tuple(row[:3]) for row in back[1:]] == rows
