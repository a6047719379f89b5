"""Endpoints: the addresses of customers' servers that hear of events."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
from sqlalchemy import ColumnElement, func, insert, literal, select, update

from augury.kit.clock import SECOND, now
from augury.kit.db import Database, Id, Int64, WriteTx
from augury.kit.errors import NotFound, Refusal, invalid
from augury.kit.ids import is_id, new_id
from augury.notices.addresses import Network, names_private
from augury.notices.sealing import Sealer
from augury.notices.service import EventType
from augury.notices.signing import new_secret
from augury.notices.tables import endpoints

MOST_ENDPOINTS = 10
LONGEST_URL = 1000
# Removed ones stay for the deliveries that name them, so that adding and removing has to be slow.
_MOST_A_DAY = 50
_DAY = 24 * 3600 * SECOND
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*|[0-9a-f:.]*:[0-9a-f:.]*")
_MOST_PORT = 65535
_RESEALED_AT_ONCE = 500


class TooManyEndpoints(Refusal):
    """The customer has as many endpoints as there may be, or added as many in a day."""

    code = "too_many_endpoints"
    status = 409


class EndpointDisabled(Refusal):
    """Nothing is sent to this endpoint at the moment."""

    code = "endpoint_disabled"
    status = 409


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address that hears of events; `failures` counts deliveries given up in a row."""

    id: str
    url: str
    events: tuple[str, ...]
    status: str
    failures: int
    created_at: int


# What else belongs into the transaction that changes an endpoint, given its id.
Also = Callable[[WriteTx, str], None]


def _nothing(_tx: WriteTx, _endpoint_id: str) -> None:
    """Add nothing."""


def add(
    db: Database,
    sealer: Sealer,
    permitted: Sequence[Network],
    user_id: str,
    url: str,
    events: Sequence[EventType],
    also: Also = _nothing,
) -> tuple[Endpoint, str]:
    """Return a new endpoint and its secret, which nobody is shown again.

    Raises `InvalidInput` or `TooManyEndpoints`.
    """
    address = _checked(url, permitted)
    id_, secret, moment = new_id(), new_secret(), now()
    wanted = tuple(dict.fromkeys(event.value for event in events))
    given: dict[str, Any] = {
        "id": literal(id_, Id),
        "user_id": literal(user_id, Id),
        "url": literal(address),
        "events": literal(f" {' '.join(wanted)} "),
        "sealed_secret": literal(sealer.seal(secret, id_)),
        "status": literal("active"),
        "failures": literal(0),
        "created_at": literal(moment, Int64),
    }
    mine = endpoints.c.user_id == user_id
    with db.write() as tx:
        one_at_a_time(tx, user_id)
        added = tx.execute(
            insert(endpoints)
            .from_select(
                list(given),
                select(*given.values()).where(
                    _count(mine, endpoints.c.removed_at.is_(None)) < MOST_ENDPOINTS,
                    _count(mine, endpoints.c.created_at > moment - _DAY) < _MOST_A_DAY,
                ),
            )
            .returning(endpoints.c.id)
        ).first()
        if added is None:
            raise TooManyEndpoints(most=MOST_ENDPOINTS, most_a_day=_MOST_A_DAY)
        also(tx, id_)
    return Endpoint(id_, address, wanted, "active", 0, moment), secret


def _count(*conditions: ColumnElement[bool]) -> Any:
    return select(func.count()).select_from(endpoints).where(*conditions).scalar_subquery()


def one_at_a_time(tx: WriteTx, user_id: str) -> None:
    """Let the customer's other transactions of this kind wait until this one has ended.

    A limit counts rows that two could otherwise add at once. On SQLite nobody else writes anyway.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(user_id, 0))))


def _checked(url: str, permitted: Sequence[Network]) -> str:
    """Return a URL in its plain form, or raise `InvalidInput` that says what is wrong with it."""
    try:
        parsed = httpx2.URL(url)
        host = parsed.raw_host.decode("ascii")
    except (httpx2.InvalidURL, ValueError):
        raise invalid("/url", "fault.webhook_url") from None
    if parsed.userinfo:
        raise invalid("/url", "fault.webhook_url_credentials")
    odd = (
        parsed.scheme not in {"http", "https"}
        or not _HOST.fullmatch(host)
        or not 1 <= (parsed.port or 1) <= _MOST_PORT
        or parsed.port == 0
        or "#" in url
        or len(str(parsed)) > LONGEST_URL
    )
    if odd:
        raise invalid("/url", "fault.webhook_url")
    if names_private(host, permitted):
        raise invalid("/url", "fault.webhook_url_private", host=host)
    return str(parsed)


def listed(db: Database, user_id: str) -> list[Endpoint]:
    """Return a customer's endpoints, newest first."""
    with db.read() as tx:
        rows = tx.execute(
            select(endpoints)
            .where(endpoints.c.user_id == user_id, endpoints.c.removed_at.is_(None))
            .order_by(endpoints.c.id.desc())
        )
        return [_endpoint(row) for row in rows]


