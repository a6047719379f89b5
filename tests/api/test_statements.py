"""Statements over HTTP: as JSON, as a spreadsheet, on paper, and only one's own."""

import csv
import io
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pypdf import PdfReader
from starlette.testclient import TestClient

from augury.bootstrap import House
from augury.kit.clock import SECOND
from augury.kit.ids import new_id
from augury.ledger import service
from augury.ledger.core import Instruction, TransferType
from augury.ledger.statement import Month
from support.houses import open_house, settings_for, sign_up
from support.months import DAY, Clock
from support.problems import is_problem

routes = import_module("augury.api.routes.statements")
_MONTHS = [Month(2024, 11), Month(2024, 12), Month(2025, 3)]


@pytest.fixture
def shop(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[TestClient, House, dict[str, str]]]:
    """A house on either database, and a customer with movements in three months of the past."""
    with open_house(settings_for(database_url, tmp_path, welcome_credits=0)) as (client, house):
        anna = sign_up(client)
        user_id = client.get("/v1/me", headers=anna).json()["id"]
        with monkeypatch.context() as patch:
            clock = Clock(patch)
            for month in _MONTHS:
                _live(house, user_id, month, clock)
        yield client, house, anna


def _live(house: House, user_id: str, month: Month, clock: Clock) -> None:
    hold = new_id()
    for day, one in enumerate(
        [
            Instruction(new_id(), TransferType.TOP_UP, user_id, 1000, reference="t"),
            Instruction(hold, TransferType.HOLD, user_id, 300, expires_at=2**52),
            Instruction(new_id(), TransferType.CAPTURE, user_id, 200, hold_id=hold),
            Instruction(new_id(), TransferType.ADJUSTMENT, user_id, -50, reason="=Возврат, «сбой»"),
        ]
    ):
        clock.moment = month.start + day * DAY
        with house.db.write() as tx:
            service.post(tx, [one])


def test_months_are_listed_newest_first(shop: tuple[TestClient, House, dict[str, str]]) -> None:
    """With their balances; months without movements are left out; pages have each once."""
    client, _, anna = shop
    whole = client.get("/v1/statements", headers=anna).json()
    assert whole["next_cursor"] is None
    assert whole["items"] == [
        {"month": "2025-03", "final": True, "movements": 4, "opening_balance": 1500, "closing_balance": 2250},
        {"month": "2024-12", "final": True, "movements": 4, "opening_balance": 750, "closing_balance": 1500},
        {"month": "2024-11", "final": True, "movements": 4, "opening_balance": 0, "closing_balance": 750},
    ]  # fmt: skip
    first = client.get("/v1/statements?limit=2", headers=anna).json()
    second = client.get(
        f"/v1/statements?limit=2&cursor={first['next_cursor']}", headers=anna
    ).json()
    assert first["items"] + second["items"] == whole["items"]
    assert second["next_cursor"] is None


def test_a_statement_is_what_its_description_says(
    shop: tuple[TestClient, House, dict[str, str]],
) -> None:
    """JSON by default: both balances, totals by type and every movement, oldest first."""
    client, _, anna = shop
    answer = client.get("/v1/statements/2024-12", headers=anna)
    told = answer.json()
    whole = client.get("/openapi.json").json()
    schema = whole["components"]["schemas"]["StatementOut"] | {"components": whole["components"]}
    jsonschema.Draft202012Validator(schema).validate(told)
    items = told.pop("items")
    assert told == {
        "month": "2024-12",
        "begins_at": "2024-12-01T00:00:00.000000Z",
        "ends_at": "2025-01-01T00:00:00.000000Z",
        "final": True,
        "movements": 4,
        "opening_balance": 750,
        "closing_balance": 1500,
        "totals": [
            {"type": "top_up", "count": 1, "amount": 1000},
            {"type": "adjustment", "count": 1, "amount": -50},
            {"type": "hold", "count": 1, "amount": -300},
            {"type": "capture", "count": 1, "amount": 100},
        ],
    }
    assert [(one["amount"], one["balance_after"]) for one in items] == [
        (1000, 1750),
        (-300, 1450),
        (100, 1550),
        (-50, 1500),
    ]
    assert items == client.get(
        "/v1/transactions?from=2024-12-01&to=2025-01-01", headers=anna
    ).json()["items"][::-1]  # fmt: skip
    assert (
        answer.headers["Content-Disposition"] == 'inline; filename="augury-statement-2024-12.json"'
    )
    empty = client.get("/v1/statements/2025-01", headers=anna).json()
    assert (empty["opening_balance"], empty["closing_balance"], empty["items"]) == (1500, 1500, [])


