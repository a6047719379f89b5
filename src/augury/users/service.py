"""Registration and sign-in."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row, select, text, update

from augury.audit_log.service import HOUSE, Actor, record
from augury.kit.clock import SECOND, now
from augury.kit.db import Database, ReadTx, WriteTx
from augury.kit.errors import Fault, InvalidInput, NotFound, Refusal
from augury.kit.ids import new_id
from augury.users import passwords
from augury.users.tables import sessions, users
from augury.users.tokens import ACCESS_SECONDS, REFRESH_SECONDS, Identity, Tokens

_USERNAME = re.compile(r"[\w.\-]{3,64}")
_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f.]+(\.[^@\s\x00-\x1f.]+)*")
_LONGEST_EMAIL = 254
# Case-folding makes up to three letters of one ("ΐ"); the keys have room for twice as many.
_LONGEST_USERNAME_KEY = 128
_LONGEST_EMAIL_KEY = 508


class UsernameTaken(Refusal):
    """Somebody has this user name already."""

    code = "username_taken"
    status = 409


class EmailTaken(Refusal):
    """Somebody has registered with this e-mail address already."""

    code = "email_taken"
    status = 409


class InvalidCredentials(Refusal):
    """User name and password, or the refresh token, do not fit. The same answer for all of them."""

    code = "invalid_credentials"
    status = 401


@dataclass(frozen=True, slots=True)
class User:
    """A person or a company that signs in."""

    id: str
    username: str
    email: str
    role: Literal["customer", "admin"]
    status: Literal["active", "blocked"]
    created_at: int
    language: str


@dataclass(frozen=True, slots=True)
class Grant:
    """What a successful sign-in gives: a short-lived access token and a refresh token."""

    access_token: str
    refresh_token: str
    expires_in: int


def register(
    db: Database,
    username: str,
    email: str,
    password: str,
    *,
    role: Literal["customer", "admin"] = "customer",
    language: str = "en",
    visitor: Actor = HOUSE,
    opening: Callable[[WriteTx, str], None],
) -> User:
    """Return the new user; `opening` gets the user's id inside the same transaction.

    `language` is that of what is sent without a request that says it: e-mail and papers.
    Raises `InvalidInput`, `UsernameTaken` or `EmailTaken`. Takes a quarter of a second.
    """
    faults = _faults_of(username, email) + passwords.faults_of(password, username)
    if faults:
        raise InvalidInput(faults=faults)
    password_hash = passwords.hash_password(password)
    user = User(new_id(), username, email, role, "active", now(), language)
    with db.write() as tx:
        inserted = tx.execute(
            text(
                "INSERT INTO users (id, username, email, username_key, email_key, password_hash,"
                " role, status, created_at, language) VALUES (:id, :username, :email,"
                " :username_key, :email_key, :password_hash, :role, :status, :created_at,"
                " :language)"
                " ON CONFLICT DO NOTHING"
            ),
            {
                "id": user.id,
                "username": username,
                "email": email,
                "username_key": username.casefold(),
                "email_key": email.casefold(),
                "password_hash": password_hash,
                "role": role,
                "status": user.status,
                "created_at": user.created_at,
                "language": language,
            },
        )
        if inserted.rowcount == 0:
            taken = tx.execute(
                select(users.c.id).where(users.c.username_key == username.casefold())
            ).first()
            raise UsernameTaken(username=username) if taken else EmailTaken(email=email)
        opening(tx, user.id)
        by = visitor if visitor == HOUSE else visitor.being(user.id)
        record(tx, by, "user.registered", f"user:{user.id}", {"role": role})
    return user


def _faults_of(username: str, email: str) -> list[Fault]:
    faults = []
    if not _USERNAME.fullmatch(username) or len(username.casefold()) > _LONGEST_USERNAME_KEY:
        faults.append(Fault("/username", "fault.username_form", {}))
    return faults + email_faults_of(email)


def email_faults_of(email: str) -> list[Fault]:
    """Return what is wrong with an e-mail address, with pointer `/email`; empty if it can be."""
    too_long = len(email) > _LONGEST_EMAIL or len(email.casefold()) > _LONGEST_EMAIL_KEY
    if too_long or not _EMAIL.fullmatch(email):
        return [Fault("/email", "fault.email_form", {})]
    return []


def sign_in(
    db: Database,
    tokens: Tokens,
    username: str,
    password: str,
    visitor: Actor = HOUSE,
) -> Grant:
    """Return tokens for a new session, or raise `InvalidCredentials` after the same time.

    The session remembers from where the visitor came, and with which program.

    The user name may be the e-mail address as well. Takes a quarter of a second. The audit log has
    either; of who is unknown not the name that was tried, which may be a password in its place.
    """
    # PostgreSQL takes no NUL in a text; nobody is called so, but the answer must take as long.
    key = username.casefold().replace("\0", " ")
    with db.read() as tx:
        row = tx.execute(
            select(users).where((users.c.username_key == key) | (users.c.email_key == key))
        ).first()
    fits = passwords.matches(password, row.password_hash if row else None)
    if row is None or not fits or row.status != "active":
        because = "unknown" if row is None else "password" if not fits else "blocked"
        subject = f"user:{row.id if row else 'unknown'}"
        with db.write() as tx:
            record(tx, visitor, "sign_in.failed", subject, {"because": because})
        raise InvalidCredentials
    session_id, moment = new_id(), now()
    with db.write() as tx:
        by, details = visitor.being(row.id), {"session": session_id}
        record(tx, by, "sign_in.succeeded", f"user:{row.id}", details)
        tx.execute(
            sessions.insert().values(
                id=session_id,
                user_id=row.id,
                generation=0,
                created_at=moment,
                expires_at=moment + REFRESH_SECONDS * SECOND,
                address=visitor.address,
                agent=visitor.agent,
            )
        )
    return _grant(tokens, Identity(row.id, session_id, row.role), 0)


def refresh(db: Database, tokens: Tokens, refresh_token: str, visitor: Actor = HOUSE) -> Grant:
    """Return new tokens and make the old refresh token useless, or raise `InvalidCredentials`.

    A refresh token that comes a second time was copied. Nobody can tell which of its two holders
    is the owner, so the whole session ends.
    """
    known = tokens.read_refresh(refresh_token)
    if known is None:
        raise InvalidCredentials
    session_id, generation = known
    # An exception inside the block would take the revocation back, so the verdict leaves it first.
    with db.write() as tx:
        identity = _rotate(tx, session_id, generation, visitor)
    if identity is None:
        raise InvalidCredentials
    return _grant(tokens, identity, generation + 1)


def _rotate(tx: WriteTx, session_id: str, generation: int, visitor: Actor) -> Identity | None:
    moment = now()
    good = (sessions.c.id == session_id, sessions.c.revoked_at.is_(None))
    turned = tx.execute(
        update(sessions)
        .where(*good, sessions.c.generation == generation, sessions.c.expires_at > moment)
        .values(
            generation=generation + 1,
            expires_at=moment + REFRESH_SECONDS * SECOND,
            address=visitor.address,
            agent=visitor.agent,
        )
    )
    if turned.rowcount == 0:
        _revoke(tx, session_id, "reuse", visitor)
        return None
    row = tx.execute(
        select(users).join(sessions, sessions.c.user_id == users.c.id).where(*good)
    ).one()
    return Identity(row.id, session_id, row.role) if row.status == "active" else None


def sign_out(db: Database, session_id: str, actor: Actor = HOUSE) -> None:
    """End a session: its refresh tokens are useless from now on."""
    with db.write() as tx:
        _revoke(tx, session_id, "signed out", actor)


def _revoke(tx: WriteTx, session_id: str, because: str, actor: Actor) -> None:
    ended = tx.execute(
        update(sessions)
        .where(sessions.c.id == session_id, sessions.c.revoked_at.is_(None))
        .values(revoked_at=now(), revoked_because=because)
        .returning(sessions.c.user_id)
    ).first()
    if ended is not None:
        details = {"session": session_id, "because": because}
        record(tx, actor, "session.ended", f"user:{ended.user_id}", details)


def user(db: Database, user_id: str) -> User:
    """Return a user, or raise `NotFound`."""
    with db.read() as tx:
        row = tx.execute(select(users).where(users.c.id == user_id)).first()
    if row is None:
        raise NotFound
    return user_of(row)


def recipient(db: Database, user_id: str) -> tuple[str, str] | None:
    """Return a user's e-mail address and language, or nothing for somebody unknown or blocked."""
    try:
        found = user(db, user_id)
    except NotFound:
        return None
    return None if found.status == "blocked" else (found.email, found.language)


def has_admin(db: Database) -> bool:
    """Tell whether there is an administrator yet."""
    with db.read() as tx:
        found = tx.execute(select(users.c.id).where(users.c.role == "admin").limit(1)).first()
    return found is not None


def administrators(tx: ReadTx) -> list[str]:
    """Return the ids of all administrators who may act, the first one first."""
    found = select(users.c.id).where(users.c.role == "admin", users.c.status == "active")
    return list(tx.execute(found.order_by(users.c.id)).scalars())


def user_of(row: Row[Any]) -> User:
    """Return the user that a row of the table is."""
    return User(row.id, row.username, row.email, row.role, row.status, row.created_at, row.language)


def _grant(tokens: Tokens, identity: Identity, generation: int) -> Grant:
    return Grant(
        tokens.issue(identity),
        tokens.issue_refresh(identity.session_id, generation),
        ACCESS_SECONDS,
    )
