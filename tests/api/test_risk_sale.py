"""Investment risk sold, from the question to the ledger, with the prices that a house begins with."""

from typing import Any

import jsonschema
import pytest
from starlette.testclient import TestClient

from augury.bootstrap import House
from support.files import await_end, read, send, written
from support.houses import order
from support.problems import is_problem
from support.waiting import eventually

RISK, PORTFOLIO = "investment-risk", "investment-portfolio"
HELD = [{"symbol": "AAPL", "weight": 0.6}, {"symbol": "XOM", "weight": 0.4}]
Headers = dict[str, str]


def ask(client: TestClient, who: Headers, model: str, *rows: Any, **more: Any) -> Any:
    return client.post(
        "/v1/predictions", json={"model": model, "inputs": list(rows)}, headers=who | more
    )


def available(client: TestClient, who: Headers) -> int:
    found: int = client.get("/v1/balance", headers=who).json()["available"]
    return found


@pytest.mark.parametrize(("model", "price"), [(RISK, 100), (PORTFOLIO, 200)])
def test_its_own_example_is_sold_at_the_specifications_price(
    client: TestClient, anna: Headers, model: str, price: int
) -> None:
    told = client.get(f"/v1/models/{model}").json()
    assert told["price"] == price
    (example,) = told["input_schema"]["examples"]
    jsonschema.validate(example, told["input_schema"])
    before = available(client, anna)
    answer = ask(client, anna, model, example)
    assert answer.status_code == 201, answer.text
    sold = answer.json()
    jsonschema.validate(sold["outputs"][0], told["output_schema"])
    assert sold["charge"]["amount"] == price
    assert available(client, anna) == before - price
    stored = client.get(f"/v1/predictions/{sold['id']}", headers=anna).json()
    assert stored["outputs"] == sold["outputs"]
    assert stored["inputs"] == [example]


def test_a_symbol_alone_is_answered_with_the_usual_month(client: TestClient, anna: Headers) -> None:
    (output,) = ask(client, anna, RISK, {"symbol": "AAPL"}).json()["outputs"]
    assert output["data"]["benchmark"] == "SP500"
    assert output["data"]["to"] == "2022-12-28"
    assert {one["code"] for one in output["warnings"]} >= {"stale_data"}
    assert set(output["return_quantiles"]) == {"0.05", "0.25", "0.5", "0.75", "0.95"}
    assert [one["kind"] for one in output["hedges"]][:2] == ["index_short", "protective_put"]


@pytest.mark.parametrize(
    ("model", "row", "pointer", "told"),
    [
        (RISK, {"symbol": "AAPPL"}, "/inputs/0/symbol", "AAPL"),
        (RISK, {"symbol": "Apple"}, "/inputs/0/symbol", "AAPL"),
        (RISK, {"symbol": "AAPL", "as_of": "1989-12-31"}, "/inputs/0/as_of", "1990-03-27"),
        (RISK, {"symbol": "AAPL", "benchmark": "SP-500"}, "/inputs/0/benchmark", "SP500"),
        (RISK, {"symbol": "AAPL", "horizon_days": 7}, "/inputs/0/horizon_days", "5, 21, 63"),
        (RISK, {}, "/inputs/0", "symbol"),
        (PORTFOLIO, {"positions": [HELD[0]]}, "/inputs/0/positions", "0.6"),
        (PORTFOLIO, {"positions": []}, "/inputs/0/positions", "500"),
    ],
)
def test_a_refusal_says_what_would_be_taken_and_costs_nothing(
    client: TestClient, anna: Headers, model: str, row: Any, pointer: str, told: str
) -> None:
    before = available(client, anna)
    answer = ask(client, anna, model, {"symbol": "MSFT"} if model == RISK else row, row)
    assert answer.status_code == 422, answer.text
    faults = {fault["pointer"]: fault["message"] for fault in is_problem(answer)["errors"]}
    place = pointer.replace("/inputs/0", "/inputs/1")
    assert told in faults[place]
    assert available(client, anna) == before


