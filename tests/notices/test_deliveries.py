"""What a customer sees of the outbox, and sending again."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from augury.kit.clock import SECOND, now
from augury.kit.db import Database
from augury.kit.errors import InvalidInput, NotFound
from augury.kit.ids import new_id
from augury.notices import deliveries, endpoints
from augury.notices.deliveries import PAUSE_SECONDS, TriedTooSoon
from augury.notices.endpoints import EndpointDisabled
from augury.notices.leases import LEASE, claim
from notices.outbox import courier, customer, endpoint, never, rows, states, tell
from notices.receiver import Receiver

URL = "http://127.0.0.1:9/hook"


def age(db: Database, seconds: int) -> None:
    """Let everything in the outbox be older."""
    with db.write() as tx:
        tx.execute(
            text("UPDATE deliveries SET completed_at = completed_at - :age"),
            {"age": seconds * SECOND},
        )


def postpone(db: Database, moment: int) -> None:
    """Let everything that waits be due at a moment."""
    with db.write() as tx:
        tx.execute(
            text("UPDATE deliveries SET next_at = :moment WHERE status = 'pending'"),
            {"moment": moment},
        )


def test_deliveries_are_listed_newest_first_and_by_pages(db: Database) -> None:
    """Pages join without gap or double; mails and other customers' deliveries are not shown."""
    anna = customer(db, URL, events=7)
    tell(db, anna, mail="balance_low")
    customer(db, URL)
    wanted = [row.id for row in rows(db, user_id=anna, channel="webhook")][::-1]
    seen, cursor, pages = [], None, 0
    while pages == 0 or cursor is not None:
        found, cursor = deliveries.find_page(db, anna, limit=3, cursor=cursor)
        seen += [one.id for one in found]
        pages += 1
    assert (seen, pages) == (wanted, 3)


def test_deliveries_are_filtered(db: Database, tmp_path: Path, receiver: Receiver) -> None:
    """By endpoint, by status, and by both."""
    anna = new_id()
    good, _ = endpoint(db, anna, receiver.url)
    bad, _ = endpoint(db, anna, URL)
    tell(db, anna, 2)
    courier(db, tmp_path).deliver_due(never())

    def count(**filters: str) -> int:
        return len(deliveries.find_page(db, anna, limit=99, **filters)[0])

    assert count() == 4
    assert count(endpoint_id=good.id) == count(endpoint_id=bad.id) == 2
    assert count(status="succeeded") == count(status="pending") == 2
    assert count(status="failed") == 0
    assert count(endpoint_id=good.id, status="succeeded") == 2
    assert count(endpoint_id=good.id, status="pending") == 0
    assert count(endpoint_id=new_id()) == count(endpoint_id="nonsense") == 0
    with pytest.raises(InvalidInput):
        count(cursor="nonsense")


@pytest.mark.usefixtures("_long_pauses")
def test_one_delivery_shows_its_body_and_last_answer(
    db: Database, tmp_path: Path, receiver: Receiver
) -> None:
    """What was sent, letter by letter, and what came back."""
    anna = customer(db, receiver.url)
    receiver.answer, receiver.body = 500, "сломалось\0".encode()
    courier(db, tmp_path).deliver_due(never())
    (row,) = rows(db)
    found, body = deliveries.find(db, anna, row.id)
    assert body.encode() == receiver.requests[0].body
    assert (found.status, found.attempts, found.answer_status) == ("pending", 1, 500)
    assert found.answer == "сломалось"
    assert found.next_at == row.next_at
    assert found.completed_at is None
    assert deliveries.find_page(db, anna, limit=9) == ([found], None)


@pytest.mark.parametrize("id_", ["", "nonsense", "01900000-0000-7000-8000-000000000000"])
def test_what_is_not_there_is_not_found(db: Database, id_: str) -> None:
    """Unknown ids, and texts that are none, are not found."""
    for act in (deliveries.find, deliveries.resend, deliveries.ping):
        with pytest.raises(NotFound):
            act(db, new_id(), id_)


def test_somebody_elses_delivery_is_not_found(db: Database) -> None:
    """Nor is a mail: it is nobody's webhook."""
    anna, boris = customer(db, URL), customer(db, URL)
    tell(db, boris, mail="balance_low")
    of_anna = rows(db, user_id=anna)[0].id
    letter = rows(db, channel="mail")[0].id
    for id_ in (of_anna, letter):
        for act in (deliveries.find, deliveries.resend):
            with pytest.raises(NotFound):
                act(db, boris, id_)
    with pytest.raises(NotFound):
        deliveries.ping(db, boris, endpoints.listed(db, anna)[0].id)


def test_what_was_delivered_can_be_sent_again(
    db: Database, tmp_path: Path, receiver: Receiver
) -> None:
    """The same id and body come once more, with a new signature."""
    anna = customer(db, receiver.url)
    carrier = courier(db, tmp_path)
    carrier.deliver_due(never())
    age(db, PAUSE_SECONDS)
    (row,) = rows(db)
    again = deliveries.resend(db, anna, row.id)
    assert (again.status, again.attempts, again.completed_at) == ("pending", 0, None)
    assert again.next_at is not None
    carrier.deliver_due(never())
    first, second = receiver.requests
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert states(db) == [("succeeded", 1)]


