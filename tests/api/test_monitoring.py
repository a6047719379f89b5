"""Trials and drift over HTTP: from sales and outcomes to what an administrator decides by."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from augury.bootstrap import House
from augury.predictions import drift
from augury.registry import change
from augury.worker import embedded
from augury.worker.duties import Duty, Workplace, duties
from support.houses import fund, open_house, settings_for, sign_up
from support.problems import is_problem
from support.tiny_models import ROWS
from support.uploads import NAME, Registrar, version

REFERENCE: dict[str, Any] = {
    "rows": 1000,
    "fields": {
        "age": {"shares": [0.5, 0.5], "edges": [40.0], "missing": 0.1},
        "home": {"shares": [0.2, 0.5, 0.3]},
    },
    "score": {"shares": [0.4, 0.6], "edges": [0.3]},
}


@pytest.fixture
def opened(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[TestClient, House, str]]:
    """An open house on either database, with no shipped models and no notice to wait for.

    It does not look for drift by itself: a test that has it looked for is the first who does.
    """
    monkeypatch.setattr(change, "NOTICE", 1000)

    def others(place: Workplace) -> list[Duty]:
        return [one for one in duties(place) if one.name != "drift"]

    monkeypatch.setattr(embedded, "duties", others)
    (tmp_path / "none").mkdir()
    settings = settings_for(database_url, tmp_path, models_dir=tmp_path / "none")
    with open_house(settings) as (client, house):
        yield client, house, database_url


@pytest.fixture
def shop(opened: tuple[TestClient, House, str], tmp_path: Path) -> Registrar:
    """An administrator whose model is on sale: version 1 is the champion, 2 is spare."""
    registrar = Registrar(opened[0])
    assert registrar.publish(version(tmp_path, reference=REFERENCE)).status_code == 201
    assert registrar.add(version(tmp_path, 2.0)).status_code == 201
    assert registrar.patch(status="active").status_code == 200
    return registrar


@pytest.fixture
def anna(opened: tuple[TestClient, House, str], shop: Registrar) -> dict[str, str]:
    """Headers of a customer who can pay."""
    client, _, url = opened
    headers = sign_up(client)
    fund(url, client.get("/v1/me", headers=headers).json()["id"], 1_000_000)
    return headers


def buy(client: TestClient, headers: dict[str, str], rows: int = 1) -> dict[str, Any]:
    """Return what was sold."""
    body = {"model": NAME, "inputs": (ROWS * rows)[:rows]}
    answer = client.post("/v1/predictions", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    sold: dict[str, Any] = answer.json()
    return sold


def begin(shop: Registrar, mode: str, share_percent: int = 100) -> None:
    trial = {"version": 2, "mode": mode, "share_percent": share_percent}
    assert shop.ask("PUT", f"/{NAME}/challenger", json=trial).status_code == 200


def compared(shop: Registrar, predictions: int) -> dict[str, Any]:
    """Return the comparison once the challenger has been asked so often."""
    deadline = time.monotonic() + 90
    while True:
        found: dict[str, Any] = shop.ask("GET", f"/{NAME}/challenger").json()
        if found["challenger"]["predictions"] >= predictions or time.monotonic() > deadline:
            return found
        time.sleep(0.02)


def test_a_shadow_that_is_right_more_often_shows_it(
    opened: tuple[TestClient, House, str], shop: Registrar, anna: dict[str, str]
) -> None:
    """Sales are scored behind the customer's back; what is reported judges both on the same rows."""
    client = opened[0]
    begin(shop, "shadow")
    ids = [buy(client, anna, 4)["id"] for _ in range(6)]
    for id_ in ids:
        told = {"outcomes": [0, 1, None, 1]}
        assert client.post(f"/v1/predictions/{id_}/outcome", json=told, headers=anna).is_success
    found = compared(shop, 6)
    assert (found["mode"], found["model"]) == ("shadow", NAME)
    assert (found["champion"]["version"], found["challenger"]["version"]) == (1, 2)
    assert found["challenger"]["predictions"] == found["champion"]["predictions"] == 6
    assert found["agreement"]["rows"] == 24
    assert 0 < found["agreement"]["largest_difference"] < 1
    assert sum(found["challenger"]["histogram"]) == 24
    assert found["challenger"]["failures"] == 0
    assert found["challenger"]["latency"]["p50_ms"] > 0
    for arm in ("champion", "challenger"):
        judged = found[arm]["judgement"]
        assert (judged["rows"], judged["events"]) == (18, 12)
        assert judged["auc"]["value"] == 1
    assert found["auc_difference"] == {"value": 0, "low": None, "high": None}
    assert client.get("/v1/predictions", headers=anna).json()["items"][0]["version"] == 1


