"""Leases: each due delivery has one taker, and only the taker's answer counts."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, text, update

from augury.kit.clock import SECOND, now
from augury.kit.db import Database
from augury.kit.ids import new_id
from augury.notices import endpoints, leases
from augury.notices.leases import FROM_THE_START, LEASE, MOST_FAILURES, Outcome, Parcel
from augury.notices.tables import deliveries
from augury.notices.tables import endpoints as endpoint_table
from notices.outbox import customer, endpoint, hurry, rows, states, tell
from support.databases import plan_badly
from support.waiting import eventually, meet, somebody_waits

URL = "http://127.0.0.1:9/hook"


def claim(db: Database, ids: list[str]) -> list[Parcel]:
    """Claim in a transaction of its own."""
    with db.write() as tx:
        return leases.claim(tx, ids)


def claim_all(db: Database) -> list[Parcel]:
    """Claim everything that is due."""
    return claim(db, [row.id for row in rows(db)])


def record(db: Database, parcels: list[Parcel], status: str = "succeeded", **more: bool) -> None:
    """Record the same outcome of several attempts."""
    next_at = now() + 300 * SECOND
    with db.write() as tx:
        outcomes = [Outcome(one, status, next_at, 200, "ok", **more) for one in parcels]
        leases.record(tx, outcomes)


def slate(db: Database) -> tuple[str, int, bool]:
    """Return status, failures and whether it is failing, of the only endpoint."""
    with db.read() as tx:
        row = tx.execute(select(endpoint_table)).one()
    return row.status, row.failures, row.failing_since is not None


def test_a_claimed_delivery_is_not_due_until_its_lease_ends(db: Database) -> None:
    """Claiming counts the attempt and moves the next moment on; then nobody else gets it."""
    customer(db, URL)
    before = now()
    (parcel,) = claim_all(db)
    assert parcel.attempts == 1
    assert parcel.url == URL
    assert before + LEASE <= parcel.lease <= now() + LEASE
    assert claim_all(db) == []
    with db.read() as tx:
        assert leases.due_lanes(tx, FROM_THE_START)[0] == []
    hurry(db)  # its process died, and time went by
    (again,) = claim_all(db)
    assert (again.id, again.attempts) == (parcel.id, 2)


def test_many_takers_at_once_get_each_delivery_once(db: Database) -> None:
    """Of eight who claim the same hundred at the same time, each delivery goes to one."""
    customer(db, URL, events=100)
    ids = [row.id for row in rows(db)]
    with ThreadPoolExecutor(8) as pool:
        lots = list(pool.map(lambda _: claim(db, ids), range(8)))
    taken = [parcel.id for lot in lots for parcel in lot]
    assert sorted(taken) == ids
    assert set(states(db)) == {("pending", 1)}


def test_an_answer_after_the_lease_changes_nothing(db: Database) -> None:
    """Who took too long is not believed: somebody else has the lease, or has finished."""
    customer(db, URL)
    late = claim_all(db)
    hurry(db)
    taken = claim_all(db)
    record(db, late, "failed")
    assert states(db) == [("pending", 2)]
    record(db, taken)
    record(db, late, "failed")
    record(db, taken, "failed")
    assert states(db) == [("succeeded", 2)]
    assert slate(db) == ("active", 0, False)


def test_what_came_of_an_attempt_is_kept(db: Database) -> None:
    """Status, moment, answer and end are stored; one that is tried again has no end yet."""
    customer(db, URL, events=2)
    first, second = claim_all(db)
    moment = now()
    with db.write() as tx:
        leases.record(
            tx,
            [
                Outcome(second, "pending", moment + 7, None, "timeout"),
                Outcome(first, "succeeded", moment, 204, "я" * 500),
            ],
        )
    done, waiting = rows(db)
    assert (done.status, done.answer_status, done.answer) == ("succeeded", 204, "я" * 500)
    assert done.completed_at >= moment
    assert (waiting.status, waiting.answer_status, waiting.answer) == ("pending", None, "timeout")
    assert (waiting.next_at, waiting.completed_at) == (moment + 7, None)


def test_a_success_wipes_the_slate(db: Database) -> None:
    """Failures count in a row: one delivery that gets through ends the row."""
    customer(db, URL, events=MOST_FAILURES + 3)
    parcels = claim_all(db)
    record(db, parcels[: MOST_FAILURES - 1], "failed")
    assert slate(db) == ("active", MOST_FAILURES - 1, True)
    record(db, [parcels[-4]])
    assert slate(db) == ("active", 0, False)
    record(db, parcels[-3:-2], "pending")
    assert slate(db) == ("active", 0, True)
    record(db, parcels[-2:], "failed")
    assert slate(db) == ("active", 2, True)


def test_an_endpoint_that_gives_up_time_and_again_is_disabled(db: Database) -> None:
    """After ten deliveries given up in a row it is, and its customer hears of it once."""
    user_id = customer(db, URL, events=MOST_FAILURES + 1)
    parcels = claim_all(db)
    for parcel in parcels:
        record(db, [parcel], "failed")
    assert slate(db) == ("disabled", MOST_FAILURES + 1, True)
    (letter,) = rows(db, channel="mail")
    assert (letter.user_id, letter.event_type) == (user_id, "webhook_endpoint.disabled")
    assert "endpoint_disabled" in letter.body
    assert URL in letter.body


def test_an_endpoint_that_fails_for_days_is_disabled(db: Database) -> None:
    """When nothing got through for three days it is, though nothing was given up yet."""
    customer(db, URL, events=3)
    first, second, third = claim_all(db)
    record(db, [first], "pending")
    with db.write() as tx:
        tx.execute(
            update(endpoint_table).values(
                failing_since=now() - leases.LONGEST_FAILING + 60 * SECOND
            )
        )
    record(db, [second], "pending")
    assert slate(db) == ("active", 0, True)
    with db.write() as tx:
        tx.execute(update(endpoint_table).values(failing_since=now() - leases.LONGEST_FAILING - 1))
    record(db, [third], "pending")
    assert slate(db) == ("disabled", 0, True)


def test_an_endpoint_that_says_it_is_gone_is_disabled(db: Database) -> None:
    """410 is enough, once."""
    customer(db, URL)
    record(db, claim_all(db), "failed", gone=True)
    assert slate(db) == ("disabled", 1, True)


def test_other_endpoints_of_the_customer_hear_that_one_is_disabled(db: Database) -> None:
    """The event goes to those that are left, and not to the one it is about."""
    user_id = customer(db, URL)
    parcels = claim_all(db)
    left, _ = endpoint(db, user_id, "http://127.0.0.1:9/other")
    record(db, parcels, "failed", gone=True)
    told = rows(db, event_type="webhook_endpoint.disabled", channel="webhook")
    assert [row.endpoint_id for row in told] == [left.id]


def test_what_waits_for_a_disabled_endpoint_is_given_up(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some at a time, and only what is due; an active endpoint loses nothing."""
    plan_badly(db)
    monkeypatch.setattr(leases, "_GIVEN_UP_AT_ONCE", 3)
    user_id = customer(db, URL, events=5)
    (mine,) = endpoints.listed(db, user_id)
    with db.write() as tx:
        assert leases.give_up(tx, mine.id) == 0
    endpoints.remove(db, user_id, mine.id)
    with db.write() as tx:
        assert leases.give_up(tx, mine.id) == 3
        assert leases.give_up(tx, mine.id) == 2
        assert leases.give_up(tx, mine.id) == 0
    assert {(row.status, row.answer, row.answer_status) for row in rows(db)} == {
        ("failed", "endpoint_disabled", None)
    }
    assert all(row.completed_at for row in rows(db))


