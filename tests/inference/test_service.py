"""The client of the inference service: who is asked, and what becomes of answers that never come."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest

from augury.inference.asking import NoAnswer
from augury.inference.lanes import Lane
from augury.inference.manifest import BadModel
from augury.inference.model import Model
from augury.inference.service.fleet import Fleet
from augury.inference.service.replica import Wanted
from augury.inference.service.served import ServedModel
from augury.kit.coalescer import Overloaded
from support.houses import free_port
from support.inference_processes import InferenceProcess, digest, load_parameters
from support.tiny_models import MATRIX, ROWS, Tiny, applicants, proven, save_onnx
from support.waiting import eventually

# Processes and this one may stand still; who does not answer on purpose is not waited for so long.
PATIENCE_SECONDS, SOON_SECONDS = 60.0, 0.5


@pytest.fixture(autouse=True)
def _patient_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that stands still for a while is no process that cannot be asked."""
    monkeypatch.setattr("augury.inference.service.replica._LOOK_SECONDS", PATIENCE_SECONDS)


def wanted(tiny: Tiny, version: int = 1) -> Wanted:
    told = load_parameters(tiny, version)
    return Wanted(tiny.manifest.name, version, digest(tiny), told["manifest"], told["sha256"])


def nowhere(sha256: str) -> str:
    return f"http://127.0.0.1:1/v1/artifacts/{sha256}"


@contextmanager
def fleet_of(*urls: str) -> Iterator[Fleet]:
    fleet = Fleet(urls, nowhere, PATIENCE_SECONDS)
    try:
        yield fleet
    finally:
        fleet.close()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """A model with reasons."""
    path = save_onnx(tmp_path_factory.mktemp("service") / "tiny.onnx")
    return proven(path, "onnx", explain={"price": 1, "references": ROWS[:2]})


@pytest.fixture
def pair(tmp_path: Path, tiny: Tiny) -> Iterator[list[InferenceProcess]]:
    """Two processes with the artefact in their caches, and nothing loaded."""
    processes = [InferenceProcess(tmp_path) for _ in range(2)]
    for process in processes:
        process.keep(tiny)
    try:
        yield [process.ready() for process in processes]
    finally:
        for process in processes:
            process.end()


def test_a_served_model_answers_as_one_that_runs_here(
    pair: list[InferenceProcess], tiny: Tiny
) -> None:
    """Probabilities and reasons to the last bit, from both processes in turn; also of the rows of
    a batch, which are more than a process takes at once."""
    here, rows = Model(tiny.manifest, tiny.path, 1), applicants(2300)
    with fleet_of(*(process.url for process in pair)) as fleet:
        model = fleet.open(tiny.manifest, wanted(tiny))
        eventually(lambda: all(process.loaded() for process in pair))
        for _ in range(4):
            assert np.array_equal(model.predict(rows), here.predict(rows))
            given, expected = model.contributions(rows), here.contributions(rows)
            assert np.array_equal(given.fields, expected.fields)
            assert np.array_equal(given.log_odds(), expected.log_odds())
        assert model.is_available()


def test_a_process_that_comes_back_empty_is_filled_again(
    pair: list[InferenceProcess], tiny: Tiny
) -> None:
    """Predictions go on through the other one; none fails."""
    with fleet_of(*(process.url for process in pair)) as fleet:
        model = fleet.open(tiny.manifest, wanted(tiny))
        eventually(lambda: all(process.loaded() for process in pair))
        pair[0].kill()
        for _ in range(20):
            assert len(model.predict(MATRIX)) == 4
        pair[0].start()
        pair[0].ready()
        eventually(lambda: bool(pair[0].loaded()))
        pair[1].kill()
        eventually(lambda: _answers(model))


def test_a_model_that_was_unloaded_behind_our_back_is_loaded_again(
    pair: list[InferenceProcess], tiny: Tiny
) -> None:
    with fleet_of(*(process.url for process in pair)) as fleet:
        model = fleet.open(tiny.manifest, wanted(tiny))
        eventually(lambda: all(process.loaded() for process in pair))
        pair[0].post("/v2/repository/models/tiny/unload")
        for _ in range(4):
            assert len(model.predict(MATRIX)) == 4
        eventually(lambda: all(process.loaded() for process in pair))