def test_a_canary_shows_both_groups(
    opened: tuple[TestClient, House, str], shop: Registrar, anna: dict[str, str]
) -> None:
    client = opened[0]
    for _ in range(2):
        buy(client, anna)
    begin(shop, "canary")
    for _ in range(3):
        assert buy(client, anna)["version"] == 2
    found = compared(shop, 3)
    assert found["mode"] == "canary"
    assert found["challenger"]["customers"] == 1
    assert found["champion"]["predictions"] == 0, "what was sold before the trial does not count"
    assert found["agreement"] is None


def test_without_a_trial_there_is_nothing_to_compare(
    opened: tuple[TestClient, House, str], shop: Registrar, anna: dict[str, str]
) -> None:
    refused = is_problem(shop.ask("GET", f"/{NAME}/challenger"))
    assert (refused["code"], refused["status"]) == ("no_challenger", 404)
    for page in ("challenger", "drift"):
        path = f"/v1/admin/models/{NAME}/{page}"
        assert opened[0].get(path).status_code == 401
        assert opened[0].get(path, headers=anna).status_code == 403
        assert is_problem(shop.ask("GET", f"/nobody/{page}"))["code"] == "model_not_found"
        assert shop.ask("GET", f"/{NAME}/{page}?days=0").status_code == 422


def test_drift_is_shown_by_bin(
    opened: tuple[TestClient, House, str], shop: Registrar, anna: dict[str, str]
) -> None:
    """A quarter of the rows are of each home and age; the champion is looked at unless told."""
    few = shop.ask("GET", f"/{NAME}/drift").json()
    assert (few["predictions"], few["score"]["level"]) == (0, None)
    buy(opened[0], anna, 400)
    found = shop.ask("GET", f"/{NAME}/drift").json()
    assert (found["version"], found["rows"], found["training_rows"]) == (1, 400, 1000)
    home = found["fields"]["home"]
    assert home["categories"] == ["OWN", "RENT", "OTHER"]
    assert (home["shares"], home["shares_then"]) == ([0.25, 0.5, 0.25], [0.2, 0.5, 0.3])
    assert (home["level"], home["edges"]) == ("calm", None)
    age = found["fields"]["age"]
    assert (age["missing"], age["missing_then"]) == (0.25, 0.1)
    assert (age["level"], age["edges"]) == ("alert", [40.0])
    assert age["shares"] == pytest.approx([2 / 3, 1 / 3], abs=1e-6)
    assert found["fields"].keys() == {"age", "home"}
    refused = is_problem(shop.ask("GET", f"/{NAME}/drift?version=2"))
    assert (refused["code"], refused["status"]) == ("no_reference", 409)
    assert is_problem(shop.ask("GET", f"/{NAME}/drift?version=9"))["code"] == "version_not_found"


def test_the_duty_looks_at_the_champions(
    opened: tuple[TestClient, House, str], shop: Registrar, anna: dict[str, str]
) -> None:
    """It is one of the worker's duties, every ten minutes, and writes to the administrator."""
    client, house, _ = opened
    buy(client, anna, 400)
    (duty,) = [one for one in duties(Workplace(house)) if one.name == "drift"]
    assert duty.seconds == drift.EVERY_SECONDS == 600
    stop = threading.Event()
    assert duty.run(stop) == 3
    assert duty.run(stop) == 0
    outbox = house.settings.data_dir / "outbox"
    deadline = time.monotonic() + 90
    while not list(outbox.glob("*.eml")) and time.monotonic() < deadline:
        time.sleep(0.05)
    (letter,) = outbox.glob("*.eml")
    text = letter.read_text()
    assert f"Model {NAME}: its rows have changed (alert)" in text
    assert "age: alert; PSI 0.115; NULL 10.0% → 25.0%" in text
