"""What somebody does twice about one account at one instant never waits in a circle."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import event, select, update

from augury.audit_log.service import HOUSE
from augury.kit.clock import SECOND, now
from augury.kit.db import Database
from augury.kit.ids import first_id
from augury.notices.sealing import Sealer
from augury.users import closing, keys, profile, recovery, service, sessions
from augury.users.keys import Scope, Wish
from augury.users.recovery import ResetLinkInvalid
from augury.users.service import User
from augury.users.tables import sessions as rows
from augury.users.tables import users
from augury.users.tokens import REFRESH_SECONDS, Tokens
from support.houses import PASSWORD, SECRET
from support.waiting import eventually, how_many_wait, meet

NEW = "an otter under the bridge"
CABINET = "http://127.0.0.1:8001"

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def somebody(db: Database, name: str = "anna", **more: Any) -> User:
    """Return somebody who is signed in."""
    email = f"{name}@example.com"
    user = service.register(db, name, email, PASSWORD, opening=lambda *_: None, **more)
    service.sign_in(db, Tokens(SECRET), name, PASSWORD)
    return user


def leave(db: Database, user: User) -> None:
    """Close somebody's account, of which nobody else has anything."""
    closing.close(db, user.id, PASSWORD, HOUSE, leaving=lambda _: {})


def _without_nested_loops(connection: Any, _record: Any) -> None:
    connection.execute("SET enable_nestloop = off")
    connection.execute("SET enable_mergejoin = off")
    connection.commit()


def refusal(work: Callable[[], object], *kinds: type[Exception]) -> type[Exception] | None:
    """Return of which kind the refusal is that a work ends in, if it does."""
    try:
        work()
    except kinds as refused:
        return type(refused)
    return None


def test_a_key_that_is_revoked_while_its_owner_leaves(db: Database) -> None:
    """Both end keys and tell every process."""
    anna = somebody(db)
    key, _ = keys.create(db, anna.id, Wish("k", list(Scope)), HOUSE)
    meet(
        db,
        lambda: keys.revoke(db, anna.id, key.id, HOUSE),
        lambda: leave(db, anna),
        after="UPDATE api_keys",
    )
    with db.read() as tx:
        assert keys.listed(tx, anna.id, limit=10) == []


def test_a_link_that_is_used_while_the_password_is_changed(db: Database) -> None:
    """Who comes first gives the password, and the other is refused."""
    anna = somebody(db)
    link = recovery.make_link(db, "anna", CABINET)
    secret = link.rpartition("=")[2]
    session = "00000000-0000-7000-8000-000000000000"
    meet(
        db,
        lambda: profile.change_password(db, anna.id, session, PASSWORD, NEW, HOUSE),
        lambda: refusal(lambda: recovery.reset(db, secret, NEW, HOUSE), ResetLinkInvalid),
        after="UPDATE users",
    )
    service.sign_in(db, Tokens(SECRET), "anna", NEW)


def test_a_link_that_is_made_while_another_is_asked_for(db: Database) -> None:
    """The newest one works, whoever made it."""
    somebody(db)
    recovery.make_link(db, "anna", CABINET)
    link, _ = meet(
        db,
        lambda: recovery.make_link(db, "anna", CABINET),
        lambda: recovery.ask(db, Sealer(SECRET), "anna@example.com", HOUSE),
        after="UPDATE password_resets",
    )
    secret = link.rpartition("=")[2]
    assert refusal(lambda: recovery.reset(db, secret, NEW, HOUSE), ResetLinkInvalid)


def test_old_sessions_that_are_deleted_while_an_administrator_leaves(db: Database) -> None:
    """Both look at several users; one of them stands behind a later one in the table."""
    boss, heir = (somebody(db, name, role="admin") for name in ("boss", "heir"))
    past = now() - (REFRESH_SECONDS + 3600) * SECOND
    # As with thousands of users: the plan goes through the table, and not through the index.
    event.listen(db.engine, "connect", _without_nested_loops)
    db.engine.dispose()
    with db.write() as tx:
        # PostgreSQL puts a new version of the row behind all others.
        tx.execute(update(users).where(users.c.id == boss.id).values(email_key="new@example.com"))
        for number, one in enumerate((boss, heir)):
            expired = {"id": first_id(past + number * SECOND), "expires_at": past}
            tx.execute(update(rows).where(rows.c.user_id == one.id).values(**expired))
    works: list[Callable[[], Any]] = [
        lambda: sessions.purge(db, threading.Event()),
        lambda: leave(db, heir),
    ]
    with ThreadPoolExecutor(2) as pool:
        begun: list[Future[Any]] = []
        with db.write() as tx:
            tx.execute(select(users.c.id).where(users.c.id == heir.id).with_for_update())
            for work in works:
                begun.append(pool.submit(work))
                eventually(lambda: how_many_wait(db) == len(begun))
        assert [one.result() for one in begun] == [2, None]
    with db.read() as tx:
        assert tx.execute(select(rows.c.id)).all() == []
