"""How far long work has come, told to whoever waits for it."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

# Told a stage, what is done of it and how much it is in all; 0 in all says that nobody knows.
# What it raises ends the work.
Tell = Callable[[str, int, int], None]

_TOLD_EVERY = 5_000


def to_nobody(_stage: str, _done: int, _total: int) -> None:
    """Tell nobody."""


def counted(rows: Iterable[T], stage: str, total: int, tell: Tell) -> Iterator[T]:
    """Yield rows and tell of them: at the start, at every five thousandth and at the end.

    Of none nothing is told.
    """
    done = 0
    for done, row in enumerate(rows, start=1):
        if done % _TOLD_EVERY == 1:
            tell(stage, done - 1, total)
        yield row
    if done:
        tell(stage, done, done)
