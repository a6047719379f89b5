"""What a provider says becomes truth here: a payment is settled once, and credits follow.

The state of the top-up is flipped first, by a statement that only one can win, and the winner
credits in the same transaction. Duplicates, late and reordered notifications lose that race and
change nothing.
"""

from sqlalchemy import select, text, update

from augury.audit_log.service import Actor, record
from augury.kit.clock import now
from augury.kit.db import Database, ReadTx, WriteTx
from augury.kit.errors import NotFound
from augury.kit.ids import is_id, new_id
from augury.kit.log import logger
from augury.ledger import service as ledger
from augury.ledger.core import Instruction, Posted, Refused, TransferType
from augury.ledger.refusals import AccountClosed, BalanceTooLarge
from augury.notices.service import EventType
from augury.payments import automatic, methods, top_ups
from augury.payments.desk import Desk
from augury.payments.providers.protocol import (
    Event,
    Notification,
    NotificationRefused,
    Payment,
    PaymentState,
)
from augury.payments.tables import notifications
from augury.payments.tables import top_ups as rows
from augury.payments.tell import tell
from augury.payments.values import TopUp

# What can come of an event. Stored with it, for whoever has to explain it.
SETTLED = "settled"
FAILED = "failed"
NOTED = "noted"
ALREADY = "already_settled"
DIFFERS = "payment_differs"
REFUNDED_ELSEWHERE = "refunded_elsewhere"


def receive(desk: Desk, provider_name: str, notification: Notification) -> str:
    """Return what came of a notification to the webhook endpoint.

    Raises `NotFound` when the provider is off, `NotificationRefused`, or `ProviderUnavailable`; the
    provider then sends it again, or the reconciliation asks.
    """
    if provider_name not in desk.providers:
        raise NotFound
    with desk.asking(provider_name) as provider:
        event = provider.read(notification)
        if event is None:
            return NOTED
        if event.payment.needs_confirmation:
            with desk.db.read() as tx:
                top_up = _bound(tx, provider_name, event.payment)
            if top_up is not None:
                confirmed = provider.find(event.payment.reference, top_up.money)
                event = Event(event.id, confirmed or event.payment)
    return settle(desk.db, provider_name, event)


def settle(db: Database, provider_name: str, event: Event, asker: Actor | None = None) -> str:
    """Return what came of a verified event, carrying it out unless that was done before.

    An administrator who asked for it stands in the audit log if it changed the top-up's status.
    Raises `NotificationRefused` when the payment is not the one that the top-up asked for: another
    provider, payment, amount or currency. Then nothing is credited, and administrators see it.
    """
    try:
        with db.write() as tx:
            outcome = _settle_for(tx, provider_name, event, asker)
    except (BalanceTooLarge, AccountClosed) as refusal:
        # Paid, and cannot be credited: the provider's repetitions and an administrator will see.
        with db.write() as tx:
            _flag(tx, event.payment.top_up_id, refusal.code)
        raise
    if outcome in (DIFFERS, None):
        logger("payments").error(
            "notification_refused",
            provider=provider_name,
            event_id=event.id,
            top_up_id=event.payment.top_up_id,
            outcome=outcome or "unknown_top_up",
        )
        raise NotificationRefused
    return outcome


def _settle_for(tx: WriteTx, provider_name: str, event: Event, asker: Actor | None) -> str | None:
    """Settle, and write down what an administrator's question changed."""
    id_ = event.payment.top_up_id
    if asker is None or not is_id(id_):
        return _settle(tx, provider_name, event)
    # Locked: what a notification changes at this instant is not the administrator's doing.
    status = select(rows.c.status).where(rows.c.id == id_)
    before = tx.execute(status.with_for_update()).scalar()
    outcome = _settle(tx, provider_name, event)
    after = tx.execute(status).scalar()
    if after != before:
        details = {"from": before, "to": after}
        record(tx, asker, "top_up.checked", f"top_up:{id_}", details)
    return outcome


