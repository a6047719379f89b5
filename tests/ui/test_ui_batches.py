"""Batches in the cabinet, in front of a real API."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from augury.client import Batch, Client, ResultsFile
from augury.ui.parts import address, batch_results
from augury.ui.parts.batch_progress import time_left
from augury.ui.parts.batch_results import Sample, sample
from augury.ui.reader import Reader
from augury.ui.web.cookies import SESSION_COOKIE
from augury.ui.web.downloads import DOWNLOADS
from support.files import applicants, written
from ui.pages import links, press, spoken, words
from ui.real import Cabinet

CHEAP = "credit-logistic-regression"


def opened(cabinet: Cabinet, content: bytes, name: str = "rows.csv") -> AppTest:
    """Open the page with a file given."""
    page = cabinet.open("batches", model=CHEAP)
    page.file_uploader[0].set_value((name, content, "")).run()
    assert not page.exception
    return page


def ended(client: Client) -> Batch:
    """Return the newest batch once it is over."""
    return client.batches.await_batch(client.batches.batches().items[0].id)


def test_a_file_is_checked_for_nothing_and_only_good_rows_are_paid(cabinet: Cabinet) -> None:
    client = cabinet.customer()
    page = opened(cabinet, written("csv", applicants(6, (1, 4))))
    said = words(page)
    for expected in (
        "Read as CSV: 6 rows.",
        "they come back as they are: number",
        "Will fail, and cost nothing: 2 rows. Checked: 6 rows.",
        "4 rows, 10 credits each: 40 credits",
        "Until the end 60 credits are held",
    ):
        assert expected in said
    assert "{'Line': '3'" in said
    assert "{'Line': '6'" in said
    assert (client.me().balance.available, client.batches.batches().items) == (5000, ())
    press(page, "Start the batch")
    assert not page.exception
    batch = ended(client)
    assert (batch.rows_done, batch.rows_failed, batch.credits_captured) == (4, 2, 40)
    assert client.me().balance.available == 4960


def test_what_came_of_it_is_shown_with_charts_and_failed_lines(cabinet: Cabinet) -> None:
    client = cabinet.customer()
    press(opened(cabinet, written("csv", applicants(6, (1, 4)))), "Start the batch")
    batch = ended(client)
    page = cabinet.open("batches", id=batch.id)
    assert not page.exception
    assert [one.value for one in page.metric[:3]] == ["4", "2", "40 credits"]
    assert links(page)["Download the results"] == f"/results/{batch.id}"
    assert len(page.get("vega_lite_chart")) == 2
    said = words(page)
    assert "Rows that failed" in said
    assert "{'Line': '3', 'What is wrong': \"loan_grade" in said
    assert "Succeeded" in words(cabinet.open("batches"))


def test_a_second_click_buys_nothing(cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither at once, when the page has not answered yet, nor after: there is no file any more."""
    client = cabinet.customer()
    page = opened(cabinet, written("jsonl", applicants(3)), "rows.jsonl")
    before = dict(page.query_params)
    press(page, "Start the batch")
    assert not [one for one in page.button if one.label == "Start the batch"]
    # The browser had not heard yet where the first click led.
    monkeypatch.setattr(address, "_LATE_CLICK_SECONDS", 3600.0)
    page.query_params.clear()
    page.query_params.update(before)
    page.run()
    (batch,) = client.batches.batches().items
    assert page.query_params["id"] == batch.id
    ended(client)


def test_missing_columns_are_named_and_nothing_can_be_started(cabinet: Cabinet) -> None:
    cabinet.customer()
    page = opened(cabinet, b"person_age,other\n30,1\n")
    assert "person_income" in spoken(page.error[0].value)
    assert not [one for one in page.button if one.label == "Start the batch"]


def test_a_file_that_is_none_is_refused_in_words(cabinet: Cabinet) -> None:
    cabinet.customer()
    assert opened(cabinet, b"PK\x03\x04 an archive").error
    page = opened(cabinet, b"")
    assert page.error
    press(page, "Take another file")
    assert page.file_uploader


def test_too_dear_a_file_says_what_is_missing(cabinet: Cabinet) -> None:
    cabinet.customer()
    page = opened(cabinet, written("csv", applicants(501)))
    assert "Missing: 10 credits." in spoken(page.warning[0].value)


