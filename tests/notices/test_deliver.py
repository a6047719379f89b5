"""The courier: every delivery is attempted until it gets through or is given up."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import select
from standardwebhooks.webhooks import Webhook

from augury.kit.clock import SECOND, now
from augury.kit.db import Database
from augury.kit.errors import LedgerUnavailable
from augury.kit.ids import new_id
from augury.notices import deliver, endpoints, leases
from augury.notices.answer import Answer
from augury.notices.deliver import (
    MOST_ATTEMPTS,
    RETRY_SECONDS,
    Courier,
    open_courier,
    outcome_of,
)
from augury.notices.leases import Parcel
from augury.notices.sealing import Sealer
from augury.notices.tables import endpoints as endpoint_table
from augury.settings import Settings
from augury.worker import embedded
from notices.outbox import begin, courier, customer, endpoint, hurry, never, rows, states, tell
from notices.receiver import Receiver


def parcel(attempts: int, endpoint_id: str | None = "e") -> Parcel:
    """Return a delivery whose attempt of this number is over."""
    return Parcel(new_id(), new_id(), endpoint_id, new_id(), "{}", attempts, 0, 0, "", "")


def test_a_webhook_arrives_signed(db: Database, tmp_path: Path, receiver: Receiver) -> None:
    """The official library verifies what came, and its id is that of the event."""
    anna = new_id()
    _, secret = endpoint(db, anna, receiver.url)
    tell(db, anna)
    assert courier(db, tmp_path).deliver_due(never()) == 1
    (request,), (row,) = receiver.requests, rows(db)
    told = Webhook(secret).verify(request.body, request.headers)
    assert (told["type"], told["data"]) == ("balance.low", {"available": 5, "alert_below": 10})
    assert request.headers["webhook-id"] == row.event_id
    assert request.body.decode() == row.body
    assert (row.status, row.attempts, row.answer_status, row.answer) == (
        "succeeded",
        1,
        200,
        "thanks",
    )
    assert row.completed_at >= row.created_at
    assert courier(db, tmp_path).deliver_due(never()) == 0


def test_nothing_due_is_no_work(db: Database, tmp_path: Path) -> None:
    """An empty outbox is looked at without writing."""
    assert courier(db, tmp_path).deliver_due(never()) == 0


@pytest.mark.parametrize("attempts", range(1, MOST_ATTEMPTS))
def test_a_failure_is_tried_again_later_and_later(attempts: int) -> None:
    """After each attempt comes the pause of the schedule, and up to a fifth more."""
    before = now()
    outcome = outcome_of(parcel(attempts), Answer(500, "no"))
    pause = RETRY_SECONDS[attempts - 1]
    assert outcome.status == "pending"
    assert before + pause * SECOND <= outcome.next_at <= now() + round(pause * 1.2 * SECOND)
    assert (outcome.answer_status, outcome.answer, outcome.gone) == (500, "no", False)


def test_pauses_differ() -> None:
    """What failed together does not come back together."""
    moments = {outcome_of(parcel(7), Answer(None, "timeout")).next_at // SECOND for _ in range(50)}
    assert len(moments) > 10


def test_the_last_attempt_is_the_last() -> None:
    """A delivery is given up after its eighth attempt, about a day after the first."""
    assert MOST_ATTEMPTS == 8
    assert 24 * 3600 < sum(RETRY_SECONDS) < 72 * 3600
    assert outcome_of(parcel(MOST_ATTEMPTS), Answer(500, "no")).status == "failed"
    assert (
        outcome_of(parcel(MOST_ATTEMPTS), Answer(200, "ok", delivered=True)).status == "succeeded"
    )


def test_gone_is_gone() -> None:
    """410 ends a delivery at once and means the endpoint too; other final answers do not."""
    gone = outcome_of(parcel(1), Answer(410, "", final=True))
    assert (gone.status, gone.gone) == ("failed", True)
    abandoned = outcome_of(parcel(1), Answer(None, "abandoned", final=True))
    assert (abandoned.status, abandoned.gone) == ("failed", False)


@pytest.mark.usefixtures("_long_pauses")
def test_a_delivery_that_fails_is_due_again(
    db: Database, tmp_path: Path, receiver: Receiver
) -> None:
    """It waits for its next moment, then goes out with the same id and a fresh timestamp."""
    customer(db, receiver.url)
    receiver.answer = 503
    carrier = courier(db, tmp_path)
    assert carrier.deliver_due(never()) == 1
    assert carrier.deliver_due(never()) == 0
    assert states(db) == [("pending", 1)]
    receiver.answer = 200
    hurry(db)
    assert carrier.deliver_due(never()) == 1
    assert states(db) == [("succeeded", 2)]
    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body


def test_a_delivery_is_given_up_in_the_end(
    db: Database, tmp_path: Path, receiver: Receiver
) -> None:
    """Eight attempts are made and not one more; the last answer is kept."""
    customer(db, receiver.url)
    receiver.answer = 500
    carrier = courier(db, tmp_path)
    for _ in range(MOST_ATTEMPTS + 3):
        hurry(db)
        carrier.deliver_due(never())
    assert len(receiver.requests) == MOST_ATTEMPTS
    (row,) = rows(db)
    assert (row.status, row.attempts, row.answer_status) == ("failed", MOST_ATTEMPTS, 500)


def test_an_endpoint_that_is_gone_hears_no_more(
    db: Database, tmp_path: Path, receiver: Receiver
) -> None:
    """After a 410 what waits is given up unsent, new events make no deliveries, and a mail tells."""
    user_id = customer(db, receiver.url)
    receiver.answer = 410
    carrier = courier(db, tmp_path)
    carrier.deliver_due(never())
    (mine,) = endpoints.listed(db, user_id)
    assert mine.status == "disabled"
    tell(db, user_id)
    carrier.deliver_due(never())
    assert len(receiver.requests) == 1
    assert states(db, channel="webhook") == [("failed", 1)]
    assert states(db, channel="mail") == [("succeeded", 1)]
    (letter,) = (tmp_path / "outbox").iterdir()
    assert receiver.url in letter.read_text()


def test_what_waits_for_a_removed_endpoint_is_given_up_unsent(
    db: Database, tmp_path: Path, receiver: Receiver
) -> None:
    """Nothing is sent any more to an endpoint that its customer has taken away."""
    user_id = customer(db, receiver.url, events=6)
    (mine,) = endpoints.listed(db, user_id)
    endpoints.remove(db, user_id, mine.id)
    assert courier(db, tmp_path).deliver_due(never()) == 0
    assert receiver.requests == []
    assert set(states(db)) == {("failed", 0)}


def test_a_crash_between_attempt_and_record_is_made_good(
    db: Database, tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sent but not recorded, a delivery is sent again after its lease, with the same id."""
    customer(db, receiver.url)

    def die(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(leases, "record", die)
        with pytest.raises(SystemExit):
            courier(db, tmp_path).deliver_due(never())
    assert states(db) == [("pending", 1)]
    another = courier(db, tmp_path)
    assert another.deliver_due(never()) == 0  # the lease stands
    hurry(db)
    assert another.deliver_due(never()) == 1
    assert states(db) == [("succeeded", 2)]
    assert len(set(receiver.ids())) == 1
    assert len(receiver.ids()) == 2


def test_a_delivery_that_kills_its_process_is_given_up(
    db: Database, tmp_path: Path, receiver: Receiver
) -> None:
    """Leased for the ninth time it is not sent: something about it is deadly."""
    customer(db, receiver.url)
    for _ in range(MOST_ATTEMPTS):
        with db.write() as tx:
            leases.claim(tx, [row.id for row in rows(db)])
        hurry(db)
    courier(db, tmp_path).deliver_due(never())
    (row,) = rows(db)
    assert (row.status, row.attempts, row.answer) == ("failed", MOST_ATTEMPTS + 1, "abandoned")
    assert receiver.requests == []


def test_answers_outlive_a_database_that_was_away(
    db: Database, tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be stored is stored by the next call, and nothing is sent twice."""
    customer(db, receiver.url)
    carrier = courier(db, tmp_path)

    def away(*_: object) -> None:
        raise LedgerUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(leases, "record", away)
        with pytest.raises(LedgerUnavailable):
            carrier.deliver_due(never())
    carrier.deliver_due(never())
    assert states(db) == [("succeeded", 1)]
    assert len(receiver.requests) == 1


def test_draining_fits_into_the_promise() -> None:
    """A process that stops closes its database when the worker has had its time."""
    assert deliver._DRAIN_SECONDS < embedded._STOP_SECONDS


def test_a_forged_secret_is_not_signed_with(
    db: Database, tmp_path: Path, receiver: Receiver
) -> None:
    """What somebody put into the database is not ours: nothing is sent, and it is tried again."""
    customer(db, receiver.url)
    with db.write() as tx:
        tx.execute(endpoint_table.update().values(sealed_secret="whsec_Zm9yZ2Vk"))
    courier(db, tmp_path).deliver_due(never())
    (row,) = rows(db)
    assert (row.status, row.answer_status, row.answer) == ("pending", None, "secret_unreadable")
    assert receiver.requests == []


def test_a_secret_moved_from_another_endpoint_is_not_signed_with(
    db: Database, tmp_path: Path, receiver: Receiver
) -> None:
    """Who may write to the database cannot have us sign with the secret of their own endpoint."""
    customer(db, receiver.url)
    mallory, _ = endpoint(db, new_id(), receiver.url)
    with db.write() as tx:
        sealed = tx.execute(
            select(endpoint_table.c.sealed_secret).where(endpoint_table.c.id == mallory.id)
        ).scalar()
        tx.execute(endpoint_table.update().values(sealed_secret=sealed))
    courier(db, tmp_path).deliver_due(never())
    assert [row.answer for row in rows(db)] == ["secret_unreadable"]
    assert receiver.requests == []


def test_after_a_change_of_keys_everything_is_still_sent(
    db: Database, tmp_path: Path, receiver: Receiver
) -> None:
    """The previous key opens what it sealed."""
    customer(db, receiver.url)
    changed = Sealer("the-new-key-of-the-tests", "a-secret-of-the-tests-and-of-nobody-else")
    courier(db, tmp_path, sealer=changed).deliver_due(never())
    assert states(db) == [("succeeded", 1)]


def test_a_bug_of_ours_is_a_failure_of_one_attempt(db: Database, tmp_path: Path) -> None:
    """Whatever breaks in an attempt, its row hears of it and is tried again."""
    tell(db, new_id(), mail="there_is_no_such_text")
    courier(db, tmp_path).deliver_due(never())
    assert [(row.status, row.answer) for row in rows(db)] == [("pending", "internal_error")]


def test_a_mail_goes_to_its_user_in_their_language(db: Database, tmp_path: Path) -> None:
    """Who it is for is asked when it is sent; a user without an address gets none."""
    anna, nobody = new_id(), new_id()
    known = {anna: ("anna@пример.рф", "ru")}
    tell(db, anna, mail="balance_low")
    tell(db, nobody, mail="balance_low")
    courier(db, tmp_path, recipient_of=known.get).deliver_due(never())
    assert states(db, user_id=anna) == [("succeeded", 1)]
    (row,) = rows(db, user_id=nobody)
    assert (row.status, row.answer) == ("failed", "no_recipient")
    (letter,) = (tmp_path / "outbox").glob("*.eml")
    assert "Доступно кредитов: 5" in letter.read_text()


def test_mails_do_not_take_the_threads_of_webhooks(
    db: Database, tmp_path: Path, receiver: Receiver
) -> None:
    """A mail server that hangs keeps a few threads busy and no more."""
    waiting = threading.Event()

    def hang(_: str) -> tuple[str, str] | None:
        waiting.wait(90)
        return None

    tell(db, new_id(), 20, mail="balance_low")
    carrier = courier(db, tmp_path, recipient_of=hang)
    assert begin(carrier, deliver._MOST_MAILS) == deliver._MOST_MAILS
    customer(db, receiver.url)
    assert begin(carrier, 1) == 1
    receiver.wait_for(1)
    waiting.set()
    assert carrier.deliver_due(never(), 60) == 20 - deliver._MOST_MAILS


def test_a_courier_is_built_from_the_settings(
    db: Database, tmp_path: Path, receiver: Receiver
) -> None:
    """Private networks, keys, sender and outbox are those of the settings."""
    secret = "a-secret-of-the-tests-and-of-nobody-else"
    common = {"data_dir": tmp_path, "secret_key": secret, "database_url": "sqlite://"}
    strict = Settings.model_validate(common)
    open_ = Settings.model_validate({**common, "webhook_private_networks": "127.0.0.0/8"})
    customer(db, receiver.url)
    open_courier(db, strict, lambda _: None).deliver_due(never())
    assert [row.answer for row in rows(db)] == ["address_refused"]
    assert receiver.requests == []
    hurry(db)
    built: Courier = open_courier(db, open_, lambda _: ("anna@example.com", "en"))
    tell(db, new_id(), mail="balance_low")
    built.deliver_due(never())
    assert {status for status, _ in states(db)} == {"succeeded"}
    assert len(list((tmp_path / "outbox").iterdir())) == 1
