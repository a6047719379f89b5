"""Sessions: where somebody is signed in, and how that ends before its time."""

import threading
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, insert, select, update

from augury.audit_log.service import Actor, record
from augury.kit.clock import SECOND, now
from augury.kit.db import Database, Given, Id, Int64, ReadTx, WriteTx
from augury.kit.errors import NotFound
from augury.kit.ids import first_id, is_id
from augury.kit.lots import by_lots
from augury.users.gate import bump
from augury.users.tables import ended_sessions, password_resets, sessions, users
from augury.users.tokens import ACCESS_SECONDS, REFRESH_SECONDS

_AT_ONCE = 500
_BY_OWNER = "by owner"

# What was seen stays known when the sessions that told it are gone.
_SEEN = Given(
    """
    UPDATE users SET last_seen_at = given.moment FROM {given}
    WHERE users.id = given.id
      AND (users.last_seen_at IS NULL OR users.last_seen_at < given.moment)
    """,
    id=Id,
    moment=Int64,
)


@dataclass(frozen=True, slots=True)
class Session:
    """A browser or program that is signed in; `agent` is what it is, in short.

    Last used: signed in or stayed so, which is seen every quarter of an hour.
    """

    id: str
    created_at: int
    last_used_at: int
    address: str | None
    agent: str | None


def listed(tx: ReadTx, user_id: str, *, limit: int, before: str | None = None) -> list[Session]:
    """Return a user's sessions that go on, newest first, older than the one `before`."""
    found = select(sessions).where(*_alive(user_id)).order_by(sessions.c.id.desc()).limit(limit)
    if before is not None:
        found = found.where(sessions.c.id < before)
    return [
        Session(
            row.id,
            row.created_at,
            row.expires_at - REFRESH_SECONDS * SECOND,
            row.address,
            row.agent,
        )
        for row in tx.execute(found)
    ]


def _alive(user_id: str) -> tuple[ColumnElement[bool], ...]:
    return (
        sessions.c.user_id == user_id,
        sessions.c.revoked_at.is_(None),
        sessions.c.expires_at > now(),
    )


def end_all(tx: WriteTx, user_id: str, because: str, *, keep: str | None = None) -> int:
    """End a user's sessions, but for the one to keep; return how many went on until now.

    Part of what asks for it. Their access tokens open nothing any more, half a second later.
    """
    others = () if keep is None else (sessions.c.id != keep,)
    return _end(tx, because, *_alive(user_id), *others)


def _end(tx: WriteTx, because: str, *which: ColumnElement[bool]) -> int:
    moment = now()
    ended = tx.execute(
        update(sessions)
        .where(*which)
        .values(revoked_at=moment, revoked_because=because)
        .returning(sessions.c.id)
    )
    rows = [{"session_id": id_, "ended_at": moment} for id_ in ended.scalars()]
    if rows:
        tx.execute(insert(ended_sessions), rows)
        bump(tx)
    return len(rows)


def end_one(db: Database, user_id: str, session_id: str, actor: Actor) -> None:
    """End a user's session; raises `NotFound` for somebody else's and for one that is over."""
    if not is_id(session_id):
        raise NotFound
    with db.write() as tx:
        if not _end(tx, _BY_OWNER, *_alive(user_id), sessions.c.id == session_id):
            raise NotFound
        details = {"session": session_id, "because": _BY_OWNER}
        record(tx, actor, "session.ended", f"user:{user_id}", details)


def end_others(db: Database, user_id: str, session_id: str, actor: Actor) -> int:
    """End all of a user's sessions but this one; return how many."""
    with db.write() as tx:
        ended = end_all(tx, user_id, _BY_OWNER, keep=session_id)
        if ended:
            details = {"sessions": ended, "because": _BY_OWNER}
            record(tx, actor, "session.ended", f"user:{user_id}", details)
    return ended


def purge(db: Database, stop: threading.Event) -> int:
    """Delete sessions and links of before that open nothing any more; return how many."""
    moment = now()
    with db.write() as tx:
        stale = ended_sessions.c.ended_at < moment - ACCESS_SECONDS * SECOND
        tx.execute(delete(ended_sessions).where(stale))
        old = password_resets.c.expires_at < moment - 3600 * SECOND
        forgotten = tx.execute(delete(password_resets).where(old)).rowcount
    walk = _Walk(db, first_id(moment - REFRESH_SECONDS * SECOND))
    return forgotten + by_lots(walk.lot, stop)


class _Walk:
    """Goes once through the sessions that began long enough ago, along their key."""

    def __init__(self, db: Database, end: str) -> None:
        self._db = db
        self._after = first_id(0)
        self._end = end

    def lot(self) -> int | None:
        """Delete what has expired of the next few and return how many, or None at the end."""
        moment = now()
        some = (
            select(sessions.c.id, sessions.c.user_id, sessions.c.expires_at)
            .where(sessions.c.id > self._after, sessions.c.id < self._end)
            .order_by(sessions.c.id)
            .limit(_AT_ONCE)
        )
        with self._db.read() as tx:
            rows = tx.execute(some).all()
        if not rows:
            return None
        self._after = rows[-1].id
        over = [row for row in rows if row.expires_at <= moment]
        if not over:
            return 0
        seen: dict[str, int] = {}
        for row in over:
            at = row.expires_at - REFRESH_SECONDS * SECOND
            seen[row.user_id] = max(at, seen.get(row.user_id, 0))
        with self._db.write() as tx:
            # In the order of their ids, so that nobody waits in a circle: what follows has none.
            theirs = select(users.c.id).where(users.c.id.in_(list(seen))).order_by(users.c.id)
            tx.execute(theirs.with_for_update(key_share=True))
            _SEEN.run(tx, list(seen.items()))
            ids = [row.id for row in over]
            # What has expired is never prolonged, so nothing has changed since the look.
            gone = tx.execute(delete(sessions).where(sessions.c.id.in_(ids)))
        return gone.rowcount
