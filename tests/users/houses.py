"""What tests of people's own accounts share: a house that sends mail, and what it would send."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from augury.audit_log.service import AuditEvent, events
from augury.bootstrap import House
from augury.notices.sealing import sealer_of
from augury.notices.service import Letter
from augury.notices.tables import deliveries
from support.databases import postgres_database, sqlite_database
from support.houses import PASSWORD, findings, open_house, settings_for

Opened = tuple[TestClient, House]
NOBODY_LISTENS = {"smtp_url": "smtp://127.0.0.1:9", "mail_from": "augury@example.com"}


@contextmanager
def house_on(request: pytest.FixtureRequest, folder: Path, **settings: Any) -> Iterator[Opened]:
    """Open a house on the database of this round; in the end its books are right."""
    if request.param == "sqlite":
        with _opened(sqlite_database(folder), folder, settings) as pair:
            yield pair
    else:
        with (
            postgres_database(request.getfixturevalue("postgres")) as url,
            _opened(url, folder, settings) as pair,
        ):
            yield pair


@contextmanager
def _opened(url: str, folder: Path, settings: dict[str, Any]) -> Iterator[Opened]:
    with open_house(settings_for(url, folder, **settings)) as pair:
        yield pair
    assert findings(url) == []


def tokens(client: TestClient, name: str, password: str = PASSWORD, agent: str = "") -> Any:
    """Return the answer to a sign-in."""
    form = {"username": name, "password": password}
    return client.post("/v1/auth/token", data=form, headers={"User-Agent": agent})


def refreshed(client: TestClient, refresh_token: str) -> int:
    """Return the status of the answer to a refresh token."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return client.post("/v1/auth/token", data=form).status_code


def bearing(answer: Any) -> dict[str, str]:
    """Return the headers that speak for whoever has signed in."""
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def letters(house: House, user_id: str) -> list[tuple[str, Letter, str]]:
    """Return a user's e-mails, oldest first: kind, letter, and the secret in it."""
    found = (
        select(deliveries)
        .where(deliveries.c.user_id == user_id, deliveries.c.channel == "mail")
        .order_by(deliveries.c.id)
    )
    sealer = sealer_of(house.settings)
    told = []
    with house.db.read() as tx:
        for row in tx.execute(found):
            letter = msgspec.json.decode(row.body, type=Letter)
            secret = sealer.open(letter.sealed, user_id) if letter.sealed else ""
            told.append((row.event_type, letter, secret))
    return told


def log_of(house: House, user_id: str) -> list[AuditEvent]:
    """Return what the audit log has of a user, newest first."""
    with house.db.read() as tx:
        return events(tx, limit=100, subject=f"user:{user_id}")
