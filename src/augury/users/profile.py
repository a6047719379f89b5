"""What people change about themselves: password, address, language of e-mails."""

from dataclasses import replace
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.exc import IntegrityError

from augury.audit_log.service import Actor, record
from augury.kit.db import Database, WriteTx
from augury.kit.errors import InvalidInput, NotFound, Refusal
from augury.notices.service import Letter, post
from augury.users import passwords, sessions
from augury.users.recovery import drop_links
from augury.users.service import EmailTaken, User, email_faults_of, user_of
from augury.users.tables import users


class WrongPassword(Refusal):
    """The present password is another one; nothing was changed."""

    code = "wrong_password"
    status = 403


def checked(db: Database, user_id: str, password: str, actor: Actor) -> Row[Any]:
    """Return the user's row if the password is theirs, else `WrongPassword`, which is written down.

    Takes a quarter of a second.
    """
    with db.read() as tx:
        row = tx.execute(
            select(users).where(users.c.id == user_id, users.c.status == "active")
        ).first()
    if row is None:
        raise NotFound
    if not passwords.matches(password, row.password_hash):
        with db.write() as tx:
            record(tx, actor, "password.mistaken", f"user:{user_id}", {})
        raise WrongPassword
    return row


def unchanged(tx: WriteTx, row: Row[Any], **values: Any) -> None:
    """Change a user whose password was checked, or raise `WrongPassword`: it is another since."""
    changed = tx.execute(
        update(users)
        .where(
            users.c.id == row.id,
            users.c.password_hash == row.password_hash,
            users.c.status == "active",
        )
        .values(**values)
    )
    if changed.rowcount == 0:
        raise WrongPassword


def change_password(
    db: Database, user_id: str, session_id: str, current: str, new: str, actor: Actor
) -> int:
    """Give a user a new password, end all other sessions, and return how many those were.

    Raises `WrongPassword` or `InvalidInput`. Takes half a second.
    """
    row = checked(db, user_id, current, actor)
    faults = passwords.faults_of(new, row.username)
    if faults:
        raise InvalidInput(faults=[replace(one, pointer="/new_password") for one in faults])
    fresh = passwords.hash_password(new)
    with db.write() as tx:
        unchanged(tx, row, password_hash=fresh)
        ended = sessions.end_all(tx, user_id, "password", keep=session_id)
        drop_links(tx, user_id)
        record(tx, actor, "password.changed", f"user:{user_id}", {"ended_sessions": ended})
        post(tx, user_id, "account.password", Letter(mail="password_changed"))
    return ended


def change_email(db: Database, user_id: str, password: str, email: str, actor: Actor) -> User:
    """Return the user with another address; the address of before is told.

    Raises `WrongPassword`, `InvalidInput` or `EmailTaken`. Takes a quarter of a second.
    """
    faults = email_faults_of(email)
    if faults:
        raise InvalidInput(faults=faults)
    row = checked(db, user_id, password, actor)
    if row.email == email:
        return user_of(row)
    try:
        with db.write() as tx:
            unchanged(tx, row, email=email, email_key=email.casefold())
            # A link that waits in the mailbox of before would still open this account.
            drop_links(tx, user_id)
            record(tx, actor, "user.email_changed", f"user:{user_id}", {})
            told = Letter(mail="email_changed", to=(row.email, row.language))
            post(tx, user_id, "account.email", told)
    except IntegrityError:
        raise EmailTaken(email=email) from None
    return replace(user_of(row), email=email)


def set_language(db: Database, user_id: str, language: str, actor: Actor) -> User:
    """Return the user, to whom e-mails and papers speak this language from now on."""
    with db.write() as tx:
        before = tx.execute(select(users).where(users.c.id == user_id).with_for_update()).first()
        if before is None:
            raise NotFound
        if before.language != language:
            tx.execute(update(users).where(users.c.id == user_id).values(language=language))
            details = {"before": before.language, "now": language}
            record(tx, actor, "user.language", f"user:{user_id}", details)
        return replace(user_of(before), language=language)
