"""The end of a user: nobody comes in as them any more, and nothing says who they were."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Row, select, update

from augury.audit_log.service import Actor, record
from augury.kit.clock import now
from augury.kit.db import Database, WriteTx
from augury.kit.errors import Refusal
from augury.users import sessions
from augury.users.gate import bump
from augury.users.profile import checked, unchanged
from augury.users.recovery import drop_links
from augury.users.tables import api_keys, users


class AccountBusy(Refusal):
    """Something is unfinished, so that money or work could be lost; nothing was closed."""

    code = "account_busy"
    status = 409


class CreditsLeft(Refusal):
    """There are credits on the account that have to be given up, or used up, first."""

    code = "credits_left"
    status = 409


class LastAdministrator(Refusal):
    """Without this user nobody could look after the house."""

    code = "last_administrator"
    status = 409


def close(
    db: Database,
    user_id: str,
    password: str,
    actor: Actor,
    *,
    leaving: Callable[[WriteTx], Mapping[str, Any]],
) -> None:
    """Close a user's account for good, all of it or nothing.

    `leaving` is what the other rooms do about it inside the same transaction, before anything
    else; it returns what the audit log keeps of that, or refuses. Raises `WrongPassword` and
    `LastAdministrator`, too. Takes a quarter of a second.
    """
    row = checked(db, user_id, password, actor)
    with db.write() as tx:
        details = leaving(tx)
        _require_another(tx, row)
        nobody = f"closed:{user_id}"  # no user name may have a colon
        unchanged(
            tx,
            row,
            status="blocked",
            closed_at=now(),
            username=nobody,
            username_key=nobody,
            email="",
            email_key=nobody,
            password_hash="",
        )
        drop_links(tx, user_id)
        # Before the sessions, whose end locks the revision: who revokes a key locks it last.
        revoked = _revoke_keys(tx, user_id)
        ended = {"sessions": sessions.end_all(tx, user_id, "closed"), "api_keys": revoked}
        record(tx, actor, "user.closed", f"user:{user_id}", {**details, **ended})
        bump(tx)


def _require_another(tx: WriteTx, row: Row[Any]) -> None:
    """Refuse to let the last administrator go; two who leave at once do so one by one."""
    if row.role != "admin":
        return
    there = select(users.c.id).where(users.c.role == "admin", users.c.status == "active")
    if len(tx.execute(there.order_by(users.c.id).with_for_update()).all()) <= 1:
        raise LastAdministrator


def _revoke_keys(tx: WriteTx, user_id: str) -> int:
    mine = api_keys.c.user_id == user_id, api_keys.c.revoked_at.is_(None)
    return tx.execute(update(api_keys).where(*mine).values(revoked_at=now())).rowcount
