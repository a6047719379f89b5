"""Sales of an API whose models run in two other processes, through everything that befalls those."""

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from augury import bootstrap
from support.databases import sqlite_database
from support.houses import (
    Server,
    findings,
    free_port,
    fund,
    open_house,
    order,
    settings_for,
    sign_up,
)
from support.inference_processes import InferenceProcess
from support.patience import was_busy
from support.waiting import eventually

MODELS = ["credit-catboost", "credit-logistic-regression", "credit-random-forest"]
CREDITS = 10_000_000


@dataclass
class Scene:
    """A shop, and the processes behind it."""

    api: Server
    processes: list[InferenceProcess]
    client: httpx2.Client
    database_url: str

    def buy(self, model: str = MODELS[1], **changes: Any) -> httpx2.Response:
        body = json.loads(order(model)) | changes
        return self.client.post("/v1/predictions", json=body)

    def balance(self) -> int:
        available: int = self.client.get("/v1/balance").json()["available"]
        return available

    def all_loaded(self) -> bool:
        return all(len(one.loaded()) == len(MODELS) for one in self.processes)


@contextmanager
def scene_in(folder: Path) -> Iterator[Scene]:
    """Open a shop on a first start: nothing is loaded anywhere, no artefact is in a cache."""
    database_url, port = sqlite_database(folder), free_port()
    bootstrap.prepare(settings_for(database_url, folder))
    source = ["--artifacts-from", f"http://127.0.0.1:{port}"]
    processes = [InferenceProcess(folder, *source) for _ in range(2)]
    urls = ",".join(process.url for process in processes)
    # Who does not answer is waited for: one that works may stand still for seconds as well.
    settings = {"inference_urls": urls, "inference_timeout_ms": "10000"}
    api = Server(database_url, folder, port=port, public_url=f"http://127.0.0.1:{port}", **settings)
    client = httpx2.Client(base_url=api.address, timeout=90, trust_env=False)
    try:
        for process in processes:
            process.ready()
        api.ready()
        client.headers.update(sign_up(client))
        fund(database_url, client.get("/v1/me").json()["id"], CREDITS)
        scene = Scene(api, processes, client, database_url)
        eventually(lambda: scene.all_loaded() and _sells_everything(client))
        yield scene
    finally:
        client.close()
        api.kill()
        for process in processes:
            process.end()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A running shop; tests leave its processes as they found them."""
    with scene_in(tmp_path_factory.mktemp("shop")) as opened:
        yield opened


def test_a_first_start_fetches_every_artefact_by_its_hash(scene: Scene) -> None:
    """Both processes begin with nothing and have every model on sale, from the API's links."""
    for process in scene.processes:
        told = {one["name"]: one["version"] for one in process.loaded()}
        assert told == dict.fromkeys(MODELS, "1")
        assert "signature" not in process.log()


@pytest.mark.parametrize("explain", [False, True])
@pytest.mark.parametrize("model", MODELS)
def test_a_sale_is_the_same_as_when_the_model_runs_in_the_api(
    scene: Scene, tmp_path: Path, model: str, explain: bool
) -> None:
    """Outputs, cautions and reasons to the last digit."""
    settings = settings_for(sqlite_database(tmp_path), tmp_path)
    with open_house(settings) as (client, _house):
        body = json.loads(order(model, rows=3, loan_percent_income=0.5)) | {"explain": explain}
        here = client.post("/v1/predictions", json=body, headers=sign_up(client)).json()
    there = scene.client.post("/v1/predictions", json=body).json()
    assert there["outputs"] == here["outputs"]
    assert there["warnings"] == here["warnings"]
    assert len(there["warnings"]) == 3


