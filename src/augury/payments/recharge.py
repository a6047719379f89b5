"""Carries out standing orders: charges saved methods of customers who have few credits left.

A payment is begun at most once a cool-down, never beside another automatic one, and never while
the customer has a checkout open: nobody pays twice for one shortage.
"""

from datetime import UTC, datetime

from sqlalchemy import func, select

from augury.audit_log.service import Actor
from augury.kit.clock import SECOND, now
from augury.kit.db import ReadTx
from augury.kit.errors import NotFound
from augury.kit.ids import new_id
from augury.kit.log import logger
from augury.ledger import service as ledger
from augury.ledger.closing import require_open
from augury.payments import automatic, methods, top_ups
from augury.payments.automatic import StandingOrder
from augury.payments.desk import Desk
from augury.payments.providers.protocol import (
    Buyer,
    Event,
    Payment,
    PaymentState,
    ProviderRefused,
    ProviderUnavailable,
)
from augury.payments.settle import settle
from augury.payments.tables import top_ups as rows
from augury.payments.values import TopUp
from augury.users import service as users

_AT_ONCE = 500


def recharge_due(desk: Desk) -> int:
    """Begin a payment for every customer whose standing order asks for one; return how many."""
    begun = 0
    after: str | None = None
    while True:
        with desk.db.read() as tx:
            orders = automatic.due_orders(tx, after=after, limit=_AT_ONCE)
            balances = ledger.balances(tx, [order.user_id for order in orders])
        if not orders:
            return begun
        after = orders[-1].user_id
        for order in orders:
            balance = balances.get(order.user_id)
            if balance is not None and balance.available < order.below:
                begun += _recharge(desk, order)


def _recharge(desk: Desk, order: StandingOrder) -> bool:
    try:
        top_up = _begin(desk, order)
        if top_up is not None:
            pay(desk, top_up)
    except ProviderUnavailable:
        # Nothing is known of what came of it; the reconciliation asks until it is.
        logger("payments").warning("provider_unavailable", user_id=order.user_id)
        return True
    except Exception as error:  # noqa: BLE001 -- one customer's trouble must not stop the others
        logger("payments").error("recharge_failed", user_id=order.user_id, reason=str(error))
        return False
    return top_up is not None


def _begin(desk: Desk, order: StandingOrder) -> TopUp | None:
    """Store the top-up that the order asks for, unless something speaks against it."""
    if users.user(desk.db, order.user_id).status != "active":
        return None
    with desk.db.write() as tx:
        require_open(tx, order.user_id)
        try:
            # Before the order, as whoever sets or removes one locks them: nobody waits in a circle.
            method = methods.read(tx, order.user_id, order.method_id)
        except NotFound:  # forgotten a moment ago, and the order with it
            return None
        if not automatic.begin(tx, order) or _is_paying(tx, order.user_id):
            return None
        money = desk.prices.price(order.credits, order.currency)
        if _spent_this_month(tx, order) + money.amount_minor > order.monthly_cap_minor:
            return None
        if method.provider not in desk.providers:
            return None
        moment = now()
        top_up_id = new_id()
        row = {
            "id": top_up_id,
            "user_id": order.user_id,
            "origin": "automatic",
            "provider": method.provider,
            "credits": order.credits,
            "amount_minor": money.amount_minor,
            "currency": money.currency,
            "method_id": method.id,
            "save_method": False,
            "key": None,
            "fingerprint": None,
            "check_at": moment + desk.check_seconds * SECOND,
            "created_at": moment,
            "expires_at": moment + top_ups.PATIENCE_SECONDS * SECOND,
        }
        return top_ups.read(tx, top_up_id) if top_ups.insert(tx, row) else None


def _is_paying(tx: ReadTx, user_id: str) -> bool:
    """Tell whether a checkout is open, or an automatic payment undecided, however old."""
    alive = (rows.c.expires_at > now()) | (rows.c.origin == "automatic")
    found = tx.execute(
        select(rows.c.id)
        .where(rows.c.user_id == user_id, rows.c.status == "pending", alive)
        .limit(1)
    )
    return found.first() is not None


def _spent_this_month(tx: ReadTx, order: StandingOrder) -> int:
    """Return what automatic top-ups of this month cost, with those that are not decided yet."""
    first = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    spent = tx.execute(
        select(func.coalesce(func.sum(rows.c.amount_minor), 0)).where(
            rows.c.user_id == order.user_id,
            rows.c.origin == "automatic",
            rows.c.currency == order.currency,
            rows.c.status.in_(["pending", "succeeded", "refunded", "expired"]),
            rows.c.created_at >= int(first.timestamp()) * SECOND,
        )
    )
    return int(spent.scalar_one())


def pay(desk: Desk, top_up: TopUp, asker: Actor | None = None) -> None:
    """Charge the saved method for a pending automatic top-up, once however often it is asked.

    Raises `ProviderUnavailable` when nothing is known of what came of it: then it stays pending,
    and must be asked again.
    """
    with desk.db.read() as tx:
        method = methods.reference_of(tx, top_up.method_id or "")
    user = users.user(desk.db, top_up.user_id)
    try:
        top_up = top_ups.launch(desk, top_up, Buyer(email=user.email), user.language, method)
    except ProviderRefused as refusal:
        _declined(desk, top_up, refusal, asker)
        return
    with desk.asking(top_up.provider) as provider:
        payment = provider.find(top_up.reference or "", top_up.money)
    if payment is not None:
        settle(desk.db, top_up.provider, Event(_event_id(payment), payment), asker)


def _event_id(payment: Payment) -> str:
    return f"asked:{payment.top_up_id}:{payment.state}"


def _declined(desk: Desk, top_up: TopUp, refusal: ProviderRefused, asker: Actor | None) -> None:
    reason = str(refusal.values.get("reason", refusal.code))
    payment = Payment(
        top_up.reference or "", top_up.id, PaymentState.FAILED, top_up.money, reason=reason
    )
    settle(desk.db, top_up.provider, Event(_event_id(payment), payment), asker)
