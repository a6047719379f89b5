"""Reconciliation: asks providers about what they have not told us.

A notification may be lost, or our answer to it may be; a process may die between the provider's
"paid" and our commit. So every top-up and every refund that is not decided is asked about, at first
soon and then less and less often, and an unpaid one expires only after the provider was asked.
"""

from collections.abc import Callable

from sqlalchemy import Table, select, update

from augury.kit.clock import SECOND, now
from augury.kit.db import Database
from augury.kit.errors import Refusal
from augury.kit.log import logger
from augury.payments import recharge, refunds, top_ups
from augury.payments.desk import Desk
from augury.payments.providers.protocol import Event, PaymentState, ProviderUnavailable
from augury.payments.settle import settle
from augury.payments.tables import refunds as refund_rows
from augury.payments.tables import top_ups as rows
from augury.payments.values import TopUp

_AT_ONCE = 100
_LONGEST_PAUSE_SECONDS = 6 * 3600
# Money may come late: for so long an expired or failed top-up is asked about still.
_LATE_SECONDS = 7 * 24 * 3600


def reconcile_due(desk: Desk) -> int:
    """Ask about every top-up and refund whose time has come; return how many were asked about."""
    return _each_due(desk, rows, check_top_up) + _each_due(desk, refund_rows, _check_refund)


def _each_due(desk: Desk, table: Table, check: Callable[[Desk, str], None]) -> int:
    asked = 0
    for id_ in _claim(desk, table):
        try:
            check(desk, id_)
        except ProviderUnavailable:
            logger("payments").warning("provider_unavailable", subject=id_)
        except Exception as error:  # noqa: BLE001 -- one payment's trouble must not stop the others
            code = error.code if isinstance(error, Refusal) else repr(error)
            logger("payments").error("reconciliation_failed", subject=id_, reason=code)
        asked += 1
    return asked


def _claim(desk: Desk, table: Table) -> list[str]:
    """Return what is due, each to one process only; its next time is set before it is asked."""
    claimed = []
    with desk.db.write() as tx:
        moment = now()
        due = tx.execute(
            select(table.c.id, table.c.check_at, table.c.checks)
            .where(table.c.check_at <= moment)
            .order_by(table.c.check_at)
            .limit(_AT_ONCE)
        ).all()
        for row in due:
            pause = min(desk.check_seconds * 2**row.checks, _LONGEST_PAUSE_SECONDS)
            taken = tx.execute(
                update(table)
                .where(table.c.id == row.id, table.c.check_at == row.check_at)
                .values(check_at=moment + pause * SECOND, checks=table.c.checks + 1)
            )
            if taken.rowcount:
                claimed.append(row.id)
    return claimed


def _check_refund(desk: Desk, refund_id: str) -> None:
    refunds.carry_out(desk, refund_id)


def check_top_up(desk: Desk, top_up_id: str) -> None:
    """Ask the provider about a top-up and settle it by the answer.

    Raises `NotFound`, `ProviderUnavailable` or `NotificationRefused` when the payment differs.
    """
    with desk.db.read() as tx:
        top_up = top_ups.read(tx, top_up_id)
    provider = desk.providers.get(top_up.provider)
    if provider is None:
        return  # switched off; it is asked about when it is back
    if top_up.reference is None:
        # A checkout whose address nobody ever got cannot be paid. A charge may have been made.
        if top_up.origin == "automatic" and top_up.status == "pending":
            recharge.pay(desk, top_up)
        _expire(desk.db, top_up)
        return
    payment = provider.find(top_up.reference, top_up.money)
    if payment is not None and payment.state is not PaymentState.PENDING:
        event_id = f"asked:{top_up.id}:{payment.state}"
        settle(desk.db, top_up.provider, Event(event_id, payment))
    _expire(desk.db, top_up)


def _expire(db: Database, top_up: TopUp) -> None:
    """Expire an unpaid top-up whose time is over; in the end, stop asking about it."""
    moment = now()
    if top_up.expires_at > moment:
        return
    over = top_up.expires_at + _LATE_SECONDS * SECOND <= moment
    with db.write() as tx:
        tx.execute(
            update(rows)
            .where(rows.c.id == top_up.id, rows.c.status == "pending")
            .values(status="expired", completed_at=moment)
        )
        if over:
            tx.execute(
                update(rows)
                .where(rows.c.id == top_up.id, rows.c.transfer_id.is_(None))
                .values(check_at=None)
            )
