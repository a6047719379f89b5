"""Rate limits on guessing: how often one address, one name or one user may try in a while."""

import math
import time
from typing import Literal

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from augury.kit.errors import Refusal

_FAILURES_PER_NAME = RateLimitItemPerMinute(10)
_ATTEMPTS_PER_ADDRESS = RateLimitItemPerMinute(120)
_WRONG_CODES_PER_USER = RateLimitItemPerMinute(20, 10)


class RateLimited(Refusal):
    """Too many attempts from here; nothing was tried this time."""

    code = "rate_limited"
    status = 429


class AttemptLimits:
    """Counts sign-ins, registrations and wrong codes, in the memory of this process."""

    def __init__(self, mode: Literal["on", "off"]) -> None:
        """Start with nothing counted; `off` never refuses."""
        self._on = mode == "on"
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def attempt(self, address: str) -> None:
        """Count an attempt from an address, or raise `RateLimited`."""
        if self._on and not self._limiter.hit(_ATTEMPTS_PER_ADDRESS, address):
            raise self._refusal(_ATTEMPTS_PER_ADDRESS, address)

    def check_name(self, address: str, name: str) -> None:
        """Raise `RateLimited` if guesses for this name from this address failed too often."""
        if self._on and not self._limiter.test(_FAILURES_PER_NAME, address, name.casefold()):
            raise self._refusal(_FAILURES_PER_NAME, address, name.casefold())

    def failed(self, address: str, name: str) -> None:
        """Count a failed guess for a name."""
        if self._on:
            self._limiter.hit(_FAILURES_PER_NAME, address, name.casefold())

    def check_codes(self, user_id: str) -> None:
        """Raise `RateLimited` if this user entered too many wrong voucher codes."""
        if self._on and not self._limiter.test(_WRONG_CODES_PER_USER, user_id):
            raise self._refusal(_WRONG_CODES_PER_USER, user_id)

    def wrong_code(self, user_id: str) -> None:
        """Count a wrong voucher code of a user."""
        if self._on:
            self._limiter.hit(_WRONG_CODES_PER_USER, user_id)

    def _refusal(self, item: RateLimitItemPerMinute, *identifiers: str) -> RateLimited:
        free_at, _ = self._limiter.get_window_stats(item, *identifiers)
        return RateLimited(retry_after_seconds=max(1, math.ceil(free_at - time.time())))
