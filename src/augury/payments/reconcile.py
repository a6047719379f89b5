"""Reconciliation: asks providers about what they have not told us.

A notification may be lost, or our answer to it may be; a process may die between the provider's
"paid" and our commit. So every top-up and every refund that is not decided is asked about, at first
soon and then less and less often, and an unpaid one expires only after the provider was asked.
"""

from collections.abc import Callable

from sqlalchemy import Select, Table, select, update

from augury.audit_log.service import Actor, record
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
_UNDECIDED_SECONDS = 24 * 3600


def reconcile_due(desk: Desk) -> int:
    """Ask about every top-up and refund whose time has come; return how many were due."""
    of_top_ups = _claim(desk, rows, select(rows.c.id, rows.c.provider))
    joined = select(refund_rows.c.id, rows.c.provider).join(rows)
    of_refunds = _claim(desk, refund_rows, joined)
    _ask_about(desk, of_refunds, _check_refund)
    _ask_about(desk, of_top_ups, check_top_up)
    return len(of_refunds) + len(of_top_ups)


def _ask_about(desk: Desk, due: list[tuple[str, str]], check: Callable[[Desk, str], None]) -> None:
    """Check each `(id, provider)`; who is silent once is not waited for again in this round."""
    silent = set()
    for id_, provider in due:
        if provider in silent:
            continue
        try:
            check(desk, id_)
        except ProviderUnavailable:
            logger("payments").warning("provider_unavailable", provider=provider, subject=id_)
            silent.add(provider)
        except Exception as error:  # noqa: BLE001 -- one payment's trouble must not stop the others
            code = error.code if isinstance(error, Refusal) else repr(error)
            logger("payments").error("reconciliation_failed", subject=id_, reason=code)


def _claim(desk: Desk, table: Table, subjects: Select[str, str]) -> list[tuple[str, str]]:
    """Return `(id, provider)` of what is due, each to one process only.

    Its next time is set before it is asked about, so a process that dies holds nothing up.
    """
    claimed = []
    with desk.db.write() as tx:
        moment = now()
        due = tx.execute(
            subjects.add_columns(table.c.check_at, table.c.checks)
            .where(table.c.check_at <= moment)
            .order_by(table.c.check_at)
            .limit(_AT_ONCE)
        ).all()
        # In the order of their ids, so that two processes never wait for each other in a circle.
        for id_, provider, check_at, checks in sorted(due):
            pause = min(desk.check_seconds * 2**checks, _LONGEST_PAUSE_SECONDS)
            taken = tx.execute(
                update(table)
                .where(table.c.id == id_, table.c.check_at == check_at)
                .values(check_at=moment + pause * SECOND, checks=table.c.checks + 1)
            )
            if taken.rowcount:
                claimed.append((id_, provider))
    return claimed


def _check_refund(desk: Desk, refund_id: str) -> None:
    refunds.carry_out(desk, refund_id)


def check_top_up(desk: Desk, top_up_id: str, asker: Actor | None = None) -> None:
    """Ask the provider about a top-up and settle it by the answer.

    An administrator who asked for it stands in the audit log if that changed the top-up's status.
    Raises `NotFound`, `ProviderUnavailable` or `NotificationRefused` when the payment differs.
    """
    with desk.db.read() as tx:
        top_up = top_ups.read(tx, top_up_id)
    if top_up.provider not in desk.providers:
        return  # switched off; it is asked about when it is back
    if top_up.reference is None and top_up.origin == "automatic":
        # The charge may have been made. Until the provider tells, nothing may take its place.
        if top_up.status == "pending":
            _flag_undecided(desk.db, top_up)
            recharge.pay(desk, top_up, asker)
        return
    if top_up.reference is None:
        _expire(desk.db, top_up, asker)  # a checkout whose address nobody ever got cannot be paid
        return
    with desk.asking(top_up.provider) as provider:
        payment = provider.find(top_up.reference, top_up.money)
    if payment is not None and payment.state is not PaymentState.PENDING:
        event_id = f"asked:{top_up.id}:{payment.state}"
        settle(desk.db, top_up.provider, Event(event_id, payment), asker)
    _expire(desk.db, top_up, asker)


def _flag_undecided(db: Database, top_up: TopUp) -> None:
    """Show administrators a charge of which nobody knows for a day whether it was made."""
    if top_up.created_at + _UNDECIDED_SECONDS * SECOND < now():
        with db.write() as tx:
            tx.execute(update(rows).where(rows.c.id == top_up.id).values(attention="undecided"))


def _expire(db: Database, top_up: TopUp, asker: Actor | None) -> None:
    """Expire an unpaid top-up whose time is over; in the end, stop asking about it."""
    moment = now()
    if top_up.expires_at > moment:
        return
    over = top_up.expires_at + _LATE_SECONDS * SECOND <= moment
    with db.write() as tx:
        expired = tx.execute(
            update(rows)
            .where(rows.c.id == top_up.id, rows.c.status == "pending")
            .values(status="expired", completed_at=moment)
        )
        if asker is not None and expired.rowcount == 1:
            details = {"from": "pending", "to": "expired"}
            record(tx, asker, "top_up.checked", f"top_up:{top_up.id}", details)
        if over:
            tx.execute(
                update(rows)
                .where(rows.c.id == top_up.id, rows.c.transfer_id.is_(None))
                .values(check_at=None)
            )
