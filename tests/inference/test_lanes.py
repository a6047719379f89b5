"""Lanes: concurrent callers of one model share its calls, and models do not hold up each other."""

import asyncio
import gc
import threading
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Any

import numpy as np

from augury.inference.lanes import Lane
from augury.inference.model import Model, Question
from support.tiny_models import MATRIX, ROWS, Tiny


def run(scenario: Awaitable[None]) -> None:
    """Run a scenario with an end."""

    async def limited() -> None:
        await asyncio.wait_for(scenario, 90)

    asyncio.run(limited())


def watched(tiny: Tiny, before: Callable[[Any], None]) -> Model:
    """Return a model that tells about each call of its runtime before it makes it."""
    model = Model(tiny.manifest, tiny.path, 1)
    predict = model._predict

    def call(matrix: Any) -> Any:
        before(matrix)
        return predict(matrix)

    model._predict = call
    return model


def test_concurrent_callers_share_calls_of_the_runtime(scorecard: Tiny) -> None:
    """Sixty callers at once cost a few calls of the runtime, and each gets its own rows."""
    calls: list[int] = []
    model = watched(scorecard, lambda matrix: calls.append(len(matrix)))
    alone = Model(scorecard.manifest, scorecard.path, 1)
    callers = [MATRIX[n % 4 : n % 4 + 1 + n % 2] for n in range(60)]

    async def scenario() -> None:
        with closing(Lane(model)) as lane:
            found = await asyncio.gather(*(lane.predict(rows) for rows in callers))
        for rows, given in zip(callers, found, strict=True):
            np.testing.assert_allclose(given, alone.predict(rows), rtol=0, atol=1e-9)

    run(scenario())
    assert sum(calls) == sum(map(len, callers))
    assert len(calls) <= 3


def test_a_call_of_the_runtime_is_bounded(scorecard: Tiny) -> None:
    """Large callers are not joined beyond a thousand rows."""
    calls: list[int] = []
    model = watched(scorecard, lambda matrix: calls.append(len(matrix)))
    rows = np.tile(MATRIX, (100, 1))

    async def scenario() -> None:
        with closing(Lane(model)) as lane:
            found = await asyncio.gather(*(lane.predict(rows) for _ in range(5)))
        assert [len(given) for given in found] == [400] * 5

    run(scenario())
    assert calls == [800, 800, 400]


def test_a_failing_call_reaches_only_its_own_callers(scorecard: Tiny) -> None:
    """When a runtime throws, those in that call hear of it; the next call works."""
    broken = threading.Event()
    broken.set()

    def fail(_matrix: Any) -> None:
        if broken.is_set():
            raise RuntimeError("the runtime has tripped")

    model = watched(scorecard, fail)
    other = Model(scorecard.manifest, scorecard.path, 1)

    async def scenario() -> None:
        with closing(Lane(model)) as lane, closing(Lane(other)) as neighbour:
            results = await asyncio.gather(
                lane.predict(MATRIX),
                neighbour.predict(MATRIX),
                lane.predict(MATRIX[:1]),
                return_exceptions=True,
            )
            assert [type(one) for one in results] == [RuntimeError, np.ndarray, RuntimeError]
            broken.clear()
            assert len(await lane.predict(MATRIX)) == 4

    run(scenario())


def test_a_slow_model_holds_up_no_other(scorecard: Tiny) -> None:
    """While one model stands still, another answers."""
    entered, may_go = threading.Event(), threading.Event()

    def stand_still(_matrix: Any) -> None:
        entered.set()
        assert may_go.wait(90)

    slow = watched(scorecard, stand_still)
    slow.seconds = lambda rows: 60.0 + rows  # type: ignore[method-assign]
    quick = Model(scorecard.manifest, scorecard.path, 1)

    async def scenario() -> None:
        with closing(Lane(slow)) as lane, closing(Lane(quick)) as neighbour:
            waiting = asyncio.ensure_future(lane.predict(MATRIX))
            await asyncio.to_thread(entered.wait)
            for _ in range(10):
                assert len(await neighbour.predict(MATRIX)) == 4
            assert not waiting.done()
            may_go.set()
            assert len(await waiting) == 4

    run(scenario())


def test_a_lane_that_was_never_used_closes(scorecard: Tiny) -> None:
    """Closing without a single prediction is fine, and so is closing twice."""
    lane = Lane(Model(scorecard.manifest, scorecard.path, 1))
    lane.close()
    lane.close()


def test_a_lane_that_nobody_can_ask_any_more_lets_its_threads_go(scorecard: Tiny) -> None:
    """When a version leaves the catalogue and its last sale is done, nothing of it stays."""
    model = watched(scorecard, lambda _matrix: None)
    model.seconds = lambda rows: 60.0 + rows  # type: ignore[method-assign]

    async def scenario() -> None:
        lane = Lane(model)
        others = set(threading.enumerate())
        await lane.predict(MATRIX)
        begun = set(threading.enumerate()) - others
        (thread,) = [one for one in begun if one.name.startswith("lane-tiny")]
        del lane
        gc.collect()
        thread.join(90)
        assert not thread.is_alive()

    run(scenario())


def test_reasons_of_others_hold_up_nobody(scorecard: Tiny) -> None:
    """While somebody's reasons are being found, plain predictions of the same model go on."""
    explain = {"price": 1, "references": ROWS[:2]}
    model = Model(scorecard.but(explain=explain), scorecard.path, 1)
    entered, may_go = threading.Event(), threading.Event()
    honest = model.explain_many

    def stand_still(questions: list[Question]) -> Any:
        entered.set()
        assert may_go.wait(90)
        return honest(questions)

    model.explain_many = stand_still  # type: ignore[method-assign]
    model.explain_seconds = lambda rows: 60.0 + rows  # type: ignore[method-assign]

    async def scenario() -> None:
        with closing(Lane(model)) as lane:
            waiting = asyncio.ensure_future(lane.explain(Question(MATRIX, ROWS, "en")))
            await asyncio.to_thread(entered.wait)
            for _ in range(10):
                assert len(await lane.predict(MATRIX)) == 4
            assert not waiting.done()
            may_go.set()
            assert all(output["reasons"] for output in await waiting)

    run(scenario())