def test_russian_is_answered_in_russian(client: TestClient, anna: Headers) -> None:
    answer = client.post(
        "/v1/predictions",
        json={"model": RISK, "inputs": [{"symbol": "KO"}]},
        headers=anna | {"Accept-Language": "ru"},
    )
    (output,) = answer.json()["outputs"]
    assert output["hedges"][1]["title"] == "Защитный пут"
    assert all("вероятность потерь" in one["text"] for one in output["drivers"])


def test_a_key_gives_the_same_answer_for_one_price(client: TestClient, anna: Headers) -> None:
    before, key = available(client, anna), {"Idempotency-Key": "risk-once"}
    first, again = (ask(client, anna, RISK, {"symbol": "GE"}, **key) for _ in range(2))
    assert first.json() == again.json()
    assert available(client, anna) == before - 100


def test_in_the_background_a_question_is_answered_and_one_about_nothing_is_free(
    client: TestClient, anna: Headers
) -> None:
    before, later = available(client, anna), {"Prefer": "respond-async"}
    good = ask(client, anna, RISK, {"symbol": "JNJ"}, **later).json()["id"]
    bad = ask(client, anna, RISK, {"symbol": "NOBODY"}, **later).json()["id"]

    def job(id_: str) -> Any:
        return client.get(f"/v1/predictions/{id_}", headers=anna).json()

    eventually(lambda: {job(good)["status"], job(bad)["status"]} <= {"succeeded", "failed"})
    assert job(good)["outputs"][0]["data"]["symbol"] == "JNJ"
    assert job(bad)["error"]["code"] == "invalid_input"
    assert available(client, anna) == before - 100


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_file_of_questions_is_answered_row_by_row(
    client: TestClient, anna: Headers, kind: str
) -> None:
    rows = [
        {"symbol": symbol, "as_of": "2019-06-28", "horizon_days": 21, "number": number}
        for number, symbol in enumerate(["AAPL", "NOBODY", "JPM", "AAPL"])
    ]
    before = available(client, anna)
    answer = send(client, anna, written(kind, rows), model=RISK)
    assert answer.status_code == 202, answer.text
    done = await_end(client, anna, answer.json()["id"])
    assert (done["rows_done"], done["rows_failed"]) == (3, 1)
    assert available(client, anna) == before - 300
    results = read(kind, client.get(f"/v1/batches/{done['id']}/results", headers=anna).content)
    assert [bool(row["error"]) for row in results] == [False, True, False, False]
    assert "NOBODY" in results[1]["error"]
    assert results[0]["probability_of_loss"] == results[3]["probability_of_loss"]
    alone = ask(client, anna, RISK, {"symbol": "JPM", "as_of": "2019-06-28"}).json()["outputs"][0]
    assert float(results[2]["probability_of_loss"]) == alone["probability_of_loss"]
    assert "index_short" in str(results[2]["hedges"])


def test_a_file_without_a_column_that_says_what_is_asked_about_is_refused(
    client: TestClient, anna: Headers
) -> None:
    answer = send(client, anna, b"ticker,horizon_days\nAAPL,21\n", model=RISK)
    assert answer.status_code == 422
    assert is_problem(answer)["code"] == "columns_missing"


def test_a_quote_tells_the_price_of_a_question(client: TestClient, anna: Headers) -> None:
    body = {"model": PORTFOLIO, "inputs": [{"positions": HELD}]}
    quote = client.post("/v1/quotes", json=body, headers=anna).json()
    assert (quote["price"], quote["rows"]) == (200, 1)


def test_both_families_stand_side_by_side_in_the_catalogue(house: House) -> None:
    sold = {offer.version.model for offer in house.shop.catalogue.champions()}
    assert {RISK, PORTFOLIO, "credit-catboost"} <= sold
    assert house.shop.catalogue.unavailable() == []


def test_tables_are_sold_as_before(client: TestClient, anna: Headers) -> None:
    answer = client.post(
        "/v1/predictions", content=order(), headers=anna | {"Content-Type": "application/json"}
    )
    assert answer.status_code == 201, answer.text
