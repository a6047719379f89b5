"""`augury predict`, `models` and `usage`: few rows at a terminal, against a real API process."""

import json

from cli.terminal import Terminal
from support.houses import APPLICANT
from support.lines import Line

MODEL = "credit-logistic-regression"
ROW = json.dumps(APPLICANT)


def test_a_row_is_predicted_and_paid(terminal: Terminal) -> None:
    """The table has the outputs, the last line what it cost."""
    told = terminal.run("predict", MODEL, "--input", ROW)
    assert told.exit_code == 0
    headings, row = told.stdout.split("\n")[:2]
    assert headings.split() == ["row", "default_probability", "approval_probability", "decision"]
    assert row.split()[-1] == "approve"
    assert "10 credits, 4990 left" in told.stderr
    assert terminal.available == 4990


def test_rows_come_from_a_file_or_standard_input_as_a_list_or_as_lines(terminal: Terminal) -> None:
    """All of them are the same prediction."""
    path = terminal.folder / "rows.json"
    path.write_text(json.dumps([APPLICANT, APPLICANT]))
    told = [
        terminal.asked("predict", MODEL, "--file", str(path)),
        terminal.asked("predict", MODEL, typed=f"{ROW}\n{ROW}\n"),
    ]
    assert [one["rows"] for one in told] == [2, 2]
    assert told[0]["outputs"] == told[1]["outputs"]
    assert terminal.available == 4960


def test_a_quote_buys_nothing(terminal: Terminal) -> None:
    assert "10 credits of 5000" in terminal.ok("predict", MODEL, "--input", ROW, "--quote")
    assert terminal.asked("predict", MODEL, "--input", ROW, "--quote")["price"] == 10
    assert terminal.available == 5000


def test_reasons_are_told_below_the_table(terminal: Terminal) -> None:
    told = terminal.ok("predict", MODEL, "--input", ROW, "--explain")
    assert "row 1: " in told
    assert "contributions" not in told


def test_every_fault_is_listed_with_its_place(terminal: Terminal) -> None:
    """In the API's words, and nothing is charged."""
    told = terminal.run("predict", MODEL, "--input", json.dumps(APPLICANT | {"person_age": 3}))
    assert (told.exit_code, told.stdout) == (1, "")
    assert "/inputs/0/person_age: Must be from 18 to 100. Got 3." in told.stderr
    assert terminal.available == 5000


def test_what_is_no_json_never_leaves_the_terminal(terminal: Terminal) -> None:
    assert terminal.run("predict", MODEL, "--input", "{").exit_code == 2


def test_who_cannot_pay_is_told_where_to_top_up(terminal: Terminal) -> None:
    rows = json.dumps([APPLICANT] * 600)
    told = terminal.run("predict", MODEL, typed=rows)
    assert (told.exit_code, "Top up: http" in told.stderr) == (1, True)


def test_the_same_key_buys_once(terminal: Terminal) -> None:
    """A command that is repeated in a script gives what it gave."""
    order = ("predict", MODEL, "--input", ROW, "--key", "job-7")
    assert terminal.asked(*order)["id"] == terminal.asked(*order)["id"]
    assert terminal.available == 4990


def test_an_answer_that_is_lost_on_the_way_is_fetched_and_not_bought_again(
    terminal: Terminal, line: Line
) -> None:
    """The sale is made and its answer never comes: the try after it gets the same prediction."""
    line.break_at("down", b"HTTP/1.1 201")
    told = terminal.asked("predict", MODEL, "--input", ROW)
    assert (line.broken, told["status"], told["charge"]["balance_after"]) == (1, "succeeded", 4990)
    assert terminal.available == 4990


def test_usage_is_summed_by_day_and_by_model(terminal: Terminal) -> None:
    """The bar of the most expensive is the longest."""
    terminal.ok("predict", MODEL, "--input", ROW)
    terminal.ok("predict", "credit-catboost", "--input", ROW)
    _, catboost, linear, total, *_ = terminal.ok("usage", "--by", "model").split("\n")
    assert catboost.split()[:4] == ["credit-catboost", "1", "1", "100"]
    assert catboost.count("█") == 10 * linear.count("█") == 30
    assert total.split() == ["total", "2", "2", "110"]
    assert terminal.asked("usage", "--to", "2020-01-01", "--from", "2019-12-01")["items"] == []


def test_models_are_listed_with_their_prices_and_fields(terminal: Terminal) -> None:
    listed = [line.split()[:3] for line in terminal.ok("models").splitlines()]
    assert ["credit-catboost", "1", "100"] in listed
    assert "person_age" in terminal.ok("models", "credit-catboost")
    assert terminal.run("models", "nothing").exit_code == 1
