"""Limits: how often one may guess in a while, and how many requests one may have open at once."""

import math
import threading
import time
from collections import Counter
from typing import Literal

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from augury.kit.coalescer import Overloaded
from augury.kit.errors import Refusal

_FAILURES_PER_NAME = RateLimitItemPerMinute(10)
_ATTEMPTS_PER_ADDRESS = RateLimitItemPerMinute(120)
_LINKS_PER_ADDRESS = RateLimitItemPerMinute(10, 10)
_WRONG_CODES_PER_USER = RateLimitItemPerMinute(20, 10)
_SAMPLES_PER_ADDRESS = RateLimitItemPerMinute(120)
_SOON_SECONDS = 5


class RateLimited(Refusal):
    """Too many attempts from here; nothing was tried this time."""

    code = "rate_limited"
    status = 429


class AttemptLimits:
    """Counts sign-ins, registrations, links, wrong codes and samples, in this process's memory."""

    def __init__(self, mode: Literal["on", "off"]) -> None:
        """Start with nothing counted; `off` never refuses."""
        self._on = mode == "on"
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def attempt(self, address: str) -> None:
        """Count an attempt from an address, or raise `RateLimited`."""
        if self._on and not self._limiter.hit(_ATTEMPTS_PER_ADDRESS, address):
            raise self._refusal(_ATTEMPTS_PER_ADDRESS, address)

    def sample(self, address: str) -> None:
        """Count a look at a free sample from an address, or raise `RateLimited`."""
        if self._on and not self._limiter.hit(_SAMPLES_PER_ADDRESS, "sample", address):
            raise self._refusal(_SAMPLES_PER_ADDRESS, "sample", address)

    def ask_for_link(self, address: str) -> None:
        """Count a forgotten password from an address, or raise `RateLimited`."""
        if self._on and not self._limiter.hit(_LINKS_PER_ADDRESS, "links", address):
            raise self._refusal(_LINKS_PER_ADDRESS, "links", address)

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


class TooManyAtOnce(Refusal):
    """The user has as many open requests of this kind as anybody may have."""

    code = "too_many_at_once"
    status = 429


class Turns:
    """Counts open requests of a kind: so many of one user, and so many in this process."""

    def __init__(self, most_per_user: int, most: int) -> None:
        """Start with none."""
        self._most_per_user = most_per_user
        self._most = most
        self._changing = threading.Lock()
        self._open: Counter[str] = Counter()

    def begin(self, user_id: str) -> None:
        """Count one more, or raise `TooManyAtOnce`; `end` must follow."""
        with self._changing:
            if self._open[user_id] >= self._most_per_user:
                raise TooManyAtOnce(most=self._most_per_user, retry_after_seconds=_SOON_SECONDS)
            if self._open.total() >= self._most:
                raise Overloaded(retry_after_seconds=_SOON_SECONDS)
            self._open[user_id] += 1

    def end(self, user_id: str) -> None:
        """Count one less."""
        with self._changing:
            self._open[user_id] -= 1
            if not self._open[user_id]:
                del self._open[user_id]
