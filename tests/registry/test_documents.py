"""Models of documents in the registry: uploaded, examined, tried and moved like any other."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from augury.inference.documents.risk import RiskModel
from augury.inference.manifest import Manifest, read_manifest
from support.houses import open_house, settings_for, sign_up
from support.problems import is_problem
from support.uploads import Registrar, sha256

NAME = "investment-risk"
FOLDER = Path("models") / NAME
CONTENT = (FOLDER / "forecast.json").read_bytes()
# A question more in the self-test makes another version of the same forecast.
SHORTER = slice(0, 2)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("house")
    with open_house(settings_for(f"sqlite:///{folder / 'augury.db'}", folder)) as (opened, _):
        yield opened


@pytest.fixture(scope="module")
def admin(client: TestClient) -> Registrar:
    return Registrar(client)


def manifest(**changes: Any) -> Manifest:
    shipped = read_manifest((FOLDER / "manifest.json").read_bytes())
    return msgspec.structs.replace(shipped, **changes)


def send(admin: Registrar, told: Manifest, content: bytes = CONTENT) -> Any:
    files = {
        "manifest": (None, msgspec.json.encode(told), "application/json"),
        "artifact": ("forecast.json", content),
    }
    path = f"/v1/admin/models/{NAME}/versions"
    return admin.client.post(path, files=files, headers=admin.headers)


def test_a_new_version_is_examined_tried_as_a_canary_and_sold(
    client: TestClient, admin: Registrar
) -> None:
    test = manifest().self_test
    shorter = msgspec.structs.replace(
        test, inputs=test.inputs[SHORTER], probabilities=test.probabilities[SHORTER]
    )
    added = send(admin, manifest(self_test=shorter))
    assert added.status_code == 201, added.text
    assert added.json()["version"] == 2
    trial = {"version": 2, "share_percent": 100}
    shadow = admin.ask("PUT", f"/{NAME}/challenger", json=trial | {"mode": "shadow"})
    assert is_problem(shadow)["errors"][0]["pointer"] == "/mode"
    canary = admin.ask("PUT", f"/{NAME}/challenger", json=trial | {"mode": "canary"})
    assert canary.status_code == 200, canary.text
    anna = sign_up(client)
    body = {"model": NAME, "inputs": [{"symbol": "AAPL"}]}
    sold = client.post("/v1/predictions", json=body, headers=anna).json()
    assert (sold["version"], sold["price"]) == (2, 100)
    assert admin.point(2, name=NAME).status_code == 200
    old = client.post("/v1/predictions", json=body | {"model": f"{NAME}@1"}, headers=anna).json()
    assert old["outputs"] == sold["outputs"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"self_test": {"tolerance": 1e-9, "probabilities": [0.5]}}, "self-test"),
        ({"self_test": {"inputs": [{"symbol": "AAPL"}]}}, "symbol_unknown"),
        ({"outputs": {"probability": "probability_of_decline"}}, "probability_of_loss"),
        ({"calibration": {"slope": 1.0, "intercept": 0.0}}, "/calibration"),
        ({"artifact": {"file": "forecast.onnx"}}, "forecast.onnx"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused_with_the_reason(
    admin: Registrar, changes: dict[str, dict[str, Any]], told: str
) -> None:
    plain = msgspec.to_builtins(manifest())
    for name, members in changes.items():
        plain[name] = (plain[name] or {}) | members
    question = plain["self_test"]
    count = len(question["probabilities"])
    question["inputs"] = (question["inputs"] * count)[:count]
    answer = send(admin, msgspec.convert(plain, Manifest))
    assert is_problem(answer)["code"] == "bad_model"
    assert told in answer.json()["reason"], answer.text


def test_an_artefact_that_is_no_forecast_is_refused(admin: Registrar) -> None:
    content = b'{"format": "augury-risk-forecast-9"}'
    told = msgspec.to_builtins(manifest())
    told["artifact"] |= {"sha256": sha256(content), "bytes": len(content)}
    answer = send(admin, msgspec.convert(told, Manifest), content)
    assert is_problem(answer)["code"] == "bad_model"


def test_the_self_test_needs_no_market() -> None:
    told = manifest().self_test
    given = RiskModel.asked(manifest(), FOLDER / "forecast.json", msgspec.json.encode(told.inputs))
    assert given == told.probabilities
