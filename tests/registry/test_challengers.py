"""A challenger beside the champion: a share of the customers, or a sample behind their backs."""

import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from augury.bootstrap import House, audit_books
from augury.kit.ids import new_id
from support.houses import sign_up
from support.problems import is_problem
from support.uploads import NAME, Registrar, buy, version


@pytest.fixture
def two(admin: Registrar, tmp_path: Path) -> Registrar:
    """A model on sale with a champion and a second version, which is dearer."""
    admin.publish(version(tmp_path))
    admin.add(version(tmp_path, 2.0, price=50))
    admin.patch(status="active")
    return admin


def challenge(admin: Registrar, mode: str, share_percent: int, version_: int = 2) -> Any:
    """Return the answer to the start of a trial."""
    trial = {"version": version_, "mode": mode, "share_percent": share_percent}
    return admin.ask("PUT", f"/{NAME}/challenger", json=trial)


def test_a_canary_answers_its_share_of_customers_and_always_the_same(
    house: House, two: Registrar
) -> None:
    """Of four hundred customers about a third get the challenger; each gets it again."""
    challenge(two, "canary", 33)
    customers = [f"customer-{number}" for number in range(400)]  # no luck of the draw

    def answered() -> list[int]:
        catalogue = house.shop.catalogue
        return [catalogue.resolve(NAME, customer).version.version for customer in customers]

    first = answered()
    assert 90 <= first.count(2) <= 175
    assert answered() == first
    challenge(two, "canary", 66)
    more = answered()
    assert all(after == 2 for before, after in zip(first, more, strict=True) if before == 2)


def test_who_meets_the_canary_pays_the_champions_price(
    client: TestClient, house: House, two: Registrar
) -> None:
    """The catalogue says 3, so 3 is charged, though the challenger costs 50 by its number."""
    challenge(two, "canary", 100)
    anna = sign_up(client)
    sold = buy(client, anna).json()
    assert (sold["version"], sold["price"]) == (2, 3)
    assert buy(client, anna, f"{NAME}@1").json()["version"] == 1
    assert buy(client, anna, f"{NAME}@2").json()["price"] == 50
    with house.db.read() as tx:
        assert audit_books(tx).findings == []


def test_a_guest_sees_the_champion(client: TestClient, two: Registrar) -> None:
    """The catalogue shows what the champion is, whatever is tried."""
    challenge(two, "canary", 100)
    assert client.get(f"/v1/models/{NAME}").json()["version"] == 1


def test_a_shadow_scores_what_was_sold_unseen_and_unpaid(
    client: TestClient, house: House, two: Registrar
) -> None:
    """Customers get the champion's answer at its price; the challenger's scores are kept apart."""
    challenge(two, "shadow", 100)
    anna = sign_up(client)
    sold = [buy(client, anna).json() for _ in range(5)]
    assert {(one["version"], one["price"]) for one in sold} == {(1, 3)}
    rows: list[Any] = []
    until = time.monotonic() + 90
    while len(rows) < 5 and time.monotonic() < until:
        time.sleep(0.05)
        with house.db.read() as tx:
            rows = list(tx.execute(text("SELECT * FROM shadow_scores")).all())
    assert {row.prediction_id for row in rows} == {one["id"] for one in sold}
    assert {(row.version, row.champion) for row in rows} == {(2, 1)}
    assert client.get("/v1/balance", headers=anna).json()["available"] == 5000 - 15


def test_a_trial_ends(client: TestClient, house: House, two: Registrar) -> None:
    """By request, and by itself when the challenger becomes the champion."""
    challenge(two, "canary", 100)
    assert two.ask("GET", f"/{NAME}").json()["challenger"]["version"] == 2
    ended = two.ask("DELETE", f"/{NAME}/challenger")
    assert ended.json()["challenger"] is None
    assert house.shop.catalogue.resolve(NAME, new_id()).version.version == 1
    challenge(two, "canary", 10)
    assert two.point(2).json()["challenger"] is None
    anna = sign_up(client)
    assert (buy(client, anna).json()["version"], buy(client, anna).json()["price"]) == (2, 50)


def test_a_challenger_must_take_what_the_champion_takes(admin: Registrar, tmp_path: Path) -> None:
    """One whose rate ends earlier is refused, and the refusal names the field."""
    admin.publish(version(tmp_path))
    admin.patch(status="active")
    unlike = version(tmp_path, 2.0)
    told = msgspec.to_builtins(unlike.manifest)
    narrower = [*told["inputs"][:4], told["inputs"][4] | {"maximum": 6, "example": 1}]
    test = {key: told["self_test"][key][:3] for key in ("inputs", "probabilities")}
    test["tolerance"] = 1e-6
    assert (
        admin.add(unlike, manifest=unlike.but(inputs=narrower, self_test=test)).status_code == 201
    )
    problem = is_problem(challenge(admin, "canary", 5))
    assert (problem["code"], problem["differences"]) == ("incompatible_version", "inputs.rate")


def test_a_challenger_must_answer_in_the_champions_form(admin: Registrar, tmp_path: Path) -> None:
    """One whose output has another name is refused."""
    admin.publish(version(tmp_path))
    admin.patch(status="active")
    admin.add(version(tmp_path, 2.0, outputs={"probability": "p"}, decision=None))
    problem = is_problem(challenge(admin, "shadow", 5))
    assert (problem["code"], problem["differences"]) == (
        "incompatible_version",
        "outputs, decision",
    )


def test_odd_trials_are_refused(two: Registrar) -> None:
    """The champion itself, a version that does not exist, a share of nothing or of too much."""
    assert is_problem(challenge(two, "canary", 5, 1))["code"] == "invalid_input"
    assert is_problem(challenge(two, "canary", 5, 7))["code"] == "version_not_found"
    for share in (0, 101):
        assert is_problem(challenge(two, "shadow", share))["code"] == "invalid_input"
    assert is_problem(challenge(two, "duel", 5))["code"] == "invalid_input"
