"""The desk where passwords are hashed: off the event loop, and few at a time.

A bcrypt hash takes a quarter of a second of processor time. Without a limit, fifty people signing
in at once would take the processors from every sale.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from augury.kit.coalescer import Overloaded

Result = TypeVar("Result")

_AT_ONCE = 1
_MOST_WAITING = 40
_RETRY_AFTER_SECONDS = 5


class PasswordDesk:
    """Runs the calls that hash passwords, one after another; too many are refused."""

    def __init__(self) -> None:
        """Open with nobody waiting."""
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="passwords")
        self._waiting = 0

    async def run(self, call: Callable[[], Result]) -> Result:
        """Return what the call returns, or raise `Overloaded` when too many wait already."""
        if self._waiting >= _MOST_WAITING:
            raise Overloaded(retry_after_seconds=_RETRY_AFTER_SECONDS)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, call)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Finish the call that runs and stop."""
        self._pool.shutdown(wait=True, cancel_futures=True)
