"""The one small coalescer: what waits at the same moment is done in one go.

It never waits to fill a batch. While one batch is being worked on, newcomers gather; when it is
done they go together. So a lone caller pays nothing, and under load the fixed cost of a model call
or of a durable commit is shared by everybody who came in the meantime.
"""

import asyncio
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, Final, Generic, TypeVar
from weakref import WeakSet

import prometheus_client
from prometheus_client import REGISTRY
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from augury.kit.errors import Refusal
from augury.kit.metrics import SECONDS_BUCKETS, gauge

Item = TypeVar("Item")
Result = TypeVar("Result")

_CALL_SECONDS: Final = prometheus_client.Histogram(
    "augury_line_call_seconds", "Calls that joined who waited", ["line"], buckets=SECONDS_BUCKETS
)
_JOINED: Final = prometheus_client.Counter(
    "augury_line_joined", "Requests that calls answered; more than calls when they met", ["line"]
)
_open: WeakSet["Coalescer[Any, Any]"] = WeakSet()
_opening = threading.Lock()


class _Waiting(Collector):
    """How many wait in each line of this process now."""

    def collect(self) -> Iterator[Metric]:
        found: Counter[str] = Counter()
        with _opening:
            lines = list(_open)
        for one in lines:
            found[one.name] += one.waiting
        values = (([name], count) for name, count in found.items())
        yield gauge("line_waiting", "Requests that wait for a call to begin", values, "line")


REGISTRY.register(_Waiting())


def forget(line: str) -> None:
    """Stop telling of a line that will not come back."""
    for family in (_CALL_SECONDS, _JOINED):
        with suppress(KeyError):
            family.remove(line)


class Overloaded(Refusal):
    """More work waits than can be done in a sensible time; nothing was charged."""

    code = "overloaded"
    status = 503


def _overloaded() -> Overloaded:
    return Overloaded(retry_after_seconds=1)


class Coalescer(Generic[Item, Result]):
    """Joins items of concurrent callers into calls of `work`, in a thread for each call at a time.

    `work` gets a list of items and returns as many results in the same order. A result that is an
    exception is raised to its caller alone; an exception that `work` raises goes to all of them.
    Every state change happens on the event loop, so there is no lock.
    """

    def __init__(
        self,
        work: Callable[[list[Item]], Sequence[Result | Exception]],
        *,
        name: str,
        weigh: Callable[[Item], int] = lambda _item: 1,
        brief: Callable[[int], bool] = lambda _weight: False,
        most_per_call: int = 1024,
        most_waiting: int = 8192,
        calls_at_once: int = 1,
    ) -> None:
        """Start idle; the weights of one call's items add up to `most_per_call` unless it is one.

        `brief` tells by the weight whether a call takes less time than handing it to a thread and
        back; such a call is made on the spot. More than one of `calls_at_once` is for work that
        waits for somebody else: with one's own processor newcomers had better gather.
        """
        self.name = name
        self._call_seconds, self._joined = _CALL_SECONDS.labels(name), _JOINED.labels(name)
        self._work = work
        self._weigh = weigh
        self._brief = brief
        self._most_per_call = most_per_call
        self._most_waiting = most_waiting
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._calls_at_once = calls_at_once
        self._running = 0
        self._turn_booked = False
        self._closed = False
        self._threads = ThreadPoolExecutor(calls_at_once, thread_name_prefix=name)
        with _opening:
            _open.add(self)

    @property
    def waiting(self) -> int:
        """How many wait now, without those that a call is working on."""
        return len(self._waiting)

    async def ask(self, item: Item) -> Result:
        """Return the result for one item; raises `Overloaded` when too many wait already."""
        if len(self._waiting) >= self._most_waiting or self._closed:
            raise _overloaded()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((item, future))
        if not self._is_busy() and not self._turn_booked:
            # Callers that arrive in the same turn of the event loop go together.
            self._turn_booked = True
            loop.call_soon(self._take, loop)
        return await future

    def _take(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the next call, if there is anything to do and nothing being done."""
        self._turn_booked = False
        if self._closed:  # nobody is left to work for those who still wait
            while self._waiting:
                _answer([self._waiting.popleft()], [_overloaded()])
        if self._is_busy() or not self._waiting:
            return
        batch, weight = self._next_batch()
        items = [item for item, _ in batch]
        if self._brief(weight):
            _answer(batch, self._attempt(items))
        else:
            self._running += 1
            self._threads.submit(self._attempt, items).add_done_callback(
                partial(self._done, loop, batch)
            )
        if self._waiting and not self._is_busy():
            # Others have waited for the event loop meanwhile; they come first.
            self._turn_booked = True
            loop.call_soon(self._take, loop)

    def _is_busy(self) -> bool:
        return self._running >= self._calls_at_once

    def _next_batch(self) -> tuple[list[tuple[Item, asyncio.Future[Result]]], int]:
        batch = [self._waiting.popleft()]
        weight = self._weigh(batch[0][0])
        while self._waiting:
            more = self._weigh(self._waiting[0][0])
            if weight + more > self._most_per_call:
                break
            weight += more
            batch.append(self._waiting.popleft())
        return batch, weight

    def _attempt(self, items: list[Item]) -> Sequence[Result | Exception]:
        """Return a result for each item, whatever `work` does."""
        began = time.perf_counter()
        try:
            results = self._work(items)
        except Exception as error:  # noqa: BLE001 -- it belongs to everybody who asked
            return [error] * len(items)
        finally:
            self._call_seconds.observe(time.perf_counter() - began)
            self._joined.inc(len(items))
        if len(results) == len(items):
            return results
        wrong = AssertionError(f"{len(results)} results for {len(items)} items")
        return [wrong] * len(items)

    def _done(
        self,
        loop: asyncio.AbstractEventLoop,
        batch: list[tuple[Item, asyncio.Future[Result]]],
        done: "Future[Sequence[Result | Exception]]",
    ) -> None:
        """Go back to the event loop with the results; runs in the thread."""

        def answer() -> None:
            self._running -= 1
            _answer(batch, done.result())
            self._take(loop)

        loop.call_soon_threadsafe(answer)

    def close(self) -> None:
        """Finish the calls that run and stop; who waits or asks from now on is refused."""
        self._closed = True
        self._threads.shutdown(wait=True)


def _answer(
    batch: list[tuple[Item, asyncio.Future[Result]]], results: Sequence[Result | Exception]
) -> None:
    for (_, future), result in zip(batch, results, strict=True):
        if future.done():  # its caller has gone; the work stands
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