def find(db: Database, user_id: str, endpoint_id: str) -> Endpoint:
    """Return a customer's endpoint; somebody else's, or a removed one, raises `NotFound`."""
    with db.read() as tx:
        row = tx.execute(select(endpoints).where(*present(user_id, endpoint_id))).first()
    if row is None:
        raise NotFound
    return _endpoint(row)


def remove(db: Database, user_id: str, endpoint_id: str, also: Also = _nothing) -> None:
    """Take an endpoint away; what waits for it is given up. Raises `NotFound`."""
    with db.write() as tx:
        removed = tx.execute(
            update(endpoints)
            .where(*present(user_id, endpoint_id))
            .values(removed_at=now(), status="disabled")
        )
        if removed.rowcount == 0:
            raise NotFound
        also(tx, endpoint_id)


def remove_all(tx: WriteTx, user_id: str) -> int:
    """Take all of a customer's endpoints away and return how many there were."""
    mine = select(endpoints.c.id).where(
        endpoints.c.user_id == user_id, endpoints.c.removed_at.is_(None)
    )
    # In the order of their ids, so that nobody who records deliveries waits for it in a circle.
    in_order = mine.order_by(endpoints.c.id).with_for_update(key_share=True)
    ids = tx.execute(in_order).scalars().all()
    removed = update(endpoints).where(endpoints.c.id.in_(ids))
    return tx.execute(removed.values(removed_at=now(), status="disabled")).rowcount


def enable(db: Database, user_id: str, endpoint_id: str, also: Also = _nothing) -> Endpoint:
    """Return the endpoint, which hears of events again and has a clean slate."""
    with db.write() as tx:
        row = tx.execute(
            update(endpoints)
            .where(*present(user_id, endpoint_id))
            .values(status="active", failures=0, failing_since=None)
            .returning(endpoints)
        ).first()
        if row is None:
            raise NotFound
        also(tx, endpoint_id)
        return _endpoint(row)


def present(user_id: str, endpoint_id: str) -> tuple[ColumnElement[bool], ...]:
    """Return what finds a customer's own endpoint that is not removed, or raise `NotFound`."""
    if not is_id(endpoint_id):
        raise NotFound
    return (
        endpoints.c.id == endpoint_id,
        endpoints.c.user_id == user_id,
        endpoints.c.removed_at.is_(None),
    )


def reseal(db: Database, sealer: Sealer) -> int:
    """Seal every secret under the present key; return how many were not.

    Afterwards the previous key can be forgotten.
    """
    changed, after = 0, "00000000-0000-0000-0000-000000000000"
    while True:
        with db.read() as tx:
            rows = tx.execute(
                select(endpoints.c.id, endpoints.c.sealed_secret)
                .where(endpoints.c.id > after)
                .order_by(endpoints.c.id)
                .limit(_RESEALED_AT_ONCE)
            ).all()
        if not rows:
            return changed
        after = rows[-1].id
        renewed = [(row, sealer.renewed(row.sealed_secret)) for row in rows]
        stale = [(row, sealed) for row, sealed in renewed if sealed is not None]
        if stale:
            with db.write() as tx:
                for row, sealed in stale:
                    changed += _replace(tx, row, sealed)


def _replace(tx: WriteTx, row: Any, sealed: str) -> int:
    changed = tx.execute(
        update(endpoints)
        .where(endpoints.c.id == row.id, endpoints.c.sealed_secret == row.sealed_secret)
        .values(sealed_secret=sealed)
    )
    return changed.rowcount


def _endpoint(row: Any) -> Endpoint:
    events = tuple(row.events.split())
    return Endpoint(row.id, row.url, events, row.status, row.failures, row.created_at)
