"""A shipped model from sale to verdict: a trial beside it, what happened, and its drift."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from starlette.testclient import TestClient

from augury.bootstrap import House
from augury.inference.manifest import Manifest, Spread, read_manifest
from augury.registry import change
from support.databases import sqlite_database
from support.houses import APPLICANT, findings, fund, open_house, settings_for, sign_in, sign_up

MODEL = "credit-logistic-regression"
FOLDER = Path(__file__).parents[2] / "models" / MODEL
SHIPPED = read_manifest((FOLDER / "manifest.json").read_bytes())


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, House, str]]:
    """A house with the shipped models."""
    folder = tmp_path_factory.mktemp("house")
    url = sqlite_database(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(change, "NOTICE", 1000)
        with open_house(settings_for(url, folder)) as (client, house):
            yield client, house, url
    assert findings(url) == []


def drawn(spread: Spread, categories: list[str] | None, random: np.random.Generator) -> Any:
    """Return a value as it was spread over the training rows."""
    if random.random() < spread.missing:
        return None
    place = int(random.choice(len(spread.shares), p=spread.shares))
    if categories is not None:
        return categories[place]
    edges = spread.edges or []
    # Values that are at an edge belong above it, and the lowest part has none.
    return edges[place - 1] if place else round(edges[0] * 0.99, 4)


def applicants(rows: int, seed: int, **changes: Any) -> list[dict[str, Any]]:
    """Return applicants whose fields are spread like those of the training rows."""
    assert SHIPPED.reference is not None
    random = np.random.default_rng(seed)
    found = []
    for _ in range(rows):
        row = {
            field.name: drawn(SHIPPED.reference.fields[field.name], field.categories, random)
            for field in SHIPPED.inputs
        }
        for field in SHIPPED.inputs:
            if field.type == "integer" and row[field.name] is not None:
                low = row[field.name] if field.minimum is None else field.minimum
                row[field.name] = max(int(row[field.name]), int(low))
        found.append(APPLICANT | row | changes)
    return found


def bent(manifest: Manifest) -> Manifest:
    """Return the manifest of a version that knows less: half of every log-odds."""
    promised = np.array(manifest.self_test.probabilities)
    odds = 0.5 * np.log(promised / (1 - promised))
    test = msgspec.structs.replace(
        manifest.self_test, probabilities=(1 / (1 + np.exp(-odds))).tolist()
    )
    told = msgspec.to_builtins(manifest) | {"calibration": {"slope": 0.5, "intercept": 0}}
    return msgspec.convert(told | {"self_test": msgspec.to_builtins(test)}, Manifest)


def buy(client: TestClient, headers: dict[str, str], rows: list[dict[str, Any]]) -> Any:
    """Return what was sold."""
    order = json.dumps({"model": MODEL, "inputs": rows})
    sent = headers | {"Content-Type": "application/json"}
    answer = client.post("/v1/predictions", content=order, headers=sent)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_challenger_that_ranks_alike_and_is_worse_calibrated(
    shop: tuple[TestClient, House, str],
) -> None:
    """What happens here follows the champion's probabilities; the challenger halves the log-odds.

    So both have the same AUC, and the champion the better Brier score.
    """
    client, _, url = shop
    admin, anna = sign_in(client, "admin"), sign_up(client)
    fund(url, client.get("/v1/me", headers=anna).json()["id"], 100_000)
    parts = {
        "manifest": (None, msgspec.json.encode(bent(SHIPPED))),
        "artifact": ("model.onnx", (FOLDER / "model.onnx").read_bytes()),
    }
    path = f"/v1/admin/models/{MODEL}"
    added = client.post(f"{path}/versions", files=parts, headers=admin)
    assert added.status_code == 201, added.text
    trial = {"version": 2, "mode": "shadow", "share_percent": 100}
    assert client.put(f"{path}/challenger", json=trial, headers=admin).is_success
    sold = [buy(client, anna, applicants(100, seed)) for seed in range(6)]
    random = np.random.default_rng(9)
    lines = ["prediction_id,row,outcome"]
    for one in sold:
        for row, output in enumerate(one["outputs"]):
            happened = random.random() < output["default_probability"]
            lines.append(f"{one['id']},{row},{int(happened)}")
    file = {"file": ("outcomes.csv", "\n".join(lines).encode())}
    done = client.post("/v1/outcomes", files=file, headers=anna)
    assert done.json() == {"stored": 600, "changed": 0, "unchanged": 0}
    deadline = time.monotonic() + 90
    while True:
        found = client.get(f"{path}/challenger", headers=admin).json()
        if found["challenger"]["predictions"] == 6 or time.monotonic() > deadline:
            break
        time.sleep(0.02)
    champion, challenger = found["champion"]["judgement"], found["challenger"]["judgement"]
    assert champion["rows"] == challenger["rows"] == 600
    assert champion["auc"]["low"] < champion["auc"]["value"] < champion["auc"]["high"]
    assert found["auc_difference"]["value"] == pytest.approx(0, abs=1e-4)
    assert champion["brier"] < challenger["brier"]
    assert champion["calibration_error"] < challenger["calibration_error"]
    assert found["agreement"]["same_decisions"] < 1
    assert found["agreement"]["correlation"] > 0.9


def test_the_shipped_references_tell_usual_applicants_from_poor_ones(
    shop: tuple[TestClient, House, str],
) -> None:
    """Fields that are spread as in the training are calm; incomes that are all low alarm."""
    client, _, url = shop
    admin, boris = sign_in(client, "admin"), sign_up(client, "boris")
    fund(url, client.get("/v1/me", headers=boris).json()["id"], 100_000)
    page = f"/v1/admin/models/{MODEL}/drift"
    buy(client, boris, applicants(1000, 77))
    usual = client.get(page, headers=admin).json()
    assert {name: one["level"] for name, one in usual["fields"].items()} == dict.fromkeys(
        APPLICANT, "calm"
    )
    for seed in range(3):
        buy(client, boris, applicants(1000, seed, person_income=9000))
    poor = client.get(page, headers=admin).json()
    levels = {name: one["level"] for name, one in poor["fields"].items()}
    assert levels.pop("person_income") == "alert"
    assert set(levels.values()) == {"calm"}
