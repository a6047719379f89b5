"""Papers as PDF files: a template in Typst, values that are data, and bounds on the work."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Any

import msgspec

from augury.kit.coalescer import Overloaded
from augury.kit.log import logger

# One press is busy for a second with the longest paper, and takes 300 MB meanwhile.
_PRESSES = BoundedSemaphore(2)
# Whoever waits holds a thread of the server, so only a few may.
_PLACES = BoundedSemaphore(10)
_MOST_SECONDS = 20.0
_RETRY_AFTER_SECONDS = 5
_PRESS = (sys.executable, "-I", "-m", "augury.papers.press")
# Nothing of ours, least of all the secrets; one thread for each press.
_ENVIRONMENT = {"RAYON_NUM_THREADS": "1"}


class PaperFailed(RuntimeError):
    """The press could not set the paper: a fault of ours."""


def pdf(template: str, values: dict[str, Any]) -> bytes:
    """Return the PDF of a template; the same values give the same bytes.

    Raises `Overloaded` when too many papers are being set already. It blocks for a second, so it
    must be called from a thread and not from the event loop.
    """
    _refuse_the_event_loop()
    content = msgspec.json.encode(_clean(values))
    with _a_press():
        try:
            pressed = subprocess.run(  # noqa: S603 - our own program, with a template of ours
                [*_PRESS, template],
                input=content,
                capture_output=True,
                check=False,
                timeout=_MOST_SECONDS,
                env=_ENVIRONMENT,
            )
        except subprocess.TimeoutExpired as error:
            logger("papers").error("paper_too_slow", template=template, bytes=len(content))
            raise Overloaded(retry_after_seconds=_RETRY_AFTER_SECONDS) from error
    if pressed.returncode:
        # The tail of a traceback names our template and our line; values are not in it.
        reason = pressed.stderr.decode(errors="replace")[-500:]
        message = f"{template}: {reason}"
        raise PaperFailed(message)
    return pressed.stdout


@contextmanager
def _a_press() -> Iterator[None]:
    if not _PLACES.acquire(blocking=False):
        raise Overloaded(retry_after_seconds=_RETRY_AFTER_SECONDS)
    try:
        if not _PRESSES.acquire(timeout=_MOST_SECONDS):
            raise Overloaded(retry_after_seconds=_RETRY_AFTER_SECONDS)
        try:
            yield
        finally:
            _PRESSES.release()
    finally:
        _PLACES.release()


def _refuse_the_event_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    message = "a paper takes a second to set: call this from a thread"
    raise RuntimeError(message)


# Control characters, and those that turn the direction of what follows: a name must not be able to
# rearrange an amount.
_UNPRINTABLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]+"
)
_LONG_WORD = re.compile(r"\S{45,}")
_STEP = re.compile(r"(.{20})(?=.)")


def _clean(value: Any) -> Any:
    """Return values as they can be printed: no control characters, no word longer than a line."""
    if isinstance(value, str):
        line = _UNPRINTABLE.sub(" ", value).strip()
        return _LONG_WORD.sub(lambda word: _STEP.sub("\\1\u200b", word[0]), line)
    if isinstance(value, dict):
        return {key: _clean(below) for key, below in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(below) for below in value]
    return value
