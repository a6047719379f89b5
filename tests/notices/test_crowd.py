"""Many at once: nobody is held up by others, and stopping is prompt."""

import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from augury.kit.db import Database
from augury.kit.ids import new_id
from augury.notices import deliver, endpoints, leases
from augury.notices.deliver import (
    MOST_UNDER_WAY,
)
from notices.outbox import begin, courier, customer, endpoint, never, rows, states, tell
from notices.receiver import Receiver, receiving


def test_two_couriers_at_once_send_each_delivery_once(
    db: Database, database_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    """Two processes over one outbox make one attempt of each delivery between them."""
    for _ in range(10):
        customer(db, receiver.url, events=6)
    other = Database(database_url)
    begun: list[int] = []

    def carry(opened: Database) -> None:
        begun.append(courier(opened, tmp_path).deliver_due(never(), 60))

    threads = [threading.Thread(target=carry, args=(one,)) for one in (db, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert sum(begun) == 60
    assert len(receiver.ids()) == len(set(receiver.ids())) == 60
    assert set(states(db)) == {("succeeded", 1)}


def test_a_slow_receiver_holds_up_nobody_else(
    db: Database, tmp_path: Path, receiver: Receiver
) -> None:
    """While one customer's server keeps us waiting, everybody else's gets everything."""
    with receiving() as slow:
        slow.open.clear()
        stuck = customer(db, slow.url, events=100)
        others = [customer(db, receiver.url, events=5) for _ in range(10)]
        carrier = courier(db, tmp_path, seconds=60)
        stop = threading.Event()
        thread = threading.Thread(target=carrier.deliver_due, args=(stop, 60))
        thread.start()
        receiver.wait_for(50)
        late = customer(db, receiver.url)
        receiver.wait_for(51)
        assert len(slow.requests) <= leases.EACH
        slow.open.set()
        slow.wait_for(100)
        thread.join()
    for user_id in (*others, late, stuck):
        assert {status for status, _ in states(db, user_id=user_id)} == {"succeeded"}


def test_a_customer_with_many_dead_endpoints_holds_up_nobody_else(
    db: Database, tmp_path: Path, receiver: Receiver
) -> None:
    """The limit is the customer's: ten endpoints do not get ten times the threads."""
    with receiving() as slow:
        slow.open.clear()
        stuck = new_id()
        for _ in range(endpoints.MOST_ENDPOINTS):
            endpoint(db, stuck, slow.url)
        tell(db, stuck, 10)
        carrier = courier(db, tmp_path, seconds=60)
        thread = threading.Thread(target=carrier.deliver_due, args=(never(), 60))
        thread.start()
        slow.wait_for(leases.EACH)
        customer(db, receiver.url, events=20)
        receiver.wait_for(20)
        assert len(slow.requests) == leases.EACH
        slow.open.set()
        thread.join()
    assert set(states(db)) == {("succeeded", 1)}


@pytest.mark.usefixtures("_long_pauses")
def test_endpoints_that_did_not_answer_share_half_the_threads(
    db: Database, tmp_path: Path, receiver: Receiver
) -> None:
    """Many dead receivers of many customers leave room for the living."""
    dead = [customer(db, "http://127.0.0.1:9/") for _ in range(MOST_UNDER_WAY)]
    carrier = courier(db, tmp_path)
    assert carrier.deliver_due(never()) == MOST_UNDER_WAY  # nobody listens there: all fail at once
    with receiving() as slow:
        slow.open.clear()
        with db.write() as tx:
            tx.execute(text("UPDATE webhook_endpoints SET url = :url"), {"url": slow.url})
        for user_id in dead:
            tell(db, user_id, leases.EACH)
        thread = threading.Thread(target=carrier.deliver_due, args=(never(), 60))
        thread.start()
        slow.wait_for(MOST_UNDER_WAY // 2)
        customer(db, receiver.url, events=4)
        receiver.wait_for(4)
        assert len(slow.requests) == MOST_UNDER_WAY // 2
        slow.open.set()
        thread.join()
    done = [row.status for row in rows(db) if row.attempts and row.answer_status == 200]
    assert len(done) == MOST_UNDER_WAY * leases.EACH + 4


def test_no_more_is_under_way_than_there_is_room_for(
    db: Database, tmp_path: Path, receiver: Receiver
) -> None:
    """However much is due, the number of threads has a limit."""
    receiver.open.clear()
    for _ in range(MOST_UNDER_WAY):
        customer(db, receiver.url, events=3)
    carrier = courier(db, tmp_path, seconds=60)
    assert begin(carrier, MOST_UNDER_WAY) == MOST_UNDER_WAY
    receiver.wait_for(MOST_UNDER_WAY)
    assert carrier.deliver_due(never(), 0.1) == 0
    receiver.open.set()
    assert carrier.deliver_due(never(), 60) == 2 * MOST_UNDER_WAY
    assert set(states(db)) == {("succeeded", 1)}
    assert len(receiver.ids()) == len(set(receiver.ids())) == 3 * MOST_UNDER_WAY


def test_stopping_is_prompt_and_loses_nothing(
    db: Database, tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked to stop, nothing more is begun, and what never ends is left to its lease."""
    monkeypatch.setattr(deliver, "_DRAIN_SECONDS", 0.3)
    receiver.open.clear()
    customer(db, receiver.url, events=20)
    stop = threading.Event()
    carrier = courier(db, tmp_path, seconds=300)
    thread = threading.Thread(target=carrier.deliver_due, args=(stop, 300))
    thread.start()
    receiver.wait_for(leases.EACH)
    stop.set()
    thread.join(60)
    assert not thread.is_alive()
    assert sorted(states(db)) == [("pending", 0)] * 16 + [("pending", 1)] * 4


def test_what_ends_while_stopping_is_recorded(
    db: Database, tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attempt that is about to succeed when the process stops counts."""
    monkeypatch.setattr(deliver, "_DRAIN_SECONDS", 60)
    receiver.open.clear()
    customer(db, receiver.url, events=8)
    stop = threading.Event()
    thread = threading.Thread(target=courier(db, tmp_path).deliver_due, args=(stop, 60))
    thread.start()
    receiver.wait_for(leases.EACH)
    stop.set()
    receiver.open.set()
    thread.join(90)
    assert not thread.is_alive()
    assert sorted(states(db)) == [("pending", 0)] * 4 + [("succeeded", 1)] * 4


def test_a_stopped_courier_begins_nothing(db: Database, tmp_path: Path, receiver: Receiver) -> None:
    """With the stop already set the outbox is left alone."""
    customer(db, receiver.url)
    stop = threading.Event()
    stop.set()
    assert courier(db, tmp_path).deliver_due(stop) == 0
    assert receiver.requests == []


def test_a_large_backlog_is_worked_off(db: Database, tmp_path: Path, receiver: Receiver) -> None:
    """Hundreds of deliveries go out in one call, each once, whatever the chunks are."""
    for _ in range(20):
        customer(db, receiver.url, events=15)
    before = time.monotonic()
    carrier = courier(db, tmp_path)
    while "pending" in {status for status, _ in states(db)}:
        carrier.deliver_due(never())
        assert time.monotonic() - before < 120
    assert len(receiver.ids()) == len(set(receiver.ids())) == 300