def test_every_endpoint_gets_its_turn(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a long queue only the head is looked at, and many endpoints are gone through in rounds."""
    monkeypatch.setattr(leases, "_MOST_LANES", 3)
    for place in range(8):
        customer(db, URL, events=1 if place else 50)
    seen: list[str] = []
    after, looks = FROM_THE_START, 0
    while looks == 0 or after != FROM_THE_START:
        with db.read() as tx:
            lanes, after = leases.due_lanes(tx, after)
        assert len(lanes) <= 3
        assert all(lane.active and 1 <= len(lane.due) <= leases.EACH for lane in lanes)
        seen += [lane.endpoint_id for lane in lanes]
        looks += 1
    assert looks == 3
    assert len(seen) == len(set(seen)) == 8


def test_the_longest_waiting_comes_first(db: Database) -> None:
    """An endpoint's queue is in the order of the next moment, and what is not due is not in it."""
    customer(db, URL, events=4)
    ids = [row.id for row in rows(db)]
    moments = {ids[0]: 30, ids[1]: 10, ids[2]: now() + 60 * SECOND, ids[3]: 20}
    with db.write() as tx:
        for id_, moment in moments.items():
            tx.execute(update(deliveries).where(deliveries.c.id == id_).values(next_at=moment))
    with db.read() as tx:
        ((lane,), _) = leases.due_lanes(tx, FROM_THE_START)
    assert lane.due == (ids[1], ids[3], ids[0])


def test_an_endpoint_with_nothing_due_is_no_lane(db: Database) -> None:
    """Waiting for later is not waiting for now."""
    customer(db, URL)
    with db.write() as tx:
        tx.execute(text("UPDATE deliveries SET next_at = next_at + 60000000"))
    with db.read() as tx:
        assert leases.due_lanes(tx, FROM_THE_START) == ([], FROM_THE_START)
        assert leases.due_mails(tx, 9) == []


def test_mails_are_a_queue_of_their_own(db: Database) -> None:
    """They are due apart from webhooks, the oldest first, as many as are asked for."""
    user_id = customer(db, URL)
    tell(db, user_id, 3, mail="balance_low")
    mails = [row.id for row in rows(db, channel="mail")]
    with db.read() as tx:
        assert sorted(leases.due_mails(tx, 10)) == mails
        assert len(leases.due_mails(tx, 2)) == 2
    (parcel,) = claim(db, mails[:1])
    assert (parcel.endpoint_id, parcel.url, parcel.sealed_secret) == (None, "", "")


def test_old_deliveries_are_purged_in_chunks(db: Database) -> None:
    """What was over more than 30 days ago goes, what is newer or still waits stays."""
    long_ago = now() - leases.KEPT - 60 * SECOND
    customer(db, URL, events=6)
    found = rows(db)
    record(db, claim(db, [row.id for row in found[:5]]))
    with db.write() as tx:
        for place, row in enumerate(found):
            born = f"00000000-0000-7000-8000-{place:012d}" if place != 4 else row.id
            ended = {"completed_at": long_ago if place in (0, 1, 2) else row.completed_at}
            if place < 3:
                values = {"id": born, **ended}
            elif place == 3:
                values = {"id": born, "completed_at": now()}  # sent again a moment ago
            else:
                values = {"id": born}
            tx.execute(update(deliveries).where(deliveries.c.id == row.id).values(**values))
    assert leases.purge(db, most=2) == 2
    assert leases.purge(db, most=2) == 1
    assert leases.purge(db) == 0
    assert states(db) == [("succeeded", 1), ("pending", 0), ("succeeded", 1)]
    assert new_id() > rows(db)[0].id


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_purge_waits_for_no_other(db: Database) -> None:
    """Of two that come to the same deliveries in another order, none waits in a circle."""
    customer(db, URL, events=3)
    record(db, claim_all(db))
    found = [row.id for row in rows(db)]
    with db.write() as tx:
        for place, id_ in enumerate(found):
            old = {"id": f"00000000-0000-7000-8000-{place:012d}", "completed_at": 1}
            tx.execute(update(deliveries).where(deliveries.c.id == id_).values(**old))
    with ThreadPoolExecutor(1) as pool:
        with db.write() as tx:
            tx.execute(select(deliveries.c.id).order_by(deliveries.c.id).limit(1).with_for_update())
            purged = pool.submit(leases.purge, db)
            eventually(lambda: purged.done() or somebody_waits(db))
            assert purged.done()
        assert purged.result() == 2


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_customer_who_leaves_does_not_wait_for_whoever_records(db: Database) -> None:
    """Both change all endpoints in the order of their ids, however they stand in the table."""
    me, nobody = customer(db, URL, 0), new_id()
    endpoint(db, me, URL)
    tell(db, me)
    first = endpoints.listed(db, me)[-1].id
    for owner in (nobody, me):  # PostgreSQL puts a new version of the row behind all others
        with db.write() as tx:
            moved = update(endpoint_table).where(endpoint_table.c.id == first)
            tx.execute(moved.values(user_id=owner))
    parcels = claim_all(db)

    def leave() -> int:
        with db.write() as tx:
            return endpoints.remove_all(tx, me)

    _, removed = meet(
        db, lambda: record(db, parcels, "failed"), leave, after="UPDATE webhook_endpoints"
    )
    assert removed == 2
