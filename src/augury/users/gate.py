"""The gate: who a token or an API key speaks for, in each process, hardly ever asking the database.

What it remembers is good for one revision of who may come in. Whoever blocks a user or revokes a
key moves the revision on in the same transaction, and every process looks at it a few times a
second: see `worker/duties.py`.
"""

import hmac
import threading
from collections import OrderedDict
from hashlib import sha256
from typing import Any, NamedTuple

from sqlalchemy import Row, select, update

from augury.kit.clock import SECOND, now
from augury.kit.db import Database, Given, Id, Int64, ReadTx, WriteTx
from augury.users.tables import access_state, api_keys, ended_sessions, users
from augury.users.tokens import (
    ACCESS_SECONDS,
    KEY_PREFIX,
    START_LETTERS,
    Identity,
    Tokens,
    Unauthenticated,
)

# How long after a change another process may still let in who was let in before.
LOOK_SECONDS = 0.5
NOTE_SECONDS = 60.0
_MOST_REMEMBERED = 10_000
_LENGTH = len(KEY_PREFIX) + START_LETTERS

_UNLOCKED = Given(
    "SELECT api_keys.id, given.moment FROM {given} JOIN api_keys ON api_keys.id = given.id",
    # A sale that has a key's row does not wait for this, nor this for it.
    lock="FOR UPDATE OF api_keys SKIP LOCKED",
    id=Id,
    moment=Int64,
)
_NOTE = Given(
    """
    UPDATE api_keys SET last_used_at = given.moment FROM {given}
    WHERE api_keys.id = given.id
      AND (api_keys.last_used_at IS NULL OR api_keys.last_used_at < given.moment)
    """,
    id=Id,
    moment=Int64,
)


class _Known(NamedTuple):
    identity: Identity
    expires_at: int | None


def bump(tx: WriteTx) -> None:
    """Let every process forget whom it would let in; part of what changes that."""
    tx.execute(update(access_state).values(revision=access_state.c.revision + 1))


class Gate:
    """Lets people and programs in. One for each process; its methods may be called by threads."""

    def __init__(self, db: Database, tokens: Tokens) -> None:
        """Prepare with nobody known; `refresh` must be called before the first visitor."""
        self._db = db
        self._tokens = tokens
        self._changing = threading.Lock()
        self._revision = -1
        self._blocked: frozenset[str] = frozenset()
        # Sessions that ended before their access tokens have run out.
        self._ended: frozenset[str] = frozenset()
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._used: dict[str, int] = {}

    def recognise(self, token: str) -> Identity | None:
        """Return whom a token speaks for, or nothing for an API key that has to be looked up.

        Raises `Unauthenticated`. Asks nobody, so the event loop may call it.
        """
        if not token.startswith(KEY_PREFIX):
            identity = self._tokens.verify(token)
            if identity.user_id in self._blocked or identity.session_id in self._ended:
                raise Unauthenticated
            return identity
        known = self._known.get(_digest(token))
        if known is None:
            return None
        moment = now()
        if known.expires_at is not None and known.expires_at <= moment:
            raise Unauthenticated
        self._used[known.identity.api_key_id or ""] = moment
        return known.identity

    def identify(self, token: str) -> Identity:
        """Return whom a token speaks for; raises `Unauthenticated`. May ask the database."""
        return self.recognise(token) or self.look_up(token)

    def look_up(self, token: str) -> Identity:
        """Return whom an API key speaks for, from the database; raises `Unauthenticated`."""
        start, digest = token[:_LENGTH], _digest(token)
        if not (start.isascii() and start.removeprefix(KEY_PREFIX).isalnum()):
            raise Unauthenticated
        with self._db.read() as tx:
            revision, row = _revision(tx), _find(tx, start)
        moment = now()
        if (
            row is None
            or not hmac.compare_digest(row.digest, digest.hex())
            or (row.expires_at is not None and row.expires_at <= moment)
        ):
            raise Unauthenticated
        scopes = frozenset(row.scopes.split())
        # Whoever it is, a key does nothing that takes an administrator.
        identity = Identity(row.user_id, "", "customer", row.id, scopes)
        with self._changing:
            self._used[row.id] = moment
            # Of another revision it may be wrong by the time it is asked for again.
            if revision == self._revision:
                self._known[digest] = _Known(identity, row.expires_at)
                if len(self._known) > _MOST_REMEMBERED:
                    self._known.popitem(last=False)
        return identity

    def refresh(self) -> bool:
        """Look whether somebody was blocked, a key revoked or a session ended; return if so."""
        with self._db.read() as tx:
            revision = _revision(tx)
            if revision == self._revision:
                return False
            blocked = tx.execute(select(users.c.id).where(users.c.status == "blocked")).scalars()
            kept_out = frozenset(blocked)
            since = now() - ACCESS_SECONDS * SECOND
            over = select(ended_sessions.c.session_id).where(ended_sessions.c.ended_at > since)
            ended = frozenset(tx.execute(over).scalars())
        with self._changing:
            if revision > self._revision:  # another thread may have seen more
                self._revision, self._blocked, self._ended = revision, kept_out, ended
                self._known = OrderedDict()
        return True

    def note_uses(self) -> int:
        """Store when keys were last used here since this was called; return of how many keys."""
        with self._changing:
            used, self._used = self._used, {}
        if not used:
            return 0
        with self._db.write() as tx:
            _NOTE.run(tx, _UNLOCKED.run(tx, list(used.items())))
        return len(used)


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()


def _revision(tx: ReadTx) -> int:
    return int(tx.execute(select(access_state.c.revision)).scalar_one())


def _find(tx: ReadTx, start: str) -> Row[Any] | None:
    return tx.execute(
        select(api_keys)
        .join(users, users.c.id == api_keys.c.user_id)
        .where(
            api_keys.c.start == start,
            api_keys.c.revoked_at.is_(None),
            users.c.status == "active",
        )
    ).first()
