"""Forgotten passwords: a link that works once, for half an hour, and only the newest one.

What is stored of a link is its hash; the link itself waits in the outbox sealed.
"""

import hashlib
import secrets

from sqlalchemy import func, insert, select, update

from augury.audit_log.service import HOUSE, Actor, record
from augury.kit.clock import SECOND, now
from augury.kit.db import Database, WriteTx
from augury.kit.errors import InvalidInput, NotFound, Refusal
from augury.notices.sealing import Sealer
from augury.notices.service import Letter, post
from augury.users import passwords, sessions
from augury.users.tables import password_resets, users

LINK_SECONDS = 30 * 60
# To one mailbox; whoever asks more often is answered the same and nothing is sent.
MOST_AN_HOUR = 3
_HOUR = 3600 * SECOND
_SECRET_BYTES = 32


class ResetLinkInvalid(Refusal):
    """The link was used, is too old, or a newer one was sent."""

    code = "reset_link_invalid"
    status = 410


class MailNotConfigured(Refusal):
    """The house sends no e-mail, so that nobody can be sent a link."""

    code = "mail_not_configured"
    status = 409


def ask(db: Database, sealer: Sealer, email: str, visitor: Actor) -> None:
    """Send a link to whoever has this address; who asks does not learn whether anybody has."""
    key = email.casefold().replace("\0", " ")
    with db.write() as tx:
        row = tx.execute(
            select(users.c.id)
            .where(users.c.email_key == key, users.c.status == "active")
            # Two at once are counted one after the other.
            .with_for_update()
        ).first()
        subject, is_sent = f"user:{row.id if row else 'unknown'}", False
        if row is not None and _asked_lately(tx, row.id) < MOST_AN_HOUR:
            secret, is_sent = _new_link(tx, row.id), True
            letter = Letter(
                mail="password_reset",
                data={"minutes": LINK_SECONDS // 60},
                sealed=sealer.seal(secret, row.id),
                until=now() + LINK_SECONDS * SECOND,
            )
            post(tx, row.id, "account.password_reset", letter)
        record(tx, visitor, "password_reset.asked", subject, {"sent": is_sent})


def make_link(db: Database, name: str, cabinet_url: str) -> str:
    """Return a link for a user, by name or e-mail address, for an operator to hand over.

    Raises `NotFound` when there is nobody of that name, or they may not come in.
    """
    key = name.casefold()
    with db.write() as tx:
        found = select(users.c.id).where(
            (users.c.username_key == key) | (users.c.email_key == key), users.c.status == "active"
        )
        user_id = tx.execute(found.with_for_update()).scalar()
        if user_id is None:
            raise NotFound
        secret = _new_link(tx, user_id)
        record(tx, HOUSE, "password_reset.link_made", f"user:{user_id}", {})
    return f"{cabinet_url.rstrip('/')}/reset?token={secret}"


def _asked_lately(tx: WriteTx, user_id: str) -> int:
    found = select(func.count()).where(
        password_resets.c.user_id == user_id, password_resets.c.created_at > now() - _HOUR
    )
    return int(tx.execute(found).scalar_one())


def _new_link(tx: WriteTx, user_id: str) -> str:
    drop_links(tx, user_id)
    secret, moment = secrets.token_urlsafe(_SECRET_BYTES), now()
    tx.execute(
        insert(password_resets).values(
            digest=_digest(secret),
            user_id=user_id,
            created_at=moment,
            expires_at=moment + LINK_SECONDS * SECOND,
        )
    )
    return secret


def drop_links(tx: WriteTx, user_id: str) -> None:
    """Make every link of a user useless."""
    tx.execute(
        update(password_resets)
        .where(password_resets.c.user_id == user_id, password_resets.c.spent_at.is_(None))
        .values(spent_at=now())
    )


def _digest(secret: str) -> str:
    # It is random enough that nobody guesses it; a slow hash is for what people can remember.
    return hashlib.sha256(secret.encode()).hexdigest()


def reset(db: Database, secret: str, password: str, visitor: Actor) -> int:
    """Give the owner of a link a new password, end all sessions, and return how many those were.

    Raises `ResetLinkInvalid` or `InvalidInput`; after the latter the link still works. Takes a
    quarter of a second.
    """
    works = (
        password_resets.c.digest == _digest(secret),
        password_resets.c.spent_at.is_(None),
        password_resets.c.expires_at > now(),
    )
    with db.read() as tx:
        row = tx.execute(
            select(users.c.id, users.c.username)
            .join(password_resets, password_resets.c.user_id == users.c.id)
            .where(*works, users.c.status == "active")
        ).first()
    if row is None:
        raise ResetLinkInvalid
    faults = passwords.faults_of(password, row.username)
    if faults:
        raise InvalidInput(faults=faults)
    fresh = passwords.hash_password(password)
    with db.write() as tx:
        spent = update(password_resets).where(*works).values(spent_at=now())
        changed = (
            update(users)
            .where(users.c.id == row.id, users.c.status == "active")
            .values(password_hash=fresh)
        )
        # The user before the link, as everywhere: nobody waits in a circle.
        if not (tx.execute(changed).rowcount and tx.execute(spent).rowcount):
            raise ResetLinkInvalid
        ended = sessions.end_all(tx, row.id, "password")
        actor = visitor.being(row.id)
        record(tx, actor, "password.reset", f"user:{row.id}", {"ended_sessions": ended})
        post(tx, row.id, "account.password", Letter(mail="password_changed"))
    return ended
