"""The one small coalescer: what waits at the same moment is done in one go.

It never waits to fill a batch. While one batch is being worked on, newcomers gather; when it is
done they go together. So a lone caller pays nothing, and under load the fixed cost of a model call
or of a durable commit is shared by everybody who came in the meantime.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from augury.kit.errors import Refusal

Item = TypeVar("Item")
Result = TypeVar("Result")


class Overloaded(Refusal):
    """More work waits than can be done in a sensible time; nothing was charged."""

    code = "overloaded"
    status = 503


class Coalescer(Generic[Item, Result]):
    """Joins items of concurrent callers into calls of `work`, one call at a time, in a thread.

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
    ) -> None:
        """Start idle; the weights of one call's items add up to `most_per_call` unless it is one.

        `brief` tells by the weight whether a call takes less time than handing it to a thread and
        back; such a call is made on the spot.
        """
        self._work = work
        self._weigh = weigh
        self._brief = brief
        self._most_per_call = most_per_call
        self._most_waiting = most_waiting
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._busy = False
        self._turn_booked = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def ask(self, item: Item) -> Result:
        """Return the result for one item; raises `Overloaded` when too many wait already."""
        if len(self._waiting) >= self._most_waiting:
            raise Overloaded(retry_after_seconds=1)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((item, future))
        if not self._busy and not self._turn_booked:
            # Callers that arrive in the same turn of the event loop go together.
            self._turn_booked = True
            loop.call_soon(self._take, loop)
        return await future

    def _take(self, loop: asyncio.AbstractEventLoop) -> None:
        self._turn_booked = False
        batch: list[tuple[Item, asyncio.Future[Result]]] = []
        weight = 0
        while self._waiting:
            more = self._weigh(self._waiting[0][0])
            if batch and weight + more > self._most_per_call:
                break
            weight += more
            batch.append(self._waiting.popleft())
        if not batch:
            return
        self._busy = True
        items = [item for item, _ in batch]
        if self._brief(weight):
            self._answer(loop, batch, self._attempt(items))
            return
        self._thread.submit(self._attempt, items).add_done_callback(
            lambda done: loop.call_soon_threadsafe(self._answer, loop, batch, done.result())
        )

    def _attempt(self, items: list[Item]) -> Sequence[Result | Exception]:
        try:
            return self._work(items)
        except Exception as error:  # noqa: BLE001 -- it belongs to everybody who asked
            return [error] * len(items)

    def _answer(
        self,
        loop: asyncio.AbstractEventLoop,
        batch: list[tuple[Item, asyncio.Future[Result]]],
        results: Sequence[Result | Exception],
    ) -> None:
        self._busy = False
        for (_, future), result in zip(batch, results, strict=True):
            if future.done():  # its caller has gone; the work stands
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
        if self._waiting:
            self._take(loop)

    def close(self) -> None:
        """Finish the call that runs and stop the thread."""
        self._thread.shutdown(wait=True)
