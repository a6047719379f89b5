"""The doorbell: it tells workers elsewhere that there is something to do.

The row is the truth. Whoever hears a ring does the next thing that is due, whatever the ring was
for; a ring that is lost is made up for by whoever looks at the rows from time to time.
"""

from typing import Literal, Protocol

Room = Literal["jobs", "batches"]


class Bell(Protocol):
    """Something to ring after a commit."""

    def ring(self, room: Room, times: int) -> None:
        """Ring for so many rows that have become due; it neither waits nor fails."""
        ...


State = Literal["none", "reachable", "unreachable"]


class Doorbell(Bell, Protocol):
    """A bell that somebody has to look after."""

    def state(self) -> State:
        """Return whether rings get through, or "none" where nothing has to carry them."""
        ...

    def close(self) -> None:
        """Ring no more."""
        ...


class NoBell:
    """Nobody listens: the workers of this house look at the rows by themselves."""

    def ring(self, room: Room, times: int) -> None:
        """Do nothing."""

    def state(self) -> State:
        """Return that nothing carries rings."""
        return "none"

    def close(self) -> None:
        """Do nothing."""
