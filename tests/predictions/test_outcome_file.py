"""Files of outcomes: every way to write one that is allowed, and what is refused as a whole."""

import pytest

from augury.kit.errors import InvalidInput
from augury.predictions import outcome_file
from augury.predictions.outcome_file import Line, read_lines

ID = "01994f0e-7a51-7c3e-8f4e-3d1d5b0c9a77"


@pytest.mark.parametrize(
    "text",
    [
        f"prediction_id,row,outcome\n{ID},3,1\n",
        f"prediction_id;row;outcome\n{ID};3;1\n",
        f"\ufeffprediction_id,row,outcome\r\n{ID},3,1\r\n",
        f"outcome,prediction_id,row\n1,{ID},3",
        f' Outcome , "prediction_id", ROW\n 1 , {ID} , 3 ',
        f'"prediction_id","row","outcome"\n"{ID.upper()}","3","1"\n',
        f"prediction_id,row,outcome,comment\n{ID},3,1,paid; late",
        f"prediction_id,row,outcome\n\n,,\n{ID},3,1\n\n",
    ],
)
def test_columns_come_in_any_order_with_commas_or_semicolons(text: str) -> None:
    """A byte order mark, quotes, blanks, empty lines and other columns do no harm."""
    text = text.replace(', "prediction_id"', ',"prediction_id"')
    (line,), faults = read_lines(text.encode())
    assert faults == []
    assert (line.prediction_id, line.row, line.outcome) == (ID, 3, 1)


def test_the_row_may_be_left_out() -> None:
    for text in (f"prediction_id,outcome\n{ID},0\n", f"prediction_id,row,outcome\n{ID},,0\n"):
        assert read_lines(text.encode()) == ([Line(2, ID, None, 0)], [])


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    """A cell that goes over two lines counts both."""
    text = f'prediction_id,outcome,note\n{ID},1,"a\nb"\n{ID},0,c\n'
    lines, _ = read_lines(text.encode())
    assert [line.line for line in lines] == [3, 4]


@pytest.mark.parametrize(
    ("content", "pointer", "key"),
    [
        (b"", "/file/1", "outcome_file_columns"),
        (b"prediction,outcome\n", "/file/1", "outcome_file_columns"),
        (b"prediction_id,row\n", "/file/1", "outcome_file_columns"),
        (b"prediction_id,outcome,outcome\n", "/file/1", "outcome_file_columns"),
        (b"prediction_id,outcome,row,row\n", "/file/1", "outcome_file_columns"),
        ("prediction_id,outcome\nпять,1".encode("cp1251"), "/file", "not_unicode"),
        (b"prediction_id,outcome\n" * 12, "/file", "outcome_file_lines"),
        (b" " * 1001, "/file", "outcome_file_long"),
    ],
)
def test_a_file_that_is_none_is_refused_as_a_whole(
    content: bytes, pointer: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcome_file, "MOST_LINES", 10)
    monkeypatch.setattr(outcome_file, "MOST_BYTES", 1000)
    with pytest.raises(InvalidInput) as refused:
        read_lines(content)
    (fault,) = refused.value.faults
    assert (fault.pointer, fault.key) == (pointer, f"fault.{key}")


def test_an_open_quotation_mark_ends_the_reading() -> None:
    """What comes after it is not guessed at; what came before is still looked at."""
    text = f'prediction_id,outcome\n{ID},1\n"{ID},1\n{ID},1\n'
    lines, faults = read_lines(text.encode())
    assert [line.line for line in lines] == [2]
    assert [fault.key for fault in faults] == ["fault.outcome_line_quotes"]


def test_a_cell_of_any_length_is_shown_in_short() -> None:
    _, (fault,) = read_lines(f"prediction_id,outcome\n{'x' * 10_000},1\n".encode())
    assert len(str(fault.values["got"])) == 80
