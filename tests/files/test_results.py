"""Results have the form of the file, and their parts may be made in any order and made again."""

from pathlib import Path

import pytest

from augury.files.answers import Answer, added_columns
from augury.files.cells import Field
from augury.files.parts import PartMissing, Parts
from augury.files.results import results
from augury.files.rows import open_rows, survey
from files.tables import ANSWER, OUTPUTS, predicted, saved


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("+7 is a code", "'+7 is a code"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-x", "'-x"),
        ("\tx", "'\tx"),
        ("-12.5", "-12.5"),
        ("+1", "+1"),
        ("approve", "approve"),
        ("a,b", '"a,b"'),
    ],
)
def test_our_texts_are_no_formulas(tmp_path: Path, text: str, shown: str) -> None:
    answer = Answer({"default_probability": -0.5, "decision": text})
    written = predicted(saved(tmp_path, b"a,b\n=1,@x\n"), answer).decode()
    assert written == f"a,b,default_probability,decision,error\n=1,@x,-0.5,{shown},\n"


def test_an_error_is_text_too(tmp_path: Path) -> None:
    written = predicted(saved(tmp_path, b"a\n1\n"), Answer(None, '=cmd|"x"')).decode()
    assert written.splitlines()[1] == '1,,,"\'=cmd|""x"""'


def test_letters_that_the_encoding_lacks_become_question_marks(tmp_path: Path) -> None:
    path = saved(tmp_path, "имя\nёж\n".encode("cp1251"))
    written = predicted(path, Answer(None, "цена → нет")).decode("cp1251")
    assert written.splitlines()[1] == "ёж,,,цена ? нет"


def test_the_line_for_excel_comes_back(tmp_path: Path) -> None:
    written = predicted(saved(tmp_path, b"\xef\xbb\xbfsep=;\r\na;b\r\n1;2\r\n"))
    assert written.startswith(b"\xef\xbb\xbfsep=;\r\na;b;default_probability;")


@pytest.mark.parametrize(
    ("columns", "outputs", "names"),
    [
        (["a"], ["p"], ["p", "error"]),
        (["p", "error"], ["p"], ["augury_p", "augury_error"]),
        ([" p ", "augury_p"], ["p"], ["augury_augury_p", "error"]),
        (["a"], ["error"], ["error", "augury_error"]),
        (["a"], ["p", "p2"], ["p", "p2", "error"]),
    ],
)
def test_added_columns_have_names_of_their_own(
    columns: list[str], outputs: list[str], names: list[str]
) -> None:
    assert added_columns(columns, outputs).names == names


def test_results_can_be_predicted_again(tmp_path: Path) -> None:
    once = predicted(saved(tmp_path, b"a,b\n1,2\n"))
    again = predicted(saved(tmp_path, once)).decode()
    assert again.splitlines()[0] == (
        "a,b,default_probability,decision,error"
        ",augury_default_probability,augury_decision,augury_error"
    )


def test_parts_are_joined_in_order_however_they_were_written(tmp_path: Path) -> None:
    path = saved(tmp_path, b"a\n1\n2\n3\n4\n5\n")
    plan = survey(path, 2)
    written = results(plan.form, OUTPUTS)
    parts = Parts(tmp_path / "parts")
    for number in (2, 0, 1, 0):
        with open_rows(path, plan.form) as rows:
            chunk = next(rows.chunks(plan.marks[number]))
        assert parts.written(number) == (number == 0 and parts.written(1))
        parts.write(number, written.part(chunk, [ANSWER] * len(chunk.rows)))
    whole = b"".join(written.joined(parts.read(3))).decode()
    assert [line.split(",")[0] for line in whole.splitlines()] == ["a", "1", "2", "3", "4", "5"]
    assert sorted(path.name for path in (tmp_path / "parts").iterdir()) == [
        "part-000000",
        "part-000001",
        "part-000002",
    ]


def test_a_missing_part_is_found_before_anything_is_sent(tmp_path: Path) -> None:
    parts = Parts(tmp_path)
    parts.write(0, b"x")
    parts.write(2, b"z")
    with pytest.raises(PartMissing, match="part-000001"):
        parts.read(3)


def test_a_crash_while_writing_leaves_the_earlier_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise InterruptedError

    parts = Parts(tmp_path)
    parts.write(0, b"whole")
    monkeypatch.setattr("augury.files.disk.put_in_place", crash)
    with pytest.raises(InterruptedError):
        parts.write(0, b"half")
    assert list(parts.read(1)) == [b"whole"]
    assert [path.name for path in tmp_path.iterdir()] == ["part-000000"]


def test_an_answer_for_each_row_is_demanded(tmp_path: Path) -> None:
    for content in (b"a\n1\n2\n", b'{"a":1}\n{"a":2}\n'):
        path = saved(tmp_path, content)
        plan = survey(path)
        with open_rows(path, plan.form) as rows:
            (chunk,) = rows.chunks()
        with pytest.raises(ValueError, match="zip"):
            results(plan.form, [Field("p", "number")]).part(chunk, [ANSWER])