def test_a_process_that_stands_still_is_left_alone_until_it_moves(
    pair: list[InferenceProcess], tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its breaker opens and the other one answers; it closes again without a sale finding out."""
    with fleet_of(*(process.url for process in pair)) as fleet:
        model = fleet.open(tiny.manifest, wanted(tiny))
        eventually(lambda: all(process.loaded() for process in pair))
        breakers = [replica.breaker for replica in fleet._replicas]
        infer = fleet._replicas[1].infer
        monkeypatch.setattr(
            fleet._replicas[1],
            "infer",
            lambda version, document, tensor, _: infer(version, document, tensor, SOON_SECONDS),
        )
        pair[1].pause()
        for _ in range(8):
            assert len(model.predict(MATRIX)) == 4
        eventually(lambda: not breakers[1].is_closed)
        assert breakers[0].is_closed
        for _ in range(50):
            assert len(model.predict(MATRIX)) == 4
        assert not breakers[1].is_closed
        pair[1].resume()
        eventually(lambda: breakers[1].is_closed)


def test_nobody_answering_is_said_and_ends(pair: list[InferenceProcess], tiny: Tiny) -> None:
    """A batch of many callers hears it once, not each of them alone one after the other."""
    with fleet_of(*(process.url for process in pair)) as fleet:
        model = fleet.open(tiny.manifest, wanted(tiny))
        for process in pair:
            process.kill()
        with pytest.raises(NoAnswer, match="nobody answers"):
            model.predict(MATRIX)
        found = model.predict_many([MATRIX] * 50)
        assert [type(one) for one in found] == [NoAnswer] * 50
        assert len({id(one) for one in found}) == 1
        eventually(lambda: not model.is_available())


def test_a_model_is_not_opened_where_nobody_is(tiny: Tiny) -> None:
    with fleet_of(f"http://127.0.0.1:{free_port()}") as fleet:
        with pytest.raises(BadModel, match="tiny"):
            fleet.open(tiny.manifest, wanted(tiny))
        assert not fleet._wanted


def test_a_model_that_the_service_refuses_is_not_opened(
    pair: list[InferenceProcess], tiny: Tiny
) -> None:
    """The reason of the service is the reason."""
    test = {"tolerance": 1e-6, "inputs": ROWS, "probabilities": [0.5] * 4}
    liar = Tiny(tiny.path, tiny.but(self_test=test))
    with fleet_of(*(process.url for process in pair)) as fleet:
        with pytest.raises(BadModel, match="self-test"):
            fleet.open(liar.manifest, wanted(liar))


def test_a_model_that_stands_still_holds_up_no_other_and_is_bounded(
    pair: list[InferenceProcess], tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bulkhead: so many calls at once and so much waiting; what comes then is refused."""
    monkeypatch.setattr("augury.inference.lanes._MOST_WAITING", 10)
    may_go, inside, most = threading.Event(), 0, 0
    lock, entered = threading.Lock(), threading.Semaphore(0)

    def stand_still(_matrix: object) -> object:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        entered.release()
        assert may_go.wait(90)
        return np.full(1, 0.5)

    with fleet_of(*(process.url for process in pair)) as fleet:
        slow = fleet.open(tiny.manifest, wanted(tiny))
        quick = fleet.open(tiny.manifest, wanted(tiny))
        slow.predict = stand_still  # type: ignore[method-assign, assignment]

        async def scenario() -> None:
            with closing(Lane(slow)) as lane, closing(Lane(quick)) as neighbour:
                waiting = []
                for _ in range(ServedModel.calls_at_once):
                    waiting.append(asyncio.ensure_future(lane.predict(MATRIX[:1])))
                    await asyncio.sleep(0.01)
                waiting += [asyncio.ensure_future(lane.predict(MATRIX[:1])) for _ in range(10)]
                await asyncio.sleep(0.01)
                with pytest.raises(Overloaded):
                    await lane.predict(MATRIX[:1])
                for _ in range(10):
                    assert len(await neighbour.predict(MATRIX)) == 4
                for _ in range(ServedModel.calls_at_once):
                    assert await asyncio.to_thread(entered.acquire, timeout=90)
                assert inside == most == ServedModel.calls_at_once
                for one in waiting:
                    one.cancel()
                may_go.set()

        asyncio.run(asyncio.wait_for(scenario(), 120))


def _answers(model: ServedModel) -> bool:
    try:
        return len(model.predict(MATRIX)) == 4
    except NoAnswer:
        return False
