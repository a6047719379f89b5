"""The chain over the audit log: it shows that no line was changed, slipped in or taken away.

An event is written with what it tells of and waits for nobody. A moment later it is sealed: it gets
the next number and a link, the hash of itself and of the link before. See decision 39.
"""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import delete, insert, select, update

from augury.audit_log.tables import audit_events, audit_head, audit_links, audit_unsealed
from augury.kit.db import Database, ReadTx, WriteTx
from augury.kit.log import logger
from augury.kit.progress import Tell, counted, to_nobody

START = "0" * 64
_SEALED_AT_ONCE = 500
_ROWS_AT_ONCE = 2_000
_MOST_FAULTS = 1_000
_FACTS = tuple(audit_events.c)


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain: how many events it has, and the link of the last."""

    number: int
    link: str


@dataclass(frozen=True, slots=True)
class Fault:
    """One place where log and chain do not fit: a stable kind, which event, what was found."""

    kind: str
    subject: str
    detail: str


@dataclass(slots=True)
class Verdict:
    """What a walk along the chain saw; the log is whole when there are no `faults`."""

    head: Head
    waiting: int = 0
    faults: list[Fault] = field(default_factory=list)

    def add(self, kind: str, subject: str, detail: str) -> None:
        """Note a fault; the first thousand are kept."""
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(Fault(kind, subject, detail))


def seal(db: Database, stop: threading.Event) -> int:
    """Give every event that waits its link; return how many. One process does it at a time."""
    sealed = 0
    while not stop.is_set():
        with db.read() as tx:
            if tx.execute(select(audit_unsealed.c.event_id).limit(1)).first() is None:
                break
        with db.write() as tx:
            some, head = _seal_some(tx)
        if not some:
            break  # another process is at it
        sealed += some
        # In a log that is kept elsewhere this line shows later that the chain had come so far.
        logger("audit_log").info("audit_sealed", number=head.number, link=head.link)
    return sealed


def _seal_some(tx: WriteTx) -> tuple[int, Head]:
    stored = tx.execute(select(audit_head).with_for_update(skip_locked=True)).first()
    if stored is None:
        return 0, Head(0, START)
    waiting = tx.execute(
        select(*_FACTS)
        .join(audit_unsealed, audit_unsealed.c.event_id == audit_events.c.id)
        .order_by(audit_events.c.id)
        .limit(_SEALED_AT_ONCE)
    ).all()
    head, links = Head(stored.number, stored.link), []
    for event in waiting:
        head = _next(head, event)
        links.append({"number": head.number, "event_id": event.id, "link": head.link})
    if links:
        tx.execute(insert(audit_links), links)
        sealed = [one["event_id"] for one in links]
        tx.execute(delete(audit_unsealed).where(audit_unsealed.c.event_id.in_(sealed)))
        tx.execute(update(audit_head).values(number=head.number, link=head.link))
    return len(links), head


def _next(head: Head, event: Any) -> Head:
    """Return the end of the chain after one more event."""
    number = head.number + 1
    facts = [head.link, number, *(getattr(event, column.name) for column in _FACTS)]
    return Head(number, hashlib.sha256(msgspec.json.encode(facts)).hexdigest())


def verify(tx: ReadTx, known: Head | None = None, tell: Tell = to_nobody) -> Verdict:
    """Return what following the whole chain found; memory does not grow with its length.

    With `known`, an end of the chain that was noted before, also whether the chain still leads
    through it: whoever owns the database can make a chain anew, but not with the same links.
    `tell` hears of the stage `events`.
    """
    head = Head(0, START)
    verdict = Verdict(head)
    is_met = known is None or known == head
    stored = tx.execute(select(audit_head.c.number, audit_head.c.link)).first()
    for row in counted(_links(tx), "events", stored.number if stored else 0, tell):
        head = _follow(verdict, head, row)
        is_met = is_met or head == known
    verdict.head = head
    if known is not None and not is_met:
        verdict.add(
            "audit_head_lost", f"number {known.number}", f"the chain does not lead to {known.link}"
        )
    if stored is None or Head(*stored) != head:
        reaches = "nowhere" if stored is None else str(stored.number)
        verdict.add("audit_tail_lost", f"number {head.number}", f"the chain should reach {reaches}")
    _look_at_unsealed(tx, verdict)
    return verdict


def _links(tx: ReadTx) -> Iterator[Any]:
    events = audit_events.c.id == audit_links.c.event_id
    yield from tx.execution_options(yield_per=_ROWS_AT_ONCE).execute(
        select(audit_links.c.number, audit_links.c.event_id, audit_links.c.link, *_FACTS)
        .select_from(audit_links.outerjoin(audit_events, events))
        .order_by(audit_links.c.number)
    )


def _follow(verdict: Verdict, head: Head, row: Any) -> Head:
    """Compare a link with what it should be, and go on from the stored one, to find every fault."""
    if row.number != head.number + 1:
        verdict.add("audit_link_lost", f"number {head.number + 1}", f"{row.number} comes next")
        # What comes after a gap cannot be derived from what was before it.
        return Head(row.number, row.link)
    if row.id is None:
        verdict.add("audit_event_lost", f"event {row.event_id}", f"it was number {row.number}")
    elif _next(head, row).link != row.link:
        verdict.add("audit_event_changed", f"event {row.id}", f"it is number {row.number}")
    return Head(row.number, row.link)


def _look_at_unsealed(tx: ReadTx, verdict: Verdict) -> None:
    """Count what waits for its link, and find what neither has one nor waits."""
    without = (
        select(audit_events.c.id, audit_unsealed.c.event_id)
        .select_from(
            audit_events.outerjoin(
                audit_links, audit_links.c.event_id == audit_events.c.id
            ).outerjoin(audit_unsealed, audit_unsealed.c.event_id == audit_events.c.id)
        )
        .where(audit_links.c.event_id.is_(None))
        .order_by(audit_events.c.id)
    )
    for row in tx.execution_options(yield_per=_ROWS_AT_ONCE).execute(without):
        if row.event_id is None:
            verdict.add("audit_event_unsealed", f"event {row.id}", "nothing will seal it")
        else:
            verdict.waiting += 1
    gone = (
        select(audit_unsealed.c.event_id)
        .outerjoin(audit_events, audit_events.c.id == audit_unsealed.c.event_id)
        .where(audit_events.c.id.is_(None))
    )
    for (event_id,) in tx.execute(gone):
        verdict.add("audit_event_lost", f"event {event_id}", "it waited for its link")
