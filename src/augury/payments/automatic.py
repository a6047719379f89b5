"""Automatic top-ups: a customer's standing order to buy credits when few are left."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select, text, update

from augury.audit_log.service import HOUSE, Actor, record
from augury.kit.clock import SECOND, now
from augury.kit.db import Database, ReadTx, WriteTx
from augury.kit.errors import NotFound, invalid
from augury.payments import methods
from augury.payments.desk import Desk
from augury.payments.tables import automatic

# Between two automatic top-ups of a customer, whatever they ended in.
COOL_DOWN_SECONDS = 600
# After a decline the next attempt waits an hour, then six, then a day; then the order rests until
# the customer sets it again.
BACK_OFF_SECONDS = (3600, 6 * 3600, 24 * 3600)
_NEVER = 2**53


@dataclass(frozen=True, slots=True)
class StandingOrder:
    """Buy `credits` with a saved method when fewer than `below` can be spent.

    `monthly_cap_minor` limits what it may cost in a calendar month (UTC). `declines` counts the
    declined payments in a row; before `not_before` nothing is tried.
    """

    user_id: str
    method_id: str
    below: int
    credits: int
    currency: str
    monthly_cap_minor: int
    declines: int
    not_before: int

    @property
    def resting(self) -> bool:
        """Tell whether too many payments were declined for it to go on by itself."""
        return self.declines > len(BACK_OFF_SECONDS)


def set_order(desk: Desk, order: StandingOrder, actor: Actor = HOUSE) -> StandingOrder:
    """Return the standing order as it is from now on; it replaces the one before.

    Raises `NotFound` for a method that is not the customer's, `InvalidInput` when the order could
    never buy anything.
    """
    price = desk.prices.price(order.credits, order.currency)
    if price.amount_minor > order.monthly_cap_minor:
        raise invalid("/monthly_cap_minor", "fault.cap_below_price", least=price.amount_minor)
    with desk.db.write() as tx:
        method = methods.read(tx, order.user_id, order.method_id)
        provider = desk.provider(method.provider)
        if order.currency not in provider.currencies or not provider.saves_methods:
            raise invalid("/currency", "fault.currency_not_taken", provider=method.provider)
        before = tx.execute(select(automatic).where(automatic.c.user_id == order.user_id)).first()
        details = {
            "before": None if before is None else _terms(_order(before)),
            "now": _terms(order),
        }
        record(tx, actor, "automatic_top_up.set", f"user:{order.user_id}", details)
        moment = now()
        latest = moment + COOL_DOWN_SECONDS * SECOND
        tx.execute(_SET, {**_values(order), "updated_at": moment, "latest": latest})
    return order


_SET = text(
    "INSERT INTO automatic_top_ups (user_id, method_id, below, credits, currency,"
    " monthly_cap_minor, declines, not_before, updated_at) VALUES (:user_id, :method_id, :below,"
    " :credits, :currency, :monthly_cap_minor, 0, 0, :updated_at)"
    " ON CONFLICT (user_id) DO UPDATE SET method_id = excluded.method_id, below = excluded.below,"
    " credits = excluded.credits, currency = excluded.currency,"
    " monthly_cap_minor = excluded.monthly_cap_minor, declines = 0,"
    # The patience of before ends, but not the pause between two payments.
    " not_before = CASE WHEN automatic_top_ups.not_before > :latest THEN :latest"
    " ELSE automatic_top_ups.not_before END, updated_at = excluded.updated_at"
)


def _values(order: StandingOrder) -> dict[str, Any]:
    return {
        "user_id": order.user_id,
        "method_id": order.method_id,
        "below": order.below,
        "credits": order.credits,
        "currency": order.currency,
        "monthly_cap_minor": order.monthly_cap_minor,
    }


def _terms(order: StandingOrder) -> dict[str, Any]:
    """Return what the audit log keeps of an order."""
    return {name: value for name, value in _values(order).items() if name != "user_id"}


def order_of(tx: ReadTx, user_id: str) -> StandingOrder:
    """Return a customer's standing order, or raise `NotFound`."""
    row = tx.execute(select(automatic).where(automatic.c.user_id == user_id)).first()
    if row is None:
        raise NotFound
    return _order(row)


def remove_order(db: Database, user_id: str, actor: Actor = HOUSE) -> None:
    """End a customer's standing order; or raise `NotFound`."""
    with db.write() as tx:
        if tx.execute(automatic.delete().where(automatic.c.user_id == user_id)).rowcount == 0:
            raise NotFound
        record(tx, actor, "automatic_top_up.removed", f"user:{user_id}", {})


def due_orders(tx: ReadTx, *, after: str | None, limit: int) -> list[StandingOrder]:
    """Return up to `limit` orders that nothing keeps from acting, by user id above `after`."""
    statement = (
        select(automatic)
        .where(automatic.c.not_before <= now())
        .order_by(automatic.c.user_id)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(automatic.c.user_id > after)
    return [_order(row) for row in tx.execute(statement)]


def begin(tx: WriteTx, order: StandingOrder) -> bool:
    """Start the cool-down of an order; tell whether this call did, and nobody else."""
    moment = now()
    begun = tx.execute(
        update(automatic)
        .where(
            automatic.c.user_id == order.user_id,
            automatic.c.not_before == order.not_before,
            automatic.c.not_before <= moment,
        )
        .values(not_before=moment + COOL_DOWN_SECONDS * SECOND)
    )
    return begun.rowcount == 1


def succeeded(tx: WriteTx, user_id: str) -> None:
    """Forget the declines: the last payment went through."""
    tx.execute(update(automatic).where(automatic.c.user_id == user_id).values(declines=0))


def declined(tx: WriteTx, user_id: str) -> None:
    """Count a declined payment and put the next attempt off, longer each time."""
    row = tx.execute(select(automatic.c.declines).where(automatic.c.user_id == user_id)).first()
    if row is None:
        return
    rests = row.declines >= len(BACK_OFF_SECONDS)
    not_before = _NEVER if rests else now() + BACK_OFF_SECONDS[row.declines] * SECOND
    tx.execute(
        update(automatic)
        .where(automatic.c.user_id == user_id)
        .values(declines=automatic.c.declines + 1, not_before=not_before)
    )


def _order(row: Row[Any]) -> StandingOrder:
    return StandingOrder(
        row.user_id,
        row.method_id,
        row.below,
        row.credits,
        row.currency,
        row.monthly_cap_minor,
        row.declines,
        row.not_before,
    )
