"""Who looked into whose account: reading is written down, too, when it is somebody else's."""

from typing import Final

from augury.audit_log.service import Actor, events, record
from augury.kit.clock import SECOND, now
from augury.kit.db import Database

# Whoever turns the pages of one account does not fill the log with it.
ONE_LOOK: Final = 3600 * SECOND
_LOOKS: Final = 20


def record_look(db: Database, actor: Actor, user_id: str, part: str) -> None:
    """Write down that an actor reads a part of somebody's account; once an hour for each part."""
    subject = f"user:{user_id}"
    with db.read() as tx:
        known = events(
            tx, limit=_LOOKS, action="account.read", subject=subject, actor_id=actor.user_id
        )
    since = now() - ONE_LOOK
    if any(one.created_at > since and one.details["part"] == part for one in known):
        return
    with db.write() as tx:
        record(tx, actor, "account.read", subject, {"part": part})