def test_faults_of_inputs_are_found_here_as_ever(scene: Scene) -> None:
    answer = scene.client.post(
        "/v1/predictions",
        content=order(person_age="old"),
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (
        422,
        "/inputs/0/person_age",
    )


@contextmanager
def shopping(scene: Scene, buyers: int = 4) -> Iterator[list[int]]:
    """Buy without a pause meanwhile; give the statuses of the answers."""
    stop = threading.Event()
    statuses: list[int] = []

    def buy() -> None:
        while not stop.is_set():
            answer = scene.buy(MODELS[len(statuses) % len(MODELS)])
            if not was_busy(answer):
                statuses.append(answer.status_code)

    threads = [threading.Thread(target=buy) for _ in range(buyers)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        stop.set()
        for thread in threads:
            thread.join(150)


def test_sales_go_on_while_a_process_is_killed_paused_and_restarted(scene: Scene) -> None:
    """Not one sale fails, and the books are right."""
    first, second = scene.processes
    with shopping(scene) as statuses:

        def sold(more: int) -> None:
            goal = len(statuses) + more
            eventually(lambda: len(statuses) >= goal)

        sold(50)
        first.kill()
        sold(50)
        first.start()
        first.ready()
        eventually(scene.all_loaded)
        sold(50)
        second.pause()
        sold(100)
        second.resume()
        eventually(scene.all_loaded)
        sold(50)
        second.kill()
        sold(50)
        second.start()
        second.ready()
        eventually(scene.all_loaded)
    assert set(statuses) == {201}
    assert findings(scene.database_url) == []


def test_when_nobody_answers_nothing_is_sold_and_nothing_charged(scene: Scene) -> None:
    """503 model_unavailable, and told so; once they are back, sales go on by themselves."""
    before = scene.balance()
    for process in scene.processes:
        process.kill()
    for explain in (False, True):
        answer = scene.buy(explain=explain)
        assert (answer.status_code, answer.json()["code"]) == (503, "model_unavailable")
    eventually(lambda: scene.client.get("/readyz").json()["unavailable"] == MODELS)
    assert scene.balance() == before
    for process in scene.processes:
        process.start()
    for process in scene.processes:
        process.ready()
    eventually(lambda: _sells_everything(scene.client))
    eventually(lambda: scene.buy().status_code == 201)
    eventually(scene.all_loaded)
    assert scene.balance() < before


def test_an_api_that_starts_before_the_service_sells_once_it_is_there(tmp_path: Path) -> None:
    """It starts, says that it is not ready and refuses; nobody restarts it."""
    database_url, port = sqlite_database(tmp_path), free_port()
    # Models of documents would be sold meanwhile, and the API would be ready for that.
    tables = tmp_path / "tables"
    for name in MODELS:
        shutil.copytree(Path("models") / name, tables / name)
    bootstrap.prepare(settings_for(database_url, tmp_path, models_dir=tables))
    api = f"http://127.0.0.1:{port}"
    process = InferenceProcess(tmp_path, "--artifacts-from", api)
    process.kill()
    server = Server(
        database_url,
        tmp_path,
        port=port,
        public_url=api,
        inference_urls=process.url,
        inference_timeout_ms="60000",
        models_dir=str(tables),
    )
    try:
        with httpx2.Client(base_url=api, timeout=90, trust_env=False) as client:
            eventually(lambda: _status(client, "/healthz") == 200)
            assert _status(client, "/readyz") == 503
            headers = sign_up(client)
            body = json.loads(order())
            refused = client.post("/v1/predictions", json=body, headers=headers)
            assert refused.json()["code"] == "model_unavailable"
            process.start()
            eventually(lambda: _sells_everything(client))
            fund(database_url, client.get("/v1/me", headers=headers).json()["id"], 100)
            sold = client.post("/v1/predictions", json=body, headers=headers)
            assert sold.status_code == 201, sold.text + process.log()
        assert server.stop() == 0
    finally:
        if server.process.poll() is None:
            server.kill()
        process.end()


def _sells_everything(client: httpx2.Client) -> bool:
    try:
        answer = client.get("/readyz")
    except httpx2.TransportError:
        return False
    return answer.status_code == 200 and answer.json()["unavailable"] == []


def _status(client: httpx2.Client, path: str) -> int:
    try:
        return client.get(path).status_code
    except httpx2.TransportError:
        return 0
