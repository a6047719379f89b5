"""A worker whose broker died while it was busy asks for work again when the broker is back."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kombu.transport import redis

from augury.broker.application import open_application, queue_of
from augury.broker.redis_places import mend
from support.brokers import redis_server

_PLACES = 2
_LOG = logging.getLogger("test")


@pytest.fixture
def mended(monkeypatch: pytest.MonkeyPatch) -> None:
    """The transport as a worker has it, until the test ends."""
    monkeypatch.setattr(redis.Channel, "QoS", redis.Channel.QoS)
    mend()


def _ack(message: Any, errors: tuple[type[Exception], ...]) -> None:
    message.ack_log_error(_LOG, errors)


def _reject(message: Any, errors: tuple[type[Exception], ...]) -> None:
    message.reject_log_error(_LOG, errors)


def _requeue(message: Any, errors: tuple[type[Exception], ...]) -> None:
    message.reject_log_error(_LOG, errors, requeue=True)


@pytest.mark.parametrize("answer", [_ack, _reject, _requeue])
@pytest.mark.usefixtures("mended")
def test_a_place_is_free_although_redis_could_not_be_told(
    tmp_path: Path, answer: Callable[[Any, tuple[type[Exception], ...]], None]
) -> None:
    """All places are taken when Redis dies; answered, each of them is free."""
    got: list[Any] = []
    with redis_server(tmp_path) as broker:
        app = open_application(broker.url)
        with app.connection_for_read() as connection:
            queue = queue_of("jobs")
            with connection.Producer() as producer:
                for number in range(_PLACES + 1):
                    producer.publish({"n": number}, routing_key=queue.name, declare=[queue])
            consumer = connection.Consumer([queue], on_message=got.append, accept=["json"])
            consumer.qos(prefetch_count=_PLACES)
            consumer.consume()
            while len(got) < _PLACES:
                connection.drain_events(timeout=60)
            qos = consumer.channel.qos
            assert not qos.can_consume()
            broker.kill()
            errors = connection.connection_errors
            for number, message in enumerate(got, 1):
                answer(message, errors)
                assert len(qos._delivered) - len(qos._dirty) == _PLACES - number
            assert qos.can_consume()
