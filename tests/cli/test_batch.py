"""`augury batch`: a file from a terminal to its results, over lines that break."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from augury.cli import session
from augury.client import Batch
from augury.client.batches import BatchCalls
from cli.terminal import Terminal
from support.houses import APPLICANT
from support.lines import Line

MODEL = "credit-logistic-regression"
# More than goes over at once, and several chunks for the worker.
MANY = 30_000


def write(path: Path, rows: int, **changes: Any) -> Path:
    """Write a file of applicants, the first of them changed."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["id", *APPLICANT])
        writer.writeheader()
        for number in range(rows):
            writer.writerow(APPLICANT | {"id": number} | (changes if number == 0 else {}))
    return path


def results(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def batches() -> list[Batch]:
    """Return what the customer has ordered."""
    with session.customer() as client:
        return list(client.batches.each_batch())


@pytest.fixture
def loans(terminal: Terminal) -> Path:
    return write(terminal.folder / "loans.csv", 20, person_age=3)


def test_a_file_is_quoted_bought_and_its_results_lie_beside_it(
    terminal: Terminal, loans: Path
) -> None:
    """Rows with faults come back with the reason, in their place, and cost nothing."""
    told = terminal.ok("batch", str(loans), "--model", MODEL, typed="y\n")
    assert "20 rows: 200 credits of 5000 available, 10 a row." in told
    assert "19 rows predicted, 1 with an error and free: 190 credits." in told
    found = results(loans.with_name("loans-results.csv"))
    assert [int(row["id"]) for row in found] == list(range(20))
    assert found[0]["error"] == "person_age: Must be from 18 to 100. Got 3."
    assert {row["decision"] for row in found[1:]} == {"approve"}
    assert terminal.available == 4810
    assert [path.name for path in terminal.folder.glob("*.part")] == []


def test_whoever_does_not_agree_buys_nothing(terminal: Terminal, loans: Path) -> None:
    assert terminal.run("batch", str(loans), "--model", MODEL, typed="n\n").exit_code == 1
    assert (batches(), terminal.available) == ([], 5000)


def test_without_a_terminal_to_ask_nothing_is_bought_unless_told(
    terminal: Terminal, loans: Path
) -> None:
    """A script says `--yes`."""
    assert terminal.run("batch", str(loans), "--model", MODEL).exit_code == 1
    assert batches() == []


def test_missing_columns_are_named_before_anything_is_bought(
    terminal: Terminal, loans: Path
) -> None:
    loans.write_text(loans.read_text().replace("loan_amnt", "amount"))
    told = terminal.run("batch", str(loans), "--model", MODEL)
    assert (told.exit_code, "Columns are missing: loan_amnt" in told.stderr) == (1, True)


def test_a_file_that_is_no_table_is_refused_in_the_apis_words(
    terminal: Terminal, loans: Path
) -> None:
    loans.write_bytes(b"PAR1 and nothing more")
    told = terminal.run("batch", str(loans), "--model", MODEL, "--yes")
    assert (told.exit_code, "/file" in told.stderr, batches()) == (1, True, [])


def test_who_cannot_pay_for_the_file_is_told_so(terminal: Terminal, loans: Path) -> None:
    write(loans, 600)
    told = terminal.run("batch", str(loans), "--model", MODEL, "--yes")
    assert (told.exit_code, "Top up: http" in told.stderr, batches()) == (1, True, [])


def test_results_of_another_day_are_not_overwritten(terminal: Terminal, loans: Path) -> None:
    """And that is known before anything is bought."""
    target = loans.with_name("loans-results.csv")
    target.write_text("dear to me")
    order = ("batch", str(loans), "--model", MODEL, "--yes")
    assert terminal.run(*order).exit_code == 2
    assert (target.read_text(), batches()) == ("dear to me", [])
    terminal.ok(*order, "--force")
    assert len(results(target)) == 20


def test_a_batch_is_gone_on_with_by_its_id(terminal: Terminal, loans: Path) -> None:
    """Whoever was interrupted fetches the results later, as often as needed, and pays once."""
    terminal.ok("batch", str(loans), "--model", MODEL, "--yes")
    (ordered,) = batches()
    again = loans.with_name("again.csv")
    assert terminal.run("batch", "--resume", ordered.id).exit_code == 2
    told = terminal.ok("batch", "--resume", ordered.id, "--output", str(again))
    assert "19 rows predicted" in told
    assert again.read_bytes() == loans.with_name("loans-results.csv").read_bytes()
    assert terminal.available == 4810


def test_the_same_key_buys_the_file_once(terminal: Terminal, loans: Path) -> None:
    """As the command says that was interrupted while it sent the file."""
    order = ("batch", str(loans), "--model", MODEL, "--yes", "--force", "--key", "loans-of-may")
    terminal.ok(*order)
    terminal.ok(*order)
    assert (len(batches()), terminal.available) == (1, 4810)


def test_an_interrupted_command_says_how_to_go_on(
    terminal: Terminal, loans: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while waiting names the batch, while sending it names the key."""

    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    order = ("batch", str(loans), "--model", MODEL, "--yes")
    with monkeypatch.context() as patch:
        patch.setattr("augury.client.batches.BatchCalls.await_batch", interrupt)
        told = terminal.run(*order)
    (ordered,) = batches()
    assert (told.exit_code, f"--resume {ordered.id} --output" in told.stderr) == (130, True)
    with monkeypatch.context() as patch:
        patch.setattr("augury.client.batches.BatchCalls.create", interrupt)
        told = terminal.run(*order, "--key", "mine")
    assert (told.exit_code, "--key mine" in told.stderr) == (130, True)


def test_an_upload_that_breaks_half_way_is_sent_again_and_bought_once(
    rich: Terminal, line: Line
) -> None:
    """The second try goes from the first byte, under the same key."""
    loans = write(rich.folder / "many.csv", MANY)
    line.break_at("up", b"POST /v1/batches HTTP/1.1", loans.stat().st_size // 2)
    rich.ok("batch", str(loans), "--model", MODEL, "--yes")
    assert line.broken == 1
    assert len(results(loans.with_name("many-results.csv"))) == MANY
    (ordered,) = batches()
    assert (ordered.rows, ordered.credits_captured) == (MANY, 10 * MANY)


def test_an_order_whose_answer_is_lost_is_found_again_and_not_placed_twice(
    terminal: Terminal, loans: Path, line: Line
) -> None:
    line.break_at("down", b"HTTP/1.1 202")
    terminal.ok("batch", str(loans), "--model", MODEL, "--yes")
    assert (line.broken, len(batches()), terminal.available) == (1, 1, 4810)


def test_progress_that_is_cut_off_in_the_middle_of_an_event_is_asked_for(
    rich: Terminal, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    find, found = BatchCalls.batch, []

    def find_it_running(calls: BatchCalls, batch_id: str) -> Batch:
        found.append(find(calls, batch_id))
        # What is over before it is looked at has no events that could be cut off.
        return replace(found[0], status="running") if len(found) == 1 else found[-1]

    monkeypatch.setattr(BatchCalls, "batch", find_it_running)
    loans = write(rich.folder / "many.csv", 2 * MANY)
    line.break_at("down", b"event: progress", 40)
    told = rich.ok("batch", str(loans), "--model", MODEL, "--yes")
    assert (line.broken, f"{2 * MANY} rows predicted" in told) == (1, True)


def test_a_download_that_breaks_half_way_is_done_again(terminal: Terminal, line: Line) -> None:
    """What lies there under its name is all of it."""
    loans = write(terminal.folder / "loans.csv", 400)
    line.break_at("down", b"content-disposition", 10_000)
    terminal.ok("batch", str(loans), "--model", MODEL, "--yes")
    assert (line.broken, len(results(loans.with_name("loans-results.csv")))) == (1, 400)


def test_a_token_that_runs_out_before_the_upload_is_renewed_and_the_file_is_sent_again(
    terminal: Terminal, loans: Path
) -> None:
    terminal.change_session(access_token="of yesterday")
    terminal.ok("batch", str(loans), "--model", MODEL, "--yes")
    assert (len(batches()), terminal.available) == (1, 4810)


def test_json_lines_come_back_as_json_lines(terminal: Terminal, loans: Path) -> None:
    path = loans.with_name("loans.jsonl")
    path.write_text((json.dumps(APPLICANT) + "\n") * 3)
    terminal.ok("batch", str(path), "--model", f"{MODEL}@1", "--explain", "--yes")
    told = [
        json.loads(row)
        for row in path.with_name("loans-results.jsonl").read_text().split("\n")
        if row
    ]
    assert [one["decision"] for one in told] == ["approve"] * 3
    assert all(one["reason_1"] for one in told)
