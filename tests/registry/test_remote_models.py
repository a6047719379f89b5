"""Models on another server: only on servers the operator allows, sold like any other, free if down."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from augury.bootstrap import House
from augury.registry import change
from support.houses import open_house, settings_for, sign_up
from support.open_inference import OpenInference
from support.problems import is_problem
from support.tiny_models import Tiny, proven, save_remote
from support.uploads import NAME, Registrar, buy


@pytest.fixture
def server() -> Iterator[OpenInference]:
    """A model server on loopback."""
    running = OpenInference()
    yield running
    running.close()


@pytest.fixture
def allowing(
    database_url: str, tmp_path: Path, server: OpenInference, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[TestClient, House]]:
    """A house whose operator allows that server."""
    monkeypatch.setattr(change, "NOTICE", 1000)
    (tmp_path / "no-models").mkdir()
    settings = settings_for(
        database_url,
        tmp_path,
        models_dir=tmp_path / "no-models",
        remote_hosts=[server.url.removeprefix("http://")],
    )
    with open_house(settings) as pair:
        yield pair


def remote(folder: Path, server: OpenInference) -> Tiny:
    """Return a model that runs on a server."""
    return proven(save_remote(folder / "tiny.json", server.url, timeout_ms=60_000), "remote")


def test_a_server_that_the_operator_did_not_name_is_refused(
    admin: Registrar, server: OpenInference, tmp_path: Path
) -> None:
    """It would be asked from inside the house; nothing is published."""
    problem = is_problem(admin.publish(remote(tmp_path, server)))
    assert (problem["code"], problem["reason_code"]) == ("bad_model", "remote_not_allowed")
    assert admin.ask("GET", "").json()["items"] == []


def test_what_runs_elsewhere_is_sold_and_costs_nothing_when_it_is_down(
    allowing: tuple[TestClient, House], server: OpenInference, tmp_path: Path
) -> None:
    """Published, bought, then the server breaks: 503, nothing charged, and the house stays ready."""
    client, house = allowing
    admin = Registrar(client)
    assert admin.publish(remote(tmp_path, server)).status_code == 201
    assert admin.patch(status="active").status_code == 200
    anna = sign_up(client)
    assert buy(client, anna).json()["charge"]["balance_after"] == 4997

    def trouble(handler: Any, _body: bytes) -> bool:
        handler.give(500, b"{}")
        return True

    server.instead = trouble
    problem = is_problem(buy(client, anna))
    assert (problem["status"], problem["code"]) == (503, "model_unavailable")
    assert client.get("/v1/balance", headers=anna).json()["available"] == 4997
    assert client.get("/readyz").json() == {"status": "ok", "unavailable": [], "broker": "none"}


def test_taking_a_server_off_the_list_takes_its_models_off_sale(
    allowing: tuple[TestClient, House], server: OpenInference, tmp_path: Path
) -> None:
    """At the next start without it, nobody is asked and nobody can buy."""
    client, house = allowing
    admin = Registrar(client)
    admin.publish(remote(tmp_path, server))
    admin.patch(status="active")
    forbidding = house.settings.model_copy(update={"remote_hosts": []})
    with open_house(forbidding) as (other, _):
        anna = sign_up(other, "boris")
        assert is_problem(buy(other, anna, NAME))["code"] == "model_unavailable"
        assert other.get("/readyz").status_code == 503