def test_what_was_given_up_has_all_its_attempts_again(db: Database) -> None:
    """A re-send starts over, with the whole schedule before it."""
    anna = customer(db, URL)
    with db.write() as tx:
        tx.execute(text("UPDATE deliveries SET status = 'failed', attempts = 8, completed_at = 1"))
    deliveries.resend(db, anna, rows(db)[0].id)
    assert states(db) == [("pending", 0)]


def test_what_waits_for_hours_can_be_sent_now(db: Database) -> None:
    """A customer who has mended the server need not wait for the next attempt."""
    anna = customer(db, URL)
    postpone(db, now() + 10 * 3600 * SECOND)
    (row,) = rows(db)
    assert (deliveries.resend(db, anna, row.id).next_at or 0) <= now()


def test_what_is_under_way_is_not_sent_twice(db: Database) -> None:
    """During an attempt, and shortly before the next one, a re-send changes nothing."""
    anna = customer(db, URL)
    (before,) = rows(db)
    with db.write() as tx:
        (parcel,) = claim(tx, [before.id])
    assert deliveries.resend(db, anna, before.id).next_at == parcel.lease
    assert states(db) == [("pending", 1)]
    postpone(db, now() + LEASE // 2)
    waiting = deliveries.resend(db, anna, before.id)
    assert (waiting.next_at or 0) > now()


def test_what_was_over_a_moment_ago_is_not_sent_again_yet(
    db: Database, tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody makes us hammer a server: a few seconds lie between."""
    monkeypatch.setattr(deliveries, "PAUSE_SECONDS", 3600)  # which this test must not outlast
    anna = customer(db, receiver.url)
    courier(db, tmp_path).deliver_due(never())
    with pytest.raises(TriedTooSoon) as refused:
        deliveries.resend(db, anna, rows(db)[0].id)
    assert refused.value.retry_after_seconds == 3600
    assert states(db) == [("succeeded", 1)]


def test_many_at_once_send_again_once(db: Database) -> None:
    """Twenty clicks are one re-send."""
    anna = customer(db, URL)
    with db.write() as tx:
        tx.execute(text("UPDATE deliveries SET status = 'failed', attempts = 8, completed_at = 1"))
    (row,) = rows(db)
    with ThreadPoolExecutor(8) as pool:
        moments = set(pool.map(lambda _: deliveries.resend(db, anna, row.id).next_at, range(20)))
    assert len(moments) == 1
    assert states(db) == [("pending", 0)]


def test_nothing_is_sent_again_to_a_disabled_endpoint(db: Database) -> None:
    """It has to be enabled first; when it was removed it stays so."""
    anna = customer(db, URL)
    (mine,) = endpoints.listed(db, anna)
    with db.write() as tx:
        tx.execute(text("UPDATE deliveries SET status = 'failed', completed_at = 1"))
        tx.execute(text("UPDATE webhook_endpoints SET status = 'disabled'"))
    (row,) = rows(db)
    with pytest.raises(EndpointDisabled):
        deliveries.resend(db, anna, row.id)
    with pytest.raises(EndpointDisabled):
        deliveries.ping(db, anna, mine.id)
    assert states(db) == [("failed", 0)]
    endpoints.enable(db, anna, mine.id)
    assert deliveries.resend(db, anna, row.id).status == "pending"
    endpoints.remove(db, anna, mine.id)
    with pytest.raises(EndpointDisabled):
        deliveries.resend(db, anna, row.id)
    with pytest.raises(NotFound):
        deliveries.ping(db, anna, mine.id)


def test_a_ping_tests_one_endpoint(db: Database, tmp_path: Path, receiver: Receiver) -> None:
    """It goes to that endpoint only, whatever it listens to, and is seen like any delivery."""
    anna = new_id()
    mine, _ = endpoint(db, anna, receiver.url)
    endpoint(db, anna, URL)
    pinged = deliveries.ping(db, anna, mine.id)
    assert (pinged.event_type, pinged.endpoint_id, pinged.status) == ("ping", mine.id, "pending")
    assert courier(db, tmp_path).deliver_due(never()) == 1
    (request,) = receiver.requests
    assert b'"type":"ping"' in request.body
    assert mine.id.encode() in request.body
    assert [one.status for one in deliveries.find_page(db, anna, limit=9)[0]] == ["succeeded"]


def test_pings_have_pauses_between_them(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of twenty at once one is made; the other endpoint has its own, and so has the next minute."""
    monkeypatch.setattr(deliveries, "PAUSE_SECONDS", 3600)  # which this test must not outlast
    anna = new_id()
    mine, _ = endpoint(db, anna, URL)
    other, _ = endpoint(db, anna, URL)

    def one(_: int) -> bool:
        try:
            deliveries.ping(db, anna, mine.id)
        except TriedTooSoon:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(20))) == 1
    deliveries.ping(db, anna, other.id)
    assert len(rows(db)) == 2
    early = "00000000-0000-7000-8000-000000000000"
    with db.write() as tx:
        tx.execute(
            text("UPDATE deliveries SET id = :id WHERE endpoint_id = :mine"),
            {"id": early, "mine": mine.id},
        )
    assert one(0)
