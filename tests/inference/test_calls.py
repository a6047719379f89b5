"""Calls of other servers: whatever becomes of one, who made it hears of it in one way."""

import httpx2
import pytest

from augury.inference.runtimes.calls import Caller, Late


def test_a_call_whose_time_is_over_before_it_is_made_is_late() -> None:
    """A process that stood still at that moment tells its breaker as after any other silence."""
    caller, url = Caller(0, secure=False), httpx2.URL("http://127.0.0.1:9")
    try:
        with pytest.raises(Late, match="ReadTimeout"):
            caller.call("GET", url)
        with pytest.raises(Late, match="ReadTimeout"):
            caller.ask("GET", url, headers={}, seconds=0)
    finally:
        caller.close()