def test_the_spreadsheet_has_the_numbers_of_the_json(
    shop: tuple[TestClient, House, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same movements, in lots of any size, with a heading in the reader's language."""
    client, _, anna = shop
    monkeypatch.setattr(import_module("augury.ledger.statement"), "_MOVEMENTS_AT_ONCE", 3)
    told = client.get("/v1/statements/2024-12", headers=anna).json()
    asked = anna | {"Accept": "text/csv", "Accept-Language": "ru"}
    answer = client.get("/v1/statements/2024-12", headers=asked)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Language"] == "ru"
    assert answer.headers["Content-Disposition"] == (
        'attachment; filename="augury-statement-2024-12.csv"'
    )
    assert {"Accept", "Accept-Language"} == set(answer.headers["Vary"].split(", "))
    text = answer.content.decode("utf-8-sig")
    heading, opening, *rows, closing = csv.reader(io.StringIO(text, newline=""))
    assert heading[0] == "Время (UTC)"
    assert int(opening[3]) == told["opening_balance"]
    assert int(closing[3]) == told["closing_balance"]
    assert [(int(row[2]), int(row[3]), row[6], row[7]) for row in rows] == [
        (one["amount"], one["balance_after"], one["id"], one["type"]) for one in told["items"]
    ]
    assert rows[-1][5] == "'=Возврат, «сбой»"


def test_the_paper_has_the_numbers_of_the_json(
    shop: tuple[TestClient, House, dict[str, str]],
) -> None:
    """A PDF with both balances and every movement, whose Cyrillic can be read."""
    client, _, anna = shop
    asked = anna | {"Accept": "application/pdf", "Accept-Language": "ru"}
    answer = client.get("/v1/statements/2024-12", headers=asked)
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"] == (
        'attachment; filename="augury-statement-2024-12.pdf"'
    )
    pages = PdfReader(io.BytesIO(answer.content)).pages
    text = " ".join(" ".join(page.extract_text() for page in pages).split())
    for piece in ("anna@example.com", "Декабрь 2024", "750", "1 500", "Корректировка", "−50"):
        assert piece in text


def test_a_paper_that_would_be_too_long_is_refused_unread(
    shop: tuple[TestClient, House, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal says how long it would be; the other forms have no such limit."""
    client, _, anna = shop
    monkeypatch.setattr(routes, "MOST_LINES", 3)
    answer = client.get("/v1/statements/2024-12", headers=anna | {"Accept": "application/pdf"})
    problem = is_problem(answer)
    assert (answer.status_code, problem["code"]) == (406, "paper_too_long")
    assert (problem["lines"], problem["most_lines"]) == (4, 3)
    assert "text/csv" in problem["detail"]
    assert client.get("/v1/statements/2024-12", headers=anna).status_code == 200


def test_statements_are_ones_own(shop: tuple[TestClient, House, dict[str, str]]) -> None:
    """Another customer has other months, and an empty statement for this one."""
    client, _, _ = shop
    boris = sign_up(client, "boris")
    assert client.get("/v1/statements", headers=boris).json()["items"] == []
    told = client.get("/v1/statements/2024-12", headers=boris).json()
    assert (told["movements"], told["items"], told["closing_balance"]) == (0, [], 0)


def test_the_present_month_is_given_as_far_as_it_has_come(
    client: TestClient, anna: dict[str, str]
) -> None:
    """Not final, and its closing balance is the balance."""
    (present,) = client.get("/v1/statements", headers=anna).json()["items"]
    told = client.get(f"/v1/statements/{present['month']}", headers=anna).json()
    balance = client.get("/v1/balance", headers=anna).json()
    assert told["final"] is False
    assert told["closing_balance"] == balance["available"]


@pytest.mark.parametrize(
    "month",
    ["2026", "2026-13", "2026-00", "1969-12", "x", "%00", "2026-1", "2026-01-01", "9999-12", "2" * 500, "٢٠٢٦-٠١"],
)  # fmt: skip
@pytest.mark.parametrize("accept", ["application/json", "text/csv", "application/pdf"])
def test_what_is_no_month_or_not_yet_is_refused(
    client: TestClient, anna: dict[str, str], month: str, accept: str
) -> None:
    """With a sentence that says which months there are, whatever form was asked for."""
    answer = client.get(f"/v1/statements/{month}", headers=anna | {"Accept": accept})
    problem = is_problem(answer)
    assert (answer.status_code, problem["code"]) == (422, "invalid_input")
    assert [fault["pointer"] for fault in problem["errors"]] == ["/month"]


@pytest.mark.parametrize("accept", ["image/png", "nonsense", "text/csv;q=0"])
def test_a_form_that_there_is_not_is_refused(
    client: TestClient, anna: dict[str, str], accept: str
) -> None:
    """The refusal names those that there are."""
    answer = client.get("/v1/statements/2024-12", headers=anna | {"Accept": accept})
    problem = is_problem(answer)
    assert (answer.status_code, problem["code"]) == (406, "not_acceptable")
    assert "text/csv" in problem["detail"]


def test_several_accept_headers_are_one(client: TestClient, anna: dict[str, str]) -> None:
    """A client may spread what it takes over several headers."""
    headers: Any = [*anna.items(), ("Accept", "image/png"), ("Accept", "text/csv")]
    answer = client.get("/v1/statements/2024-12", headers=headers)
    assert answer.headers["Content-Type"].startswith("text/csv")


@pytest.mark.parametrize("query", ["cursor=x", "cursor=MjAyNi0xMw", "limit=0", "limit=201"])
def test_a_bad_page_of_months_is_refused(
    client: TestClient, anna: dict[str, str], query: str
) -> None:
    """A cursor names a month, and nothing else."""
    answer = client.get(f"/v1/statements?{query}", headers=anna)
    assert (answer.status_code, is_problem(answer)["code"]) == (422, "invalid_input")


@pytest.mark.parametrize("path", ["/v1/statements", "/v1/statements/2024-12", "/v1/usage"])
def test_nobody_reads_without_a_token(client: TestClient, path: str) -> None:
    """Statements and usage are private."""
    answer = client.get(path)
    assert (answer.status_code, is_problem(answer)["code"]) == (401, "unauthenticated")


def test_a_second_is_a_second() -> None:
    """The test's own months begin where the calendar's do."""
    assert Month(2024, 12).start == 1733011200 * SECOND
