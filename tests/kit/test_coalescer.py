"""The coalescer: joins what waits, never waits itself, and keeps callers apart."""

import asyncio
import threading
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from augury.kit.coalescer import Coalescer, Overloaded
from support.waiting import eventually


class Gate:
    """Work that stands still until the test opens the gate, and remembers its batches."""

    def __init__(self, *, opened: bool = False) -> None:
        """Start shut unless told otherwise."""
        self.batches: list[list[Any]] = []
        self.entered = threading.Semaphore(0)
        self._opened = threading.Event()
        if opened:
            self.open()

    def open(self) -> None:
        """Let everything through from now on."""
        self._opened.set()

    def __call__(self, items: list[Any]) -> list[Any]:
        """Work on one batch: each item becomes its double, an exception stays what it is."""
        self.batches.append(items)
        self.entered.release()
        assert self._opened.wait(90)
        return [item if isinstance(item, Exception) else item * 2 for item in items]


@contextmanager
def coalescer(work: Callable[[list[Any]], Any], **options: Any) -> Iterator[Coalescer[Any, Any]]:
    """Give a coalescer that is closed afterwards."""
    made: Coalescer[Any, Any] = Coalescer(work, name="test", **options)
    try:
        yield made
    finally:
        made.close()


async def entered(gate: Gate) -> None:
    """Wait until the work has begun on one more batch."""
    await asyncio.to_thread(gate.entered.acquire)


async def asked(line: Coalescer[Any, Any], *items: Any) -> list[asyncio.Task[Any]]:
    """Ask for each item from a task of its own, and let all of them get in line."""
    tasks = [asyncio.ensure_future(line.ask(item)) for item in items]
    await asyncio.sleep(0)
    return tasks


def run(scenario: Awaitable[None]) -> None:
    """Run a scenario; one that never ends is a failure and not a hanging suite."""

    async def limited() -> None:
        await asyncio.wait_for(scenario, 90)

    asyncio.run(limited())


def test_a_lone_caller_does_not_wait_for_company() -> None:
    """One item alone is worked on at once: nobody else has to come to fill a batch."""
    gate = Gate(opened=True)

    async def scenario() -> None:
        assert await line.ask(21) == 42
        assert await line.ask(1) == 2

    with coalescer(gate) as line:
        run(scenario())
    assert gate.batches == [[21], [1]]


def test_what_arrives_together_goes_together() -> None:
    """Callers of the same turn of the event loop share one call, each with its own result."""
    gate = Gate(opened=True)

    async def scenario() -> None:
        assert await asyncio.gather(*(line.ask(n) for n in range(5))) == [0, 2, 4, 6, 8]

    with coalescer(gate) as line:
        run(scenario())
    assert gate.batches == [[0, 1, 2, 3, 4]]


def test_what_comes_during_a_call_is_joined_into_the_next() -> None:
    """While one call runs newcomers gather, and all of them go in the one call that follows."""
    gate = Gate()

    async def scenario() -> None:
        first = await asked(line, 1)
        await entered(gate)
        rest = [*await asked(line, 2, 3), *await asked(line, 4)]
        assert not any(task.done() for task in (*first, *rest))
        gate.open()
        assert await asyncio.gather(*first, *rest) == [2, 4, 6, 8]

    with coalescer(gate) as line:
        run(scenario())
    assert gate.batches == [[1], [2, 3, 4]]


def test_one_call_runs_at_a_time() -> None:
    """A second call never starts before the first has ended."""
    running = threading.Lock()

    def work(items: list[int]) -> list[int]:
        assert running.acquire(blocking=False), "two calls at once"
        try:
            return items
        finally:
            running.release()

    async def scenario() -> None:
        assert await asyncio.gather(*(line.ask(n) for n in range(300))) == list(range(300))

    with coalescer(work, most_per_call=3) as line:
        run(scenario())


def test_an_exception_as_result_reaches_its_caller_alone() -> None:
    """Neighbours in the same batch get their results when one of them is refused."""
    gate = Gate(opened=True)

    async def scenario() -> None:
        results = await asyncio.gather(
            line.ask(1), line.ask(KeyError("mine")), line.ask(3), return_exceptions=True
        )
        assert (results[0], results[2]) == (2, 6)
        assert isinstance(results[1], KeyError)

    with coalescer(gate) as line:
        run(scenario())
    assert len(gate.batches) == 1


def test_work_that_fails_fails_its_batch_and_not_the_next() -> None:
    """An exception of the work itself goes to everybody in that batch; then life goes on."""
    calls = 0

    def work(items: list[int]) -> list[int]:
        nonlocal calls
        calls += 1
        if calls == 1:
            message = "no luck"
            raise OSError(message)
        return items

    async def scenario() -> None:
        failed = await asyncio.gather(line.ask(1), line.ask(2), return_exceptions=True)
        assert [type(one) for one in failed] == [OSError, OSError]
        assert await line.ask(3) == 3

    with coalescer(work) as line:
        run(scenario())


def test_a_caller_that_goes_away_disturbs_nobody() -> None:
    """Callers who leave, before or during the call, do not spoil the results of the others."""
    gate = Gate()

    async def scenario() -> None:
        during, stays = await asked(line, 1, 2)
        await entered(gate)
        before, later = await asked(line, 3, 4)
        during.cancel()
        before.cancel()
        await asyncio.sleep(0)
        gate.open()
        assert [await stays, await later] == [4, 8]
        assert during.cancelled()
        assert before.cancelled()
        assert await line.ask(5) == 10

    with coalescer(gate) as line:
        run(scenario())


