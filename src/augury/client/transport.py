"""One HTTP exchange with the API: retries that cannot buy twice, and refusals made into errors."""

import random
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import httpx2
import msgspec
from msgspec import Struct

from augury.client.errors import ApiError, FieldError, Shortage, Unreachable
from augury.kit.decoding import decode

T = TypeVar("T")
_RETRIED_STATUSES = (429, 503)
_FIRST_PAUSE_SECONDS = 0.2


class Patience(Struct, frozen=True):
    """How often a call is tried, and the longest pause before one more try."""

    attempts: int = 4
    longest_pause_seconds: float = 10.0


class _Problem(Struct):
    code: str = ""
    title: str = ""
    detail: str = ""
    errors: tuple[FieldError, ...] = ()
    request_id: str | None = None
    top_up_url: str | None = None
    required: int | None = None
    available: int | None = None


def exchange(
    http: httpx2.Client,
    method: str,
    path: str,
    *,
    headers: Mapping[str, str],
    repeatable: bool,
    patience: Patience,
    stream: bool = False,
    **content: Any,
) -> httpx2.Response:
    """Return the API's successful response, after as many tries as `patience` allows.

    With `stream` its body is still on the way: whoever takes it reads and closes it.

    `repeatable` says that doing the call twice is the same as doing it once. Other calls are
    tried again only when the connection was never made or the API said that it did nothing:
    a refresh token sent twice, for one, would look stolen.
    """
    for attempt in range(1, patience.attempts + 1):
        last = attempt == patience.attempts
        try:
            request = http.build_request(method, path, headers=headers, **content)
            response = http.send(request, stream=stream)
            if not response.is_success:
                response.read()
        except httpx2.TransportError as fault:
            never_sent = isinstance(fault, (httpx2.ConnectError, httpx2.ConnectTimeout))
            if last or not (repeatable or never_sent):
                message = f"no answer from {http.base_url}: {fault}"
                raise Unreachable(message) from fault
            time.sleep(_pause_seconds(attempt, patience))
            continue
        if response.is_success:
            return response
        error = api_error(response)
        asked = error.retry_after_seconds
        too_long = asked is not None and asked > patience.longest_pause_seconds
        if last or too_long or response.status_code not in _RETRIED_STATUSES:
            raise error
        time.sleep(asked if asked is not None else _pause_seconds(attempt, patience))
    message = "patience must allow at least one attempt"
    raise ValueError(message)


def keep_trying(work: Callable[[], T], patience: Patience) -> T:
    """Return what `work` gives, doing it again after `Unreachable` as often as patience allows."""
    for attempt in range(1, patience.attempts):
        try:
            return work()
        except Unreachable:
            time.sleep(_pause_seconds(attempt, patience))
    return work()


def _pause_seconds(attempt: int, patience: Patience) -> float:
    doubled = _FIRST_PAUSE_SECONDS * 2.0 ** (attempt - 1)
    # Spread over half the pause, so that clients cut off together do not come back together.
    spread = random.uniform(0.5, 1.0)  # noqa: S311 - no secret depends on it
    return min(doubled, patience.longest_pause_seconds) * spread


def api_error(response: httpx2.Response) -> ApiError:
    """Return what a refusal says."""
    try:
        problem = decode(response.content, _Problem)
    except (msgspec.DecodeError, msgspec.ValidationError):
        # A proxy in between answers in its own words; its status is all that can be trusted.
        problem = _Problem()
    return ApiError(
        problem.code or f"http_{response.status_code}",
        response.status_code,
        problem.detail or problem.title or response.reason_phrase,
        errors=problem.errors,
        request_id=problem.request_id or response.headers.get("X-Request-ID"),
        retry_after_seconds=_retry_after_seconds(response.headers.get("Retry-After")),
        shortage=Shortage(problem.required, problem.available, problem.top_up_url),
    )


def _retry_after_seconds(header: str | None) -> float | None:
    try:
        return max(0.0, float(header)) if header else None
    except ValueError:
        # The HTTP-date form: rare enough that our own pause will do.
        return None
