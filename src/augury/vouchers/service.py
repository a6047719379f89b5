"""Batches of vouchers, as administrators make, see and stop them."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row, select, text, update

from augury.audit_log.service import Actor, record
from augury.kit.clock import now
from augury.kit.credits import MAX_CREDITS
from augury.kit.db import Database, ReadTx, WriteTx, insert_rows
from augury.kit.errors import NotFound, invalid
from augury.kit.ids import is_id, new_id
from augury.ledger.refusals import IdempotencyConflict
from augury.vouchers.codes import hash_of, new_code
from augury.vouchers.tables import batches, redemptions, vouchers

Status = Literal["active", "used_up", "expired", "stopped"]


@dataclass(frozen=True, slots=True)
class Offer:
    """What a batch gives and to whom: the limits are numbers of redemptions."""

    name: str
    credits: int
    codes: int
    uses_per_code: int
    uses_per_user: int
    total_uses: int
    expires_at: int | None


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as it is stored; `uses` says how often its codes were redeemed."""

    id: str
    offer: Offer
    uses: int
    stopped_at: int | None
    stopped_by: str | None
    created_by: str
    created_at: int

    @property
    def status(self) -> Status:
        """Whether its codes can be redeemed, and why not."""
        if self.stopped_at is not None:
            return "stopped"
        if self.offer.expires_at is not None and self.offer.expires_at <= now():
            return "expired"
        return "used_up" if self.uses >= self.offer.total_uses else "active"


@dataclass(frozen=True, slots=True)
class Redemption:
    """Who redeemed a code of a batch, and the transfer that it made."""

    id: str
    user_id: str
    transfer_id: str
    created_at: int


def make_batch(
    db: Database, offer: Offer, *, actor: Actor, key: str | None
) -> tuple[Batch, list[str] | None]:
    """Return a new batch with its codes, which nobody can read again.

    With a key that was used for the same offer, return the batch of then, without codes. Raises
    `InvalidInput` or `IdempotencyConflict`.
    """
    moment = now()
    _check(offer, moment)
    codes = [new_code() for _ in range(offer.codes)]
    batch_id, fingerprint = new_id(), _fingerprint(offer)
    row = {
        "id": batch_id,
        "name": offer.name,
        "credits": offer.credits,
        "codes": offer.codes,
        "uses_per_code": offer.uses_per_code,
        "uses_per_user": offer.uses_per_user,
        "total_uses": offer.total_uses,
        "expires_at": offer.expires_at,
        "key": key,
        "fingerprint": fingerprint,
        "created_by": actor.user_id,
        "created_at": moment,
    }
    with db.write() as tx:
        if tx.execute(_INSERT, row).rowcount == 0:
            return _replay(tx, actor, key, fingerprint), None
        stored = [(hash_of(code), batch_id, offer.uses_per_code) for code in codes]
        insert_rows(tx, vouchers, ("code_hash", "batch_id", "uses_left"), stored)
        record(tx, actor, "voucher_batch.made", _subject(batch_id), _told(offer))
        return _read(tx, batch_id), codes


_INSERT = text(
    "INSERT INTO voucher_batches (id, name, credits, codes, uses_per_code, uses_per_user,"
    " total_uses, uses_left, expires_at, key, fingerprint, created_by, created_at) VALUES (:id,"
    " :name, :credits, :codes, :uses_per_code, :uses_per_user, :total_uses, :total_uses,"
    " :expires_at, :key, :fingerprint, :created_by, :created_at) ON CONFLICT DO NOTHING"
)


def _check(offer: Offer, moment: int) -> None:
    if offer.expires_at is not None and offer.expires_at <= moment:
        raise invalid("/expires_at", "fault.voucher_expiry")
    most = offer.codes * offer.uses_per_code
    if not 1 <= offer.total_uses <= most:
        raise invalid("/total_uses", "fault.voucher_uses", most=most)
    if offer.total_uses * offer.credits > MAX_CREDITS:
        raise invalid("/credits", "fault.voucher_credits", most=MAX_CREDITS)


def _subject(batch_id: str) -> str:
    return f"voucher_batch:{batch_id}"


def _told(offer: Offer) -> dict[str, int | None]:
    """Return the numbers of an offer; its name may tell of people."""
    return {name: getattr(offer, name) for name in Offer.__slots__ if name != "name"}


def _fingerprint(offer: Offer) -> str:
    facts = [getattr(offer, name) for name in Offer.__slots__]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _replay(tx: WriteTx, actor: Actor, key: str | None, fingerprint: str) -> Batch:
    found = tx.execute(
        select(batches.c.id, batches.c.fingerprint).where(
            batches.c.created_by == actor.user_id, batches.c.key == key
        )
    ).one()
    if found.fingerprint != fingerprint:
        raise IdempotencyConflict
    return _read(tx, found.id)


def list_batches(db: Database, *, limit: int, before: str | None = None) -> list[Batch]:
    """Return up to `limit` batches, newest first, with ids below `before`."""
    statement = select(batches).order_by(batches.c.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(batches.c.id < before)
    with db.read() as tx:
        return [_batch(row) for row in tx.execute(statement)]


def find_batch(
    db: Database, batch_id: str, *, limit: int, before: str | None = None
) -> tuple[Batch, list[Redemption]]:
    """Return a batch and up to `limit` of its redemptions, newest first, with ids below `before`.

    Raises `NotFound`.
    """
    statement = (
        select(
            redemptions.c.id,
            redemptions.c.user_id,
            redemptions.c.transfer_id,
            redemptions.c.created_at,
        )
        .where(redemptions.c.batch_id == batch_id)
        .order_by(redemptions.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(redemptions.c.id < before)
    with db.read() as tx:
        return _read(tx, batch_id), [Redemption(*row) for row in tx.execute(statement)]


def stop_batch(db: Database, batch_id: str, actor: Actor) -> Batch:
    """Return the batch, of which no code can be redeemed any more; raises `NotFound`."""
    with db.write() as tx:
        found = _read(tx, batch_id)
        stopped = tx.execute(
            update(batches)
            .where(batches.c.id == found.id, batches.c.stopped_at.is_(None))
            .values(stopped_at=now(), stopped_by=actor.user_id)
        )
        if stopped.rowcount == 1:
            record(tx, actor, "voucher_batch.stopped", _subject(batch_id), {"uses": found.uses})
        return _read(tx, batch_id)


def _read(tx: ReadTx, batch_id: str) -> Batch:
    if not is_id(batch_id):
        raise NotFound
    row = tx.execute(select(batches).where(batches.c.id == batch_id)).first()
    if row is None:
        raise NotFound
    return _batch(row)


def _batch(row: Row[Any]) -> Batch:
    return Batch(
        row.id,
        Offer(**{name: getattr(row, name) for name in Offer.__slots__}),
        row.total_uses - row.uses_left,
        row.stopped_at,
        row.stopped_by,
        row.created_by,
        row.created_at,
    )