def test_too_many_waiting_are_refused_at_once() -> None:
    """Beyond the limit a newcomer is told so, with the time to try again; the line stays whole."""
    gate = Gate()

    async def scenario() -> None:
        first = await asked(line, 0)
        await entered(gate)
        waiting = await asked(line, 1, 2, 3)
        with pytest.raises(Overloaded) as refused:
            await line.ask(4)
        assert refused.value.status == 503
        assert refused.value.retry_after_seconds
        gate.open()
        assert await asyncio.gather(*first, *waiting) == [0, 2, 4, 6]
        assert await line.ask(5) == 10, "there is room again"

    with coalescer(gate, most_waiting=3) as line:
        run(scenario())
    assert gate.batches == [[0], [1, 2, 3], [5]]


def test_weights_bound_a_call() -> None:
    """The weights of one call stay within the limit, in order of arrival."""
    gate = Gate()

    async def scenario() -> None:
        tasks = await asked(line, 1)
        await entered(gate)
        tasks += await asked(line, 4, 5, 2, 8, 1, 1)
        gate.open()
        await asyncio.gather(*tasks)

    with coalescer(gate, weigh=lambda item: item, most_per_call=10) as line:
        run(scenario())
    assert gate.batches == [[1], [4, 5], [2, 8], [1, 1]]


def test_an_item_heavier_than_the_limit_goes_alone() -> None:
    """What is too heavy for any call is still done, in a call of its own."""
    gate = Gate()

    async def scenario() -> None:
        tasks = await asked(line, 1)
        await entered(gate)
        tasks += await asked(line, 2, 99, 3)
        gate.open()
        await asyncio.gather(*tasks)

    with coalescer(gate, weigh=lambda item: item, most_per_call=10) as line:
        run(scenario())
    assert gate.batches == [[1], [2], [99], [3]]


def test_brief_calls_are_made_on_the_spot() -> None:
    """A call that is shorter than the way to a thread stays on the caller's; a longer one does not."""
    threads: dict[int, threading.Thread] = {}

    def work(items: list[int]) -> list[int]:
        threads[items[0]] = threading.current_thread()
        return items

    async def scenario() -> None:
        assert await line.ask(1) == 1
        assert await line.ask(10) == 10

    with coalescer(work, weigh=lambda item: item, brief=lambda weight: weight < 5) as line:
        run(scenario())
    assert threads[1] is threading.main_thread()
    assert threads[10] is not threading.main_thread()


def test_a_brief_call_that_fails_fails_its_callers_alone() -> None:
    """An exception on the spot is the callers' and does not stop the line."""

    def work(items: list[int]) -> list[Any]:
        if 1 in items:
            raise OSError("no luck")
        return [KeyError("mine") if item == 2 else item for item in items]

    async def scenario() -> None:
        for item, failure in ((1, OSError), (2, KeyError)):
            with pytest.raises(failure):
                await line.ask(item)
        assert await line.ask(3) == 3

    with coalescer(work, brief=lambda _: True) as line:
        run(scenario())


def test_brief_calls_in_a_row_do_not_pile_up() -> None:
    """The fiftieth brief call in a row stands no deeper in the stack than the first."""
    depths: list[int] = []

    def work(items: list[int]) -> list[int]:
        depths.append(sum(1 for _ in traceback.walk_stack(None)))
        return items

    async def scenario() -> None:
        assert await asyncio.gather(*(line.ask(n) for n in range(50))) == list(range(50))

    with coalescer(work, brief=lambda _: True, most_per_call=1) as line:
        run(scenario())
    assert len(depths) == 50
    assert depths[-1] == depths[0]


def test_others_get_their_turn_between_brief_calls() -> None:
    """However many brief calls wait, whoever else needs the event loop has it after each of them."""
    turns: list[str] = []

    def work(items: list[int]) -> list[int]:
        turns.append("call")
        return items

    async def other() -> None:
        for _ in range(10):
            turns.append("other")
            await asyncio.sleep(0)

    async def scenario() -> None:
        await asyncio.gather(*(line.ask(n) for n in range(10)), other())

    with coalescer(work, brief=lambda _: True, most_per_call=1) as line:
        run(scenario())
    assert turns.count("call") == 10
    assert "call call" not in " ".join(turns), "no two calls in one turn"


def test_work_with_a_wrong_number_of_results_leaves_nobody_hanging() -> None:
    """Work that loses a result is a failure for its callers, not a wait without end."""

    async def scenario() -> None:
        with pytest.raises(Exception) as failed:  # noqa: PT011 - anything but silence
            await asyncio.wait_for(asyncio.gather(line.ask(1), line.ask(2)), 60)
        assert not isinstance(failed.value, TimeoutError)

    with coalescer(lambda items: items[:1]) as line:
        run(scenario())


def test_asking_after_the_end_is_a_failure_and_not_a_wait() -> None:
    """A caller who comes after closing is told so."""

    async def scenario() -> None:
        line.close()
        with pytest.raises(Exception) as failed:  # noqa: PT011 - anything but silence
            await asyncio.wait_for(line.ask(1), 60)
        assert not isinstance(failed.value, TimeoutError)

    with coalescer(Gate(opened=True)) as line:
        run(scenario())


def test_who_still_waits_when_it_ends_is_refused() -> None:
    """The call that runs is answered; nobody works for those who stand in line behind it."""
    gate = Gate()

    async def scenario() -> None:
        (first,) = await asked(line, 1)
        await entered(gate)
        second, third = await asked(line, 2, 3)
        closing = asyncio.ensure_future(asyncio.to_thread(line.close))
        await asyncio.to_thread(eventually, lambda: line._closed)
        gate.open()
        assert await asyncio.wait_for(first, 60) == 2
        for late in (second, third):
            with pytest.raises(Overloaded):
                await asyncio.wait_for(late, 60)
        await closing
        assert gate.batches == [[1]]

    with coalescer(gate) as line:
        run(scenario())
