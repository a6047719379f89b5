"""What Kombu's transport over Redis leaves undone when Redis dies.

A worker has so many places for rings. It asks Redis for more while one is free, and learns that
Redis is gone, or back, by asking. Kombu frees a place after it has told Redis that a ring was
answered: where that fails, the place stays taken for good, and a worker whose places were all
taken at that moment would be deaf until somebody restarts it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kombu.transport import redis, virtual


class _FreeingPlaces(redis.QoS):
    """Frees the place of a ring whether or not Redis could be told of it."""

    def ack(self, delivery_tag: Any) -> None:
        with self._freed_if_untold(delivery_tag):
            super().ack(delivery_tag)  # type: ignore[no-untyped-call]

    def reject(self, delivery_tag: Any, *requeue: Any, **told: Any) -> None:
        with self._freed_if_untold(delivery_tag):
            super().reject(delivery_tag, *requeue, **told)  # type: ignore[no-untyped-call]

    @contextmanager
    def _freed_if_untold(self, delivery_tag: Any) -> Iterator[None]:
        try:
            yield
        except Exception:
            virtual.QoS.ack(self, delivery_tag)
            raise


def mend() -> None:
    """Have every connection of this process, that is made from now on, free its places."""
    redis.Channel.QoS = _FreeingPlaces
