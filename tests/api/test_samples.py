"""Free samples: real, for everybody, computed once, and never a sale."""

import asyncio
from typing import Any

import jsonschema
import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from augury.api.limits import AttemptLimits, RateLimited
from augury.bootstrap import House
from augury.inference.asking import NoAnswer
from augury.inference.lanes import Lane
from augury.predictions.buy import ModelUnavailable
from augury.predictions.samples import Samples
from augury.predictions.tables import predictions

NAME = "credit-catboost"
PATH = f"/v1/models/{NAME}/sample"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the models are asked from now on."""
    seen: list[Any] = []
    answer = Lane.answer

    async def answered(lane: Lane, question: Any) -> Any:
        seen.append(question)
        return await answer(lane, question)

    monkeypatch.setattr(Lane, "answer", answered)
    return seen


def test_a_sample_is_what_a_buyer_of_the_example_would_get(
    client: TestClient, anna: dict[str, str]
) -> None:
    given = client.get(PATH)
    assert given.status_code == 200
    assert given.headers["Cache-Control"] == "public, max-age=60"
    sample = given.json()
    model = client.get(f"/v1/models/{NAME}").json()
    assert (sample["model"], sample["version"]) == (NAME, model["version"])
    assert sample["input"] == model["input_schema"]["examples"][0]
    jsonschema.validate(sample["output"], model["output_schema"])
    order = {"model": NAME, "inputs": [sample["input"]]}
    bought = client.post("/v1/predictions", json=order, headers=anna).json()
    assert bought["outputs"] == [sample["output"]]


def test_a_sample_costs_and_stores_nothing(client: TestClient, house: House) -> None:
    def sold() -> int:
        with house.db.read() as tx:
            return int(tx.execute(select(func.count()).select_from(predictions)).scalar_one())

    before = sold()
    assert client.get("/v1/models/credit-random-forest/sample").status_code == 200
    assert sold() == before


@pytest.mark.parametrize("name", ["nothing", "Bad Name", "credit-catboost@77"])
def test_what_is_not_on_sale_has_no_sample(client: TestClient, name: str) -> None:
    answer = client.get(f"/v1/models/{name}/sample")
    assert (answer.status_code, answer.json()["code"]) == (404, "model_not_found")


def test_models_of_documents_have_no_sample(client: TestClient) -> None:
    answer = client.get("/v1/models/investment-risk/sample")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_sample")
    assert answer.json()["model"] == "investment-risk"


def test_a_version_is_asked_once_however_many_look(house: House, asked: list[Any]) -> None:
    fresh = Samples(house.shop.catalogue)

    async def look() -> None:
        together = await asyncio.gather(*(fresh.sample(NAME) for _ in range(5)))
        # By its version it is the same sample; and whoever gives up disturbs nobody.
        assert await fresh.sample(f"{NAME}@1") is together[0]

    asyncio.run(look())
    assert len(asked) == 1


def test_a_model_that_fails_is_not_asked_by_every_visitor(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries, moment = [], [0.0]

    async def fail(_lane: Lane, question: Any) -> Any:
        tries.append(question)
        raise NoAnswer("unreachable")

    monkeypatch.setattr(Lane, "answer", fail)
    fresh = Samples(house.shop.catalogue, lambda: moment[0])

    async def look() -> None:
        for _ in range(3):
            with pytest.raises(ModelUnavailable):
                await fresh.sample(NAME)
        moment[0] = 31.0
        with pytest.raises(ModelUnavailable):
            await fresh.sample(NAME)

    asyncio.run(look())
    assert len(tries) == 2


def test_looks_at_samples_are_limited_for_each_address() -> None:
    limits = AttemptLimits("on")
    for _ in range(120):
        limits.sample("192.0.2.1")
    with pytest.raises(RateLimited):
        limits.sample("192.0.2.1")
    limits.sample("192.0.2.2")
    # Signing in is counted apart.
    limits.attempt("192.0.2.1")
