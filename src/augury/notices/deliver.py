"""Carries the outbox out: webhooks and e-mail, many at once, none of them inside a transaction.

A receiver that is slow or dead must not hold up others: every attempt has a thread of its own and
ends within seconds, a customer has few attempts under way at once, and endpoints that did not
answer last time share a part of the threads.
"""

import queue
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus
from itertools import zip_longest
from random import SystemRandom

from augury.kit.clock import SECOND, now
from augury.kit.db import Database
from augury.kit.decoding import decode
from augury.kit.log import logger
from augury.notices import addresses, leases
from augury.notices.answer import Answer
from augury.notices.leases import EACH, FROM_THE_START, Lane, Outcome, Parcel
from augury.notices.mail import Mailer, RecipientOf, mailer_of
from augury.notices.outgoing import Sender
from augury.notices.sealing import Sealer, Unreadable, sealer_of
from augury.notices.service import Letter
from augury.notices.signing import signature_headers
from augury.settings import Settings

# After the first attempt: when the next ones are made. All in all about 28 hours.
RETRY_SECONDS = (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 10 * 3600)
MOST_ATTEMPTS = 1 + len(RETRY_SECONDS)
# Spreads what failed together, so that it does not come back together.
_JITTER = 0.2
MOST_UNDER_WAY = 32
_MOST_STRAINED = MOST_UNDER_WAY // 2
_MOST_MAILS = 4
_MOST_STRAINED_REMEMBERED = 10_000
# How often one looks for more while attempts are under way.
_LOOK_SECONDS = 0.2
# What a process that stops grants to attempts under way, before its database closes; the rest is
# tried again after its lease.
_DRAIN_SECONDS = 1
_dice = SystemRandom()


