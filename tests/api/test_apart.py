"""Work apart: what it returns or raises reaches its caller, and a stopping server leaves it."""

import asyncio
import subprocess
import sys

import pytest

from augury.api.apart import run_apart


def test_what_is_returned_or_raised_comes_back() -> None:
    """A result, and an exception of whatever kind."""

    def trip() -> int:
        raise ZeroDivisionError

    async def ask() -> None:
        assert await run_apart(lambda: 6 * 7) == 42
        with pytest.raises(ZeroDivisionError):
            await run_apart(trip)

    asyncio.run(ask())


def test_it_does_not_keep_the_process_from_leaving() -> None:
    """A process whose work apart takes an hour ends when its loop does."""
    program = (
        "import asyncio, time\n"
        "from augury.api.apart import run_apart\n"
        "async def main():\n"
        "    task = run_apart(lambda: time.sleep(3600))\n"
        "    await asyncio.sleep(0.1)\n"
        "    task.cancel()\n"
        "asyncio.run(main())\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