def test_a_batch_that_runs_shows_how_far_it_is(
    cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page opened anew, or a second one, shows the same; ending it asks once more."""
    client = cabinet.customer()
    press(opened(cabinet, written("csv", applicants(4))), "Start the batch")
    batch = ended(client)
    running = {"status": "running", "rows_done": 1, "rows_failed": 1, "completed_at": None}
    told = Batch(**{name: getattr(batch, name) for name in batch.__struct_fields__} | running)
    monkeypatch.setattr(type(client.batches), "batch", lambda *_: told)
    cancelled: list[str] = []
    monkeypatch.setattr(
        type(client.batches), "cancel", lambda _, batch_id: cancelled.append(batch_id)
    )
    for _ in range(2):
        page = cabinet.open("batches", id=batch.id)
        said = words(page)
        assert "Running" in said
        assert "failed: 1 row" in said
        assert not links(page)
    press(page, "Cancel the batch")
    assert not cancelled
    press(page, "No")
    press(page, "Cancel the batch")
    press(page, "Yes, cancel it")
    assert cancelled == [batch.id]


def test_somebody_elses_batch_is_none(cabinet: Cabinet) -> None:
    client = cabinet.customer()
    press(opened(cabinet, written("csv", applicants(1))), "Start the batch")
    batch = ended(client)
    cabinet.customer()
    assert "no such batch" in cabinet.open("batches", id=batch.id).warning[0].value


@pytest.fixture
def downloads(cabinet: Cabinet) -> Iterator[TestClient]:
    """A browser in front of the routes."""
    with TestClient(Starlette(routes=DOWNLOADS), follow_redirects=False) as browser:
        yield browser


def test_a_download_is_the_apis_own_file(
    cabinet: Cabinet, downloads: TestClient, tmp_path: Any
) -> None:
    client = cabinet.customer()
    page = opened(cabinet, written("csv", applicants(5, (2,))), "мои строки.csv")
    press(page, "Start the batch")
    batch = ended(client)
    downloads.cookies.set(SESSION_COOKIE, cabinet.cookies[SESSION_COOKIE])
    answer = downloads.get(f"/results/{batch.id}")
    client.batches.save_results(batch.id, tmp_path / "results")
    assert answer.content == (tmp_path / "results").read_bytes()
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.headers["Content-Disposition"].startswith("attachment; filename*=utf-8''%D0%BC")
    lost = downloads.get("/results/01a203e3-c35a-7188-83d2-75564e16707f")
    assert lost.headers["Location"].endswith("&download_refused=not_found")
    assert downloads.get("/results/a%22b").headers["Location"] == "/batches"


class _Pieces:
    """A stream that tells whether it was let go of."""

    def __init__(self, content: bytes, size: int) -> None:
        self.closed = False
        self.read = 0
        self._content, self._size = content, size

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self._content), self._size):
            self.read = start
            yield self._content[start : start + self._size]

    def close(self) -> None:
        self.closed = True


def sampled(content: bytes, media_type: str, size: int = 7) -> tuple[Sample, _Pieces]:
    """Return what is seen of results that come in small pieces."""
    pieces: Any = _Pieces(content, size)
    return sample(ResultsFile(media_type, "r", pieces), "default_probability"), pieces


@pytest.mark.parametrize(
    ("encoding", "charset"), [("utf-8-sig", "utf-8"), ("cp1251", "windows-1251")]
)
def test_results_are_counted_whatever_their_dialect(encoding: str, charset: str) -> None:
    text = (
        'sep=;\nимя;default_probability;decision;error\n"а\nб";0,04;approve;\n'
        "в;0,51;decline;\nг;;;Плохо.\n"
    )
    media_type = f"text/csv; charset={charset}; header=present"
    found, pieces = sampled(text.encode(encoding), media_type)
    assert (found.rows, found.is_whole, found.succeeded) == (3, True, 2)
    assert (found.bins[0], found.bins[10]) == (1, 1)
    assert found.decisions == {"approve": 1, "decline": 1}
    assert [(one.line, one.error) for one in found.failures] == [(6, "Плохо.")]
    assert pieces.closed


def test_lines_of_json_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        {"default_probability": None, "augury_default_probability": 1.0, "decision": "decline"},
        {"default_probability": None, "error": "Bad."},
    ]
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    found, _ = sampled(content, "application/jsonl")
    assert (found.bins[-1], found.failures[0].line) == (1, 2)
    monkeypatch.setattr(batch_results, "MOST_ROWS", 1)
    found, _ = sampled(content, "application/jsonl")
    assert (found.rows, found.is_whole) == (1, False)


def test_results_are_not_read_beyond_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_results, "MOST_BYTES", 1000)
    content = b"default_probability,error\n" + b"0.5,\n" * 10_000
    found, pieces = sampled(content, "text/csv", size=100)
    assert not found.is_whole
    assert 150 < found.rows < 200
    assert pieces.read <= 1000
    assert pieces.closed


def test_the_time_left_is_told_in_seconds_or_minutes() -> None:
    reader = Reader("en")
    assert time_left(0.2, reader) == "about 1 second left"
    assert time_left(200, reader) == "about 3 minutes left"
