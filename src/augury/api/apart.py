"""Work that may take a minute, in a thread that does not keep a stopping server from leaving."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def run_apart(work: Callable[[], Result]) -> "asyncio.Future[Result]":
    """Begin `work` and return what will have what it returns or raises.

    Raises `RuntimeError` when it could not be begun.

    The usual pool waits for its threads at the end of the process; this one is left behind, with
    whatever it has not committed.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, error: BaseException | None) -> None:
        if future.done():  # its caller has gone
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type] # what `work` returned

    def go() -> None:
        result, error = None, None
        try:
            result = work()
        except Exception as raised:  # noqa: BLE001 -- it belongs to whoever waits
            error = raised
        loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=go, name="apart", daemon=True).start()
    return future