def _settle(tx: WriteTx, provider_name: str, event: Event) -> str | None:
    """Return the outcome, or nothing when there is no such top-up."""
    payment = event.payment
    stored = tx.execute(
        select(notifications.c.outcome).where(
            notifications.c.provider == provider_name, notifications.c.event_id == event.id
        )
    ).scalar()
    # What differed once may be right the next time: a provider can be wrong, too.
    if stored is not None and stored != DIFFERS:
        return str(stored)
    if _known(tx, payment) is None:
        return None
    top_up = _bound(tx, provider_name, payment)
    if top_up is None:
        outcome = DIFFERS
        _flag(tx, payment.top_up_id, DIFFERS)
    else:
        outcome = _carry_out(tx, top_up, payment)
    # Two at the same instant: one of them waits here, and finds its work done by the other.
    tx.execute(
        text(
            "INSERT INTO payment_notifications (provider, event_id, top_up_id, outcome,"
            " received_at) VALUES (:provider, :event_id, :top_up_id, :outcome, :received_at)"
            " ON CONFLICT (provider, event_id)"
            " DO UPDATE SET outcome = excluded.outcome, received_at = excluded.received_at"
            " WHERE payment_notifications.outcome = :differs"
        ),
        {
            "provider": provider_name,
            "event_id": event.id,
            "top_up_id": payment.top_up_id,
            "outcome": outcome,
            "received_at": now(),
            "differs": DIFFERS,
        },
    )
    return outcome


def _known(tx: ReadTx, payment: Payment) -> TopUp | None:
    if not is_id(payment.top_up_id):
        return None
    try:
        return top_ups.read(tx, payment.top_up_id)
    except NotFound:
        return None


def _bound(tx: ReadTx, provider_name: str, payment: Payment) -> TopUp | None:
    """Return the top-up if the payment is the very one that it asked for."""
    top_up = _known(tx, payment)
    if top_up is None:
        return None
    if top_up.reference is None and _pays_another(tx, provider_name, payment):
        return None
    asked = (top_up.provider, top_up.reference or payment.reference, top_up.money)
    return top_up if (provider_name, payment.reference, payment.money) == asked else None


def _pays_another(tx: ReadTx, provider_name: str, payment: Payment) -> bool:
    same = select(rows.c.id).where(
        rows.c.provider == provider_name,
        rows.c.reference == payment.reference,
        rows.c.id != payment.top_up_id,
    )
    return tx.execute(same).first() is not None


def _carry_out(tx: WriteTx, top_up: TopUp, payment: Payment) -> str:
    if payment.state is PaymentState.SUCCEEDED:
        outcome = _succeed(tx, top_up, payment)
    elif payment.state is PaymentState.FAILED:
        outcome = _fail(tx, top_up, payment)
    else:
        outcome = NOTED
    if payment.refunded_minor > top_ups.read(tx, top_up.id).refunded.amount_minor:
        # Somebody gave money back at the provider, past us: credits cannot follow by themselves.
        _flag(tx, top_up.id, REFUNDED_ELSEWHERE)
        return REFUNDED_ELSEWHERE
    return outcome


def _succeed(tx: WriteTx, top_up: TopUp, payment: Payment) -> str:
    # Late money is money: an expired top-up, or one whose first attempt failed, succeeds as well.
    transfer_id = new_id()
    flipped = tx.execute(
        update(rows)
        .where(rows.c.id == top_up.id, rows.c.status.in_(["pending", "expired", "failed"]))
        .values(
            status="succeeded",
            transfer_id=transfer_id,
            reference=payment.reference,
            reason=None,
            attention=None,
            check_at=None,
            completed_at=now(),
        )
    )
    if flipped.rowcount == 0:
        return ALREADY
    instruction = Instruction(
        transfer_id, TransferType.TOP_UP, top_up.user_id, top_up.credits, reference=top_up.id
    )
    (outcome,) = ledger.post(tx, [instruction])
    if not isinstance(outcome, Posted):
        raise AccountClosed if outcome is Refused.ACCOUNT_UNKNOWN else BalanceTooLarge
    if payment.saved_method is not None and top_up.save_method:
        methods.save(tx, top_up.user_id, top_up.provider, payment.saved_method)
    if top_up.origin == "automatic":
        automatic.succeeded(tx, top_up.user_id)
    tell(tx, top_up.id, EventType.TOP_UP_SUCCEEDED, mail="top_up_succeeded")
    return SETTLED


def _fail(tx: WriteTx, top_up: TopUp, payment: Payment) -> str:
    if not top_ups.fail(tx, top_up.id, payment.reason or "declined"):
        return ALREADY
    if top_up.origin == "automatic":
        automatic.declined(tx, top_up.user_id)
    mail = "automatic_top_up_failed" if top_up.origin == "automatic" else None
    tell(tx, top_up.id, EventType.TOP_UP_FAILED, mail=mail)
    return FAILED


def _flag(tx: WriteTx, top_up_id: str, attention: str) -> None:
    tx.execute(update(rows).where(rows.c.id == top_up_id).values(attention=attention))
