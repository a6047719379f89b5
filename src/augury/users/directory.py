"""The directory: administrators look at users, block them and let them in again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Row, func, or_, select, update

from augury.audit_log.service import Actor, record
from augury.kit.clock import SECOND, now
from augury.kit.db import Database, ReadTx, WriteTx
from augury.kit.errors import NotFound, invalid
from augury.kit.ids import is_id
from augury.users.gate import bump
from augury.users.tables import api_keys, sessions, users
from augury.users.tokens import REFRESH_SECONDS

Status = Literal["active", "blocked"]
_SHOWN: Final = ("id", "username", "email", "role", "status", "created_at", "closed_at")


@dataclass(frozen=True, slots=True)
class Entry:
    """A user as administrators see one. Seen: signed in, stayed so, or used an API key."""

    id: str
    username: str
    email: str
    role: Literal["customer", "admin"]
    status: Status
    created_at: int
    # When its owner closed it for good; until then nothing.
    closed_at: int | None
    last_seen_at: int | None


def find_page(
    tx: ReadTx,
    *,
    limit: int,
    before: str | None = None,
    search: str | None = None,
    status: Status | None = None,
) -> list[Entry]:
    """Return users newest first, older than the one with the id `before`.

    `search` is an id, or a part of a user name or an e-mail address in letters of any case. Whoever
    has exactly this e-mail address is found by it at once, and nobody else.
    """
    found = select(*(users.c[name] for name in _SHOWN)).order_by(users.c.id.desc()).limit(limit)
    if before is not None:
        found = found.where(users.c.id < before)
    if status is not None:
        found = found.where(users.c.status == status)
    if search and is_id(search.lower()):
        found = found.where(users.c.id == search.lower())
    elif search:
        keys = (users.c.username_key, users.c.email_key)
        part = search.casefold()
        # A part can stand anywhere, so every user is looked at; a whole address has an index.
        whole = select(users.c.id).where(users.c.email_key == part)
        owner = tx.execute(whole).scalar_one_or_none() if "@" in part else None
        if owner is not None:
            return _entries(tx, tx.execute(found.where(users.c.id == owner)).all())
        found = found.where(or_(*(key.contains(part, autoescape=True) for key in keys)))
    return _entries(tx, tx.execute(found).all())


def find(tx: ReadTx, user_id: str) -> Entry:
    """Return a user, or raise `NotFound`."""
    if not is_id(user_id):
        raise NotFound
    found = select(*(users.c[name] for name in _SHOWN)).where(users.c.id == user_id)
    entries = _entries(tx, tx.execute(found).all())
    if not entries:
        raise NotFound
    return entries[0]


def _entries(tx: ReadTx, rows: Sequence[Row[Any]]) -> list[Entry]:
    seen = _last_seen(tx, [row.id for row in rows])
    return [Entry(**row._asdict(), last_seen_at=seen.get(row.id)) for row in rows]


def _last_seen(tx: ReadTx, ids: Sequence[str]) -> dict[str, int]:
    """Return when each user was last seen; whoever stays signed in refreshes every quarter hour."""
    # A session's end is moved with each refresh, so it tells when the last one was.
    refreshed = func.max(sessions.c.expires_at) - REFRESH_SECONDS * SECOND
    used = func.max(api_keys.c.last_used_at)
    kept = select(users.c.id, users.c.last_seen_at).where(users.c.id.in_(ids))
    seen: dict[str, int] = {id_: at for id_, at in tx.execute(kept) if at is not None}
    for table, moment in ((sessions, refreshed), (api_keys, used)):
        found = select(table.c.user_id, moment).where(table.c.user_id.in_(ids))
        for user_id, at in tx.execute(found.group_by(table.c.user_id)):
            if at is not None:
                seen[user_id] = max(at, seen.get(user_id, 0))
    return seen


def set_status(db: Database, user_id: str, status: Status, actor: Actor) -> Entry:
    """Return the user, who may come in from now on or may not; what is so already stays.

    Who is blocked loses all sessions. Raises `NotFound`, and `InvalidInput` for one's own self:
    the last administrator could not be let in again by anybody.
    """
    if not is_id(user_id):
        raise NotFound
    if user_id == actor.user_id:
        raise invalid("/status", "fault.own_status")
    with db.write() as tx:
        changed = tx.execute(
            update(users)
            # Who has left for good stays away.
            .where(users.c.id == user_id, users.c.status != status, users.c.closed_at.is_(None))
            .values(status=status)
        ).rowcount
        entry = find(tx, user_id)
        if entry.closed_at is not None and status == "active":
            raise invalid("/status", "fault.user_closed")
        if changed:
            details = {"ended_sessions": _end_sessions(tx, user_id)} if status == "blocked" else {}
            before = "active" if status == "blocked" else "blocked"
            record(
                tx,
                actor,
                "user.status",
                f"user:{user_id}",
                {"before": before, "now": status} | details,
            )
            bump(tx)
        return entry


def _end_sessions(tx: WriteTx, user_id: str) -> int:
    mine = sessions.c.user_id == user_id, sessions.c.revoked_at.is_(None)
    ended = update(sessions).where(*mine).values(revoked_at=now(), revoked_because="blocked")
    return tx.execute(ended).rowcount
