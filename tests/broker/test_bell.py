"""The bell rings through a real broker, never waits for it, and piles nothing up."""

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from augury.broker import bell as bells
from augury.broker.address import without_password
from augury.broker.application import open_application, queue_of
from augury.broker.bell import MOST_WAITING, CeleryBell
from support.brokers import PASSWORD, Broker, redis_server
from support.waiting import eventually


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A running Redis."""
    with redis_server(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a bell wait for a broker that stands still; else it may ring twice, or lose a level."""
    monkeypatch.setattr(bells, "open_application", lambda url, **_: open_application(url))


@pytest.fixture
def bell(broker: Broker, patient: None) -> Iterator[CeleryBell]:
    """A bell that has reached the broker, and empty queues."""
    app = open_application(broker.url)
    with app.connection_for_write() as connection:
        for name in ("jobs", "batches", "duties"):
            queue_of(name)(connection.default_channel).declare()
            queue_of(name)(connection.default_channel).purge()
    with closing(CeleryBell(broker.url)) as opened:
        eventually(lambda: opened.state() == "reachable")
        yield opened
    opened._thread.join(60)  # what it still sends is not for the next test


def waiting(broker: Broker, name: str) -> int:
    """Return how many rings wait."""
    with open_application(broker.url).connection_for_write() as connection:
        queue = queue_of(name)(connection.default_channel)
        return int(queue.queue_declare().message_count)


def test_each_ring_waits_in_the_queue_of_its_room(bell: CeleryBell, broker: Broker) -> None:
    bell.ring("jobs", 3)
    bell.ring("batches", 2)
    bell.ring("jobs", 0)
    bell.ring("deliver")
    rung = {"jobs": 3, "batches": 2, "duties": 1}
    eventually(lambda: {name: waiting(broker, name) for name in rung} == rung)


def test_a_sweep_makes_up_for_what_is_missing_and_no_more(bell: CeleryBell, broker: Broker) -> None:
    """As many rings wait as rows are due, however often one sweeps."""
    bell.ring("jobs", 2)
    eventually(lambda: waiting(broker, "jobs") == 2)
    for _ in range(3):
        bell.raise_to("jobs", 5)
        eventually(lambda: waiting(broker, "jobs") == 5)
    bell.raise_to("jobs", 1)
    bell.ring("batches", 1)
    eventually(lambda: waiting(broker, "batches") == 1)
    assert waiting(broker, "jobs") == 5


def test_rings_do_not_pile_up(bell: CeleryBell, broker: Broker) -> None:
    """While no worker listens, a queue holds so many and not more."""
    bell.ring("jobs", 10 * MOST_WAITING)
    eventually(lambda: waiting(broker, "jobs") == MOST_WAITING)
    bell.ring("jobs", 10)
    bell.ring("batches", 1)
    eventually(lambda: waiting(broker, "batches") == 1)
    assert waiting(broker, "jobs") == MOST_WAITING


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_without_a_broker_nobody_waits_and_nothing_fails(scheme: str) -> None:
    """Whoever rings goes on; the state says that nobody hears."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"{scheme}://u:{PASSWORD}@127.0.0.1:{nobody.getsockname()[1]}"
        with closing(CeleryBell(url)) as bell:
            for _ in range(1000):
                bell.ring("jobs", 5)
                bell.raise_to("batches", 5)
            assert bell.state() == "unreachable"


def test_whoever_rings_does_not_wait_for_the_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the bell hangs in a connection, callers go on, and may close it."""
    hangs, go_on = threading.Event(), threading.Event()
    sent: list[tuple[Counter[str], dict[str, int]]] = []

    def send(_: CeleryBell, rings: Counter[str], levels: dict[str, int]) -> None:
        hangs.set()
        go_on.wait()
        sent.append((rings, levels))

    monkeypatch.setattr(CeleryBell, "_send", send)
    bell = CeleryBell("redis://127.0.0.1:1")
    try:
        assert hangs.wait(60)
        for _ in range(3):
            bell.ring("jobs", 5)
            bell.raise_to("batches", 5)
        bell.close()
        assert sent == []
    finally:
        go_on.set()
    bell._thread.join(60)
    assert sent == [(Counter(), {}), (Counter(jobs=15), {"batches": 5})]


@pytest.mark.usefixtures("patient")
def test_what_was_rung_for_is_sent_when_the_broker_is_back(tmp_path: Path) -> None:
    with redis_server(tmp_path) as broker, closing(CeleryBell(broker.url)) as bell:
        eventually(lambda: bell.state() == "reachable")
        broker.kill()
        bell.ring("jobs", 4)
        eventually(lambda: bell.state() == "unreachable")
        broker.start()
        broker.ready()
        eventually(lambda: waiting(broker, "jobs") == 4)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:s3cret@h:6379/0", "redis://***@h:6379/0"),
        ("amqps://me:s3cret@h/v", "amqps://me:***@h/v"),
        ("redis://h?password=s3cret", "redis://h"),
        ("redis://[::1]:6379", "redis://[::1]:6379"),
    ],
)
def test_people_see_the_address_of_a_broker_without_its_password(url: str, shown: str) -> None:
    assert without_password(url) == shown


@pytest.mark.parametrize("url", ["rediss://h", "amqps://h"])
def test_with_tls_the_broker_proves_who_it_is(url: str) -> None:
    """Both clients would take anybody if they were not told."""
    told = open_application(url).connection_for_write().ssl
    assert {told.get("ssl_cert_reqs", told.get("cert_reqs"))} == {2}
    assert told.get("ssl_check_hostname") or told.get("server_hostname") == "h"
