"""Saved payment methods: what a provider may charge again, with the customer's consent."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select, text, update

from augury.audit_log.service import HOUSE, Actor, record
from augury.kit.clock import now
from augury.kit.db import Database, ReadTx, WriteTx
from augury.kit.errors import NotFound
from augury.kit.ids import new_id
from augury.payments.providers.protocol import SavedMethod
from augury.payments.tables import automatic, methods


@dataclass(frozen=True, slots=True)
class Method:
    """A saved payment method; `reference` is the provider's, and shown to nobody."""

    id: str
    user_id: str
    provider: str
    reference: str
    title: str
    created_at: int


def save(tx: WriteTx, user_id: str, provider: str, saved: SavedMethod) -> None:
    """Remember a payment method; one that was removed comes back."""
    tx.execute(
        text(
            "INSERT INTO payment_methods (id, user_id, provider, reference, title, created_at)"
            " VALUES (:id, :user_id, :provider, :reference, :title, :created_at)"
            " ON CONFLICT (user_id, provider, reference)"
            " DO UPDATE SET removed_at = NULL, title = excluded.title"
        ),
        {
            "id": new_id(),
            "user_id": user_id,
            "provider": provider,
            "reference": saved.reference,
            "title": saved.title[:64],
            "created_at": now(),
        },
    )


def read(tx: ReadTx, user_id: str, method_id: str) -> Method:
    """Return a user's payment method, which stays until the transaction ends; or `NotFound`."""
    row = tx.execute(
        select(methods)
        .where(
            methods.c.id == method_id,
            methods.c.user_id == user_id,
            methods.c.removed_at.is_(None),
        )
        .with_for_update()
    ).first()
    if row is None:
        raise NotFound
    return _method(row)


def reference_of(tx: ReadTx, method_id: str) -> str:
    """Return the provider's name of a method, also of one that was removed since.

    A charge that was begun with it may have been made: one has to be able to ask.
    """
    found = tx.execute(select(methods.c.reference).where(methods.c.id == method_id))
    return str(found.scalar_one())


def list_methods(db: Database, user_id: str) -> list[Method]:
    """Return a user's payment methods, newest first; the last hundred at the most."""
    statement = (
        select(methods)
        .where(methods.c.user_id == user_id, methods.c.removed_at.is_(None))
        .order_by(methods.c.id.desc())
        .limit(100)
    )
    with db.read() as tx:
        return [_method(row) for row in tx.execute(statement)]


def remove(db: Database, user_id: str, method_id: str, actor: Actor = HOUSE) -> None:
    """Forget a payment method, and the automatic top-ups that used it; or raise `NotFound`."""
    with db.write() as tx:
        removed = tx.execute(
            update(methods)
            .where(
                methods.c.id == method_id,
                methods.c.user_id == user_id,
                methods.c.removed_at.is_(None),
            )
            .values(removed_at=now())
        )
        if removed.rowcount == 0:
            raise NotFound
        details = {"method": method_id}
        record(tx, actor, "payment_method.removed", f"user:{user_id}", details)
        tx.execute(
            automatic.delete().where(
                automatic.c.user_id == user_id, automatic.c.method_id == method_id
            )
        )


def _method(row: Row[Any]) -> Method:
    return Method(row.id, row.user_id, row.provider, row.reference, row.title, row.created_at)