class Courier:
    """Attempts deliveries. One for each process; `deliver_due` is called by one thread at a time.

    Any number of processes may have one: each delivery is attempted by one of them.
    """

    def __init__(
        self,
        db: Database,
        sender: Sender,
        sealer: Sealer,
        mailer: Mailer,
        recipient_of: RecipientOf,
    ) -> None:
        """Prepare; no thread runs until something is due."""
        self._db = db
        self._sender = sender
        self._sealer = sealer
        self._mailer = mailer
        self._recipient_of = recipient_of
        self._under_way: dict[str, Parcel] = {}
        self._answers: queue.SimpleQueue[tuple[Parcel, Answer]] = queue.SimpleQueue()
        self._outcomes: list[Outcome] = []
        # Endpoints that did not answer when they were last asked.
        self._strained: dict[str, None] = {}
        self._after = FROM_THE_START

    def deliver_due(self, stop: threading.Event, seconds: float = 20) -> int:
        """Attempt what is due and return how many attempts were begun.

        Returns when nothing is due any more and all answers are stored, or after `seconds`; slow
        attempts then stay under way, and the next call stores their answers. After `stop` nothing
        is begun, and what is under way has a moment left.
        """
        begun = 0
        until = time.monotonic() + seconds
        while not stop.is_set() and time.monotonic() < until:
            begun_now = self._begin()
            begun += begun_now
            if not (begun_now or self._under_way or self._outcomes):
                break
            self._settle(_LOOK_SECONDS)
        if stop.is_set():
            self.drain()
        return begun

    def is_busy(self) -> bool:
        """Tell whether attempts are under way whose answers the next call has to store."""
        return bool(self._under_way or self._outcomes)

    def drain(self) -> None:
        """Wait a moment for what is under way and store what came of it."""
        until = time.monotonic() + _DRAIN_SECONDS
        while (self._under_way or self._outcomes) and time.monotonic() < until:
            self._settle(until - time.monotonic())

    def _begin(self) -> int:
        """Lease what is due, as far as there is room, and begin an attempt of each."""
        with self._db.read() as tx:
            lanes, self._after = leases.due_lanes(tx, self._after)
            mails = leases.due_mails(tx, _MOST_MAILS)
        chosen = [*self._choose([lane for lane in lanes if lane.active])]
        mails_under_way = sum(one.endpoint_id is None for one in self._under_way.values())
        chosen += mails[: _MOST_MAILS - mails_under_way]
        idle = [lane for lane in lanes if not lane.active]
        if not chosen and not idle:
            return 0
        with self._db.write() as tx:
            for lane in idle:
                leases.give_up(tx, lane.endpoint_id)
            parcels = leases.claim(tx, chosen)
        for parcel in parcels:
            self._start(parcel)
        return len(parcels)

    def _choose(self, lanes: list[Lane]) -> Iterator[str]:
        """Yield what to attempt: the first of each endpoint, then the second of each, and so on."""
        room = MOST_UNDER_WAY - len(self._under_way)
        busy = Counter(one.user_id for one in self._under_way.values())
        strained = sum(one.endpoint_id in self._strained for one in self._under_way.values())
        for rank in zip_longest(*(lane.due for lane in lanes)):
            for lane, id_ in zip(lanes, rank, strict=True):
                slow = lane.endpoint_id in self._strained
                if (
                    id_ is None
                    or busy[lane.user_id] >= EACH
                    or (slow and strained >= _MOST_STRAINED)
                ):
                    continue
                if room == 0:
                    return
                yield id_
                room -= 1
                busy[lane.user_id] += 1
                strained += slow

    def _start(self, parcel: Parcel) -> None:
        # Daemons: a resolver that hangs must not keep the process from ending.
        thread = threading.Thread(target=self._attempt, args=(parcel,), daemon=True)
        thread.start()
        self._under_way[parcel.id] = parcel

    def _attempt(self, parcel: Parcel) -> None:
        try:
            answer = self._carry(parcel)
        except Exception:  # noqa: BLE001 - whatever it is, the row must hear of it
            logger("notices").exception("attempt_broke", delivery_id=parcel.id)
            answer = Answer(None, "internal_error")
        self._answers.put((parcel, answer))

    def _carry(self, parcel: Parcel) -> Answer:
        if parcel.attempts > MOST_ATTEMPTS:
            # Its process died in the middle time and again; perhaps this delivery is the reason.
            return Answer(None, "abandoned", final=True)
        if parcel.endpoint_id is None:
            return self._mail(parcel)
        try:
            secret = self._sealer.open(parcel.sealed_secret, parcel.endpoint_id)
        except Unreadable:
            return Answer(None, "secret_unreadable")
        body = parcel.body.encode()
        headers = signature_headers(secret, parcel.event_id, now() // SECOND, body)
        return self._sender.post(parcel.url, headers, body)

    def _mail(self, parcel: Parcel) -> Answer:
        letter = decode(parcel.body, Letter)
        recipient = letter.to or self._recipient_of(parcel.user_id)
        if recipient is None:
            return Answer(None, "no_recipient", final=True)
        if letter.until is not None and letter.until <= now():
            return Answer(None, "too_late", final=True)
        secret = ""
        if letter.sealed is not None:
            try:
                secret = self._sealer.open(letter.sealed, parcel.user_id)
            except Unreadable:
                return Answer(None, "secret_unreadable", final=True)
        return self._mailer.send(parcel, *recipient, secret=secret)

    def _settle(self, seconds: float) -> None:
        """Wait for an answer, then store all that have come."""
        try:
            self._take(*self._answers.get(timeout=max(seconds, 0)))
            while True:
                self._take(*self._answers.get_nowait())
        except queue.Empty:
            pass
        if self._outcomes:
            with self._db.write() as tx:
                leases.record(tx, self._outcomes)
            self._outcomes.clear()

    def _take(self, parcel: Parcel, answer: Answer) -> None:
        del self._under_way[parcel.id]
        self._outcomes.append(outcome_of(parcel, answer))
        if parcel.endpoint_id is not None:
            self._strained.pop(parcel.endpoint_id, None)
            if answer.status is None and len(self._strained) < _MOST_STRAINED_REMEMBERED:
                self._strained[parcel.endpoint_id] = None


def outcome_of(parcel: Parcel, answer: Answer) -> Outcome:
    """Return what an answer means for its delivery."""
    moment, status = now(), "pending"
    if answer.delivered:
        status = "succeeded"
    elif answer.final or parcel.attempts >= MOST_ATTEMPTS:
        status = "failed"
        logger("notices").warning(
            "delivery_given_up",
            delivery_id=parcel.id,
            status=answer.status,
            attempts=parcel.attempts,
        )
    else:
        wait = RETRY_SECONDS[parcel.attempts - 1] * (1 + _dice.uniform(0, _JITTER))
        moment += round(wait * SECOND)
    gone = answer.status == HTTPStatus.GONE
    return Outcome(parcel, status, moment, answer.status, answer.stored_text, gone)


def open_courier(db: Database, settings: Settings, recipient_of: RecipientOf) -> Courier:
    """Return a courier by the settings; `recipient_of` knows a user's e-mail and language."""
    permitted = addresses.networks(settings.webhook_private_networks)
    return Courier(db, Sender(permitted), sealer_of(settings), mailer_of(settings), recipient_of)
