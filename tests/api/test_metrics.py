"""What `/metrics` tells, whom it tells, and what it looks up."""

import math
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request
from starlette.testclient import TestClient

from augury.api import metrics
from augury.api.metrics import HouseView, require_access
from augury.bootstrap import House
from augury.kit.db import Database
from augury.kit.errors import Forbidden, LedgerUnavailable
from augury.users.tokens import Unauthenticated
from support.databases import sqlite_database
from support.houses import open_house, order, settings_for, sign_up

TOKEN = "a-token-of-the-tests"
LOOPBACK = ("127.0.0.1", 5000)


def asked(client: tuple[str, int] | None, **headers: str) -> Request:
    encoded = [(name.replace("_", "-").encode(), v.encode()) for name, v in headers.items()]
    return Request({"type": "http", "client": client, "headers": encoded})


@pytest.mark.parametrize(
    ("settings", "client", "headers", "verdict"),
    [
        ({}, LOOPBACK, {}, None),
        ({}, ("::1", 5000), {}, None),
        ({}, ("10.0.0.7", 5000), {}, Forbidden),
        ({}, None, {}, Forbidden),
        ({}, ("testclient", 5000), {}, Forbidden),
        # What a proxy on this machine hands on comes from anywhere, whatever it says.
        ({}, LOOPBACK, {"x_forwarded_for": "127.0.0.1"}, Forbidden),
        ({}, LOOPBACK, {"forwarded": "for=127.0.0.1"}, Forbidden),
        ({}, LOOPBACK, {"x_real_ip": "127.0.0.1"}, Forbidden),
        ({}, LOOPBACK, {"via": "1.1 proxy"}, Forbidden),
        ({"metrics": "open"}, ("10.0.0.7", 5000), {"via": "1.1 proxy"}, None),
        ({"metrics_token": TOKEN}, ("10.0.0.7", 5000), {"authorization": f"Bearer {TOKEN}"}, None),
        ({"metrics_token": TOKEN}, LOOPBACK, {}, Unauthenticated),
        ({"metrics_token": TOKEN}, LOOPBACK, {"authorization": TOKEN}, Unauthenticated),
        ({"metrics_token": TOKEN}, LOOPBACK, {"authorization": "Bearer ключ"}, Unauthenticated),
        # A token decides alone.
        ({"metrics_token": TOKEN, "metrics": "open"}, LOOPBACK, {}, Unauthenticated),
    ],
)
def test_who_may_read_the_metrics(
    tmp_path: Path,
    settings: dict[str, Any],
    client: tuple[str, int] | None,
    headers: dict[str, str],
    verdict: type[Exception] | None,
) -> None:
    known = settings_for("sqlite://", tmp_path, **settings)
    if verdict is None:
        require_access(asked(client, **headers), known)
    else:
        with pytest.raises(verdict):
            require_access(asked(client, **headers), known)


def test_a_short_token_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 16"):
        settings_for("sqlite://", tmp_path, metrics_token="short")


class Told:
    """The series of a process, by name and labels as they are written."""

    def __init__(self, client: TestClient) -> None:
        answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        self._series = dict(
            re.findall(r"^([a-z_]+(?:\{.*\})?) (\S+)$", answer.text, flags=re.MULTILINE)
        )

    def __getitem__(self, name: str) -> float:
        return float(self._series.get(name, 0))

    def names(self) -> set[str]:
        return set(self._series)


def test_a_sale_is_counted_once_and_its_replay_and_its_refusals_as_what_they_are(
    tmp_path: Path,
) -> None:
    settings = settings_for(
        sqlite_database(tmp_path), tmp_path, metrics_token=TOKEN, welcome_credits=150
    )
    with open_house(settings) as (client, _):
        headers = sign_up(client) | {"Content-Type": "application/json", "Idempotency-Key": "one"}
        before = Told(client)
        body = order("credit-catboost")
        assert client.post("/v1/predictions", content=body, headers=headers).status_code == 201
        assert client.post("/v1/predictions", content=body, headers=headers).status_code == 201
        headers["Idempotency-Key"] = "two"
        assert client.post("/v1/predictions", content=body, headers=headers).status_code == 402
        assert client.get("/v1/predictions/nothing", headers=headers).status_code == 404
        assert client.get("/nowhere/anna").status_code == 404
        assert client.request("BREW", "/v1/models").status_code == 405
        after = Told(client)

    def grown(name: str) -> float:
        return after[name] - before[name]

    of = '{model="credit-catboost",version="1"}'
    assert grown(f"augury_predictions_sold_total{of}") == 1
    assert grown(f"augury_rows_sold_total{of}") == 1
    assert grown(f"augury_credits_taken_total{of}") == 100
    assert grown('augury_refusals_total{code="insufficient_credits"}') == 1
    assert grown('augury_refusals_total{code="not_found"}') == 2
    sold = 'method="POST",route="/v1/predictions"'
    assert grown(f'augury_request_seconds_count{{{sold},status="2xx"}}') == 2
    assert grown(f'augury_request_seconds_count{{{sold},status="4xx"}}') == 1
    one = 'method="GET",route="/v1/predictions/{prediction_id}",status="4xx"'
    assert grown(f"augury_request_seconds_count{{{one}}}") == 1
    none = 'method="GET",route="none",status="4xx"'
    assert grown(f"augury_request_seconds_count{{{none}}}") == 1
    # Callers invent methods and paths without end.
    assert not [name for name in after.names() if "BREW" in name or "nowhere" in name]
    assert after['augury_model_available{model="credit-catboost"}'] == 1
    assert after["augury_database_up"] == 1


def test_without_its_database_a_process_tells_what_it_knows(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(_database: Database) -> None:
        raise LedgerUnavailable(retry_after_seconds=1)

    view = HouseView(house)
    monkeypatch.setattr(Database, "read", unreachable)
    found = {family.name: family for family in view.collect()}
    (up,) = found["augury_database_up"].samples
    assert up.value == 0
    assert "augury_model_available" in found
    assert "augury_jobs_due" not in found


def test_who_asks_in_the_same_moment_is_told_what_was_looked_up_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "_FRESH_SECONDS", math.inf)  # the same moment, however it is spent
    view = HouseView(house)
    first = [family for family in view.collect() if family.name == "augury_jobs_due"]

    def never(_database: Database) -> None:
        raise AssertionError

    monkeypatch.setattr(Database, "read", never)
    assert [family for family in view.collect() if family.name == "augury_jobs_due"] == first
