"""Reasons on sale: their price, what is stored, and what is refused, on both databases."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs
from sqlalchemy import text
from starlette.testclient import TestClient

from augury.bootstrap import House
from augury.inference.model import Model
from augury.registry.revision import changing
from support.houses import APPLICANT, findings, open_house, order, settings_for, sign_up
from support.problems import is_problem

JSON = {"Content-Type": "application/json"}
PRICES = [
    ("credit-logistic-regression", 10, 5),
    ("credit-random-forest", 50, 20),
    ("credit-catboost", 100, 40),
]


@pytest.fixture
def opened(database_url: str, tmp_path: Path) -> Iterator[tuple[TestClient, House]]:
    """An open house on either database; its customers start with 5000 credits."""
    with open_house(settings_for(database_url, tmp_path)) as pair:
        yield pair
    assert findings(database_url) == []


def explained(model: str = "credit-catboost", rows: int = 1, **changes: Any) -> bytes:
    """Return the body of a request for a prediction with reasons."""
    return json.dumps(json.loads(order(model, rows, **changes)) | {"explain": True}).encode()


def post(client: TestClient, path: str, headers: dict[str, str], body: bytes, **more: str) -> Any:
    """Send a request."""
    return client.post(path, content=body, headers=headers | JSON | more)


def test_reasons_cost_what_the_catalogue_says(opened: tuple[TestClient, House]) -> None:
    """Rows times the sum of both prices is quoted, charged and stored; plain rows cost as before."""
    client, _ = opened
    anna = sign_up(client)
    left = 5000
    for model, price, reasons in PRICES:
        on_sale = client.get(f"/v1/models/{model}").json()
        assert (on_sale["price"], on_sale["explain"]) == (price, {"price": reasons})
        quote = post(client, "/v1/quotes", anna, explained(model, 3)).json()
        assert quote["price"] == 3 * (price + reasons)
        answer = post(client, "/v1/predictions", anna, explained(model, 3))
        assert answer.status_code == 201, answer.text
        sold = answer.json()
        left -= 3 * (price + reasons)
        assert sold["price"] == 3 * (price + reasons)
        charge = {name: sold["charge"][name] for name in ("amount", "balance_after")}
        assert charge == {"amount": 3 * (price + reasons), "balance_after": left}
        stored = client.get(f"/v1/predictions/{sold['id']}", headers=anna).json()
        assert stored["outputs"] == sold["outputs"]
        assert stored["price"] == sold["price"]
        plain = post(client, "/v1/quotes", anna, order(model, 3)).json()
        assert plain["price"] == 3 * price
    assert client.get("/v1/balance", headers=anna).json()["available"] == left


def test_outputs_are_those_without_reasons_and_more(opened: tuple[TestClient, House]) -> None:
    """Asking for reasons changes no probability and no decision, and each row has its own."""
    client, _ = opened
    anna = sign_up(client)
    rows = [
        APPLICANT,
        APPLICANT | {"loan_grade": "G", "loan_percent_income": 0.6, "loan_int_rate": None},
    ]
    for model, *_ in PRICES:
        body = {"model": model, "inputs": rows}
        plain = post(client, "/v1/predictions", anna, json.dumps(body).encode()).json()["outputs"]
        more = json.dumps(body | {"explain": True}).encode()
        with_reasons = post(client, "/v1/predictions", anna, more).json()["outputs"]
        for without, output, row in zip(plain, with_reasons, rows, strict=True):
            assert "reasons" not in without
            reasons, explanation = output.pop("reasons"), output.pop("explanation")
            assert output == without
            assert 1 <= len(reasons) <= 4
            for reason in reasons:
                assert set(reason) == {"feature", "value", "contribution", "text"}
                assert reason["value"] == row[reason["feature"]]
            total = explanation["base"] + sum(explanation["contributions"].values())
            assert total == pytest.approx(explanation["log_odds"], abs=1e-4)
        assert plain[1]["decision"] != "approve"
        assert all(reason["contribution"] > 0 for reason in reasons)


def test_outputs_keep_to_the_schema_of_the_catalogue(opened: tuple[TestClient, House]) -> None:
    """What the catalogue says of outputs names every member that an explained output has."""
    client, _ = opened
    anna = sign_up(client)
    schema = client.get("/v1/models/credit-catboost").json()["output_schema"]
    (output,) = post(client, "/v1/predictions", anna, explained()).json()["outputs"]
    assert output.keys() == schema["properties"].keys()
    assert set(schema["required"]) == output.keys() - {"reasons", "explanation"}
    item = schema["properties"]["reasons"]["items"]
    assert output["reasons"][0].keys() == item["properties"].keys()
    assert output["explanation"].keys() == schema["properties"]["explanation"]["properties"].keys()


@pytest.mark.parametrize(("language", "words"), [("en", "the risk"), ("ru", "риск")])
def test_reasons_speak_the_language_of_the_request(
    opened: tuple[TestClient, House], language: str, words: str
) -> None:
    """`Accept-Language` chooses the words; a stored prediction keeps those it was sold with."""
    client, _ = opened
    anna = sign_up(client)
    sold = post(
        client, "/v1/predictions", anna, explained(), **{"Accept-Language": language}
    ).json()
    assert all(reason["text"].endswith(words) for reason in sold["outputs"][0]["reasons"])
    again = client.get(f"/v1/predictions/{sold['id']}", headers=anna | {"Accept-Language": "en"})
    assert again.json()["outputs"] == sold["outputs"]


def test_a_key_belongs_to_a_request_with_or_without_reasons(
    opened: tuple[TestClient, House],
) -> None:
    """The same key with the same wish replays; with the other wish it is a conflict."""
    client, _ = opened
    anna = sign_up(client)
    for first, other, key in (
        (explained(), order("credit-catboost"), "a"),
        (order("credit-catboost"), explained(), "b"),
    ):
        key_ = {"Idempotency-Key": key}
        sold = post(client, "/v1/predictions", anna, first, **key_)
        assert sold.status_code == 201
        replayed = post(client, "/v1/predictions", anna, first, **key_)
        assert replayed.json() == sold.json()
        assert replayed.headers["Idempotent-Replayed"] == "true"
        refused = post(client, "/v1/predictions", anna, other, **key_)
        assert is_problem(refused)["code"] == "idempotency_conflict"
    assert client.get("/v1/balance", headers=anna).json()["available"] == 5000 - 140 - 100


def test_a_false_wish_is_no_wish(opened: tuple[TestClient, House]) -> None:
    """`explain: false` is the same request as leaving it out."""
    client, _ = opened
    anna = sign_up(client)
    spelt = json.dumps(json.loads(order("credit-catboost")) | {"explain": False}).encode()
    key = {"Idempotency-Key": "c"}
    sold = post(client, "/v1/predictions", anna, spelt, **key).json()
    assert sold["price"] == 100
    again = post(client, "/v1/predictions", anna, order("credit-catboost"), **key)
    assert again.json() == sold


def test_who_can_pay_the_row_and_not_its_reasons_gets_neither(
    opened: tuple[TestClient, House],
) -> None:
    """The whole price is charged or nothing is: 36 explained rows are more than 5000 credits."""
    client, _ = opened
    anna = sign_up(client)
    problem = is_problem(post(client, "/v1/predictions", anna, explained(rows=36)))
    assert (problem["code"], problem["required"]) == ("insufficient_credits", 36 * 140)
    assert client.get("/v1/balance", headers=anna).json()["available"] == 5000
    assert client.get("/v1/predictions", headers=anna).json()["items"] == []


def _without_reasons(house: House, model: str) -> None:
    """Put a version on sale whose manifest has no price for reasons."""
    manifest = structs.replace(house.shop.catalogue.resolve(model).version.manifest, explain=None)
    values = {"manifest": msgspec.json.encode(manifest).decode(), "model": model}
    with house.db.write() as tx:
        changing(tx)
        tx.execute(
            text("UPDATE versions SET digest = 'x', manifest = :manifest WHERE model = :model"),
            values,
        )
    house.shop.catalogue.refresh()
    house.shop.catalogue.load()


@pytest.mark.parametrize("path", ["/v1/predictions", "/v1/quotes"])
def test_a_model_without_reasons_refuses_to_explain(
    opened: tuple[TestClient, House], path: str
) -> None:
    """The refusal points at `explain`, costs nothing, and the catalogue has said so before."""
    client, house = opened
    anna = sign_up(client)
    _without_reasons(house, "credit-catboost")
    on_sale = client.get("/v1/models/credit-catboost").json()
    assert on_sale["explain"] is None
    assert "reasons" not in on_sale["output_schema"]["properties"]
    problem = is_problem(post(client, path, anna, explained()))
    assert (problem["status"], problem["code"]) == (422, "invalid_input")
    assert [fault["pointer"] for fault in problem["errors"]] == ["/explain"]
    assert post(client, "/v1/predictions", anna, order("credit-catboost")).status_code == 201


def test_reasons_that_fail_cost_nothing(opened: tuple[TestClient, House]) -> None:
    """A runtime that throws while explaining is `model_unavailable`; plain sales go on."""
    client, house = opened
    anna = sign_up(client)
    lane = house.shop.catalogue.resolve("credit-catboost").lane
    assert lane is not None

    def broken(_matrix: Any) -> Any:
        raise RuntimeError("out of its mind")

    assert isinstance(lane.model, Model)
    lane.model._explain = broken
    problem = is_problem(post(client, "/v1/predictions", anna, explained()))
    assert problem["code"] == "model_unavailable"
    assert client.get("/v1/balance", headers=anna).json()["available"] == 5000
    assert post(client, "/v1/predictions", anna, order("credit-catboost")).status_code == 201
