"""Refunds of top-ups: the money goes back and the credits are taken, together or not at all.

First the credits are held, so that they cannot be spent meanwhile; that also decides whether as
many are left. Then the provider is asked. Only its answer resolves the hold: into taken credits, or
back into the balance. Without an answer the refund stays pending and the reconciliation asks again.
"""

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select, text, update

from augury.audit_log.service import Actor, record
from augury.kit.clock import SECOND, now
from augury.kit.db import Database, ReadTx, WriteTx
from augury.kit.errors import NotFound, Refusal, invalid
from augury.kit.ids import new_id
from augury.ledger import service as ledger
from augury.ledger.core import Balance, Instruction, Posted, Refused, TransferType
from augury.ledger.refusals import IdempotencyConflict
from augury.notices.service import EventType
from augury.payments import top_ups
from augury.payments.desk import Desk
from augury.payments.providers.protocol import (
    Buyer,
    Money,
    PaymentState,
    ProviderRefused,
    ProviderUnavailable,
    Refunding,
)
from augury.payments.tables import refunds
from augury.payments.tables import top_ups as rows
from augury.payments.tell import tell
from augury.payments.values import Refund, TopUp
from augury.users import service as users

# A hold outlives the work it pays for. Providers decide within days; `ledger audit` names a refund
# that is undecided for a month.
HOLD_SECONDS = 366 * 24 * 3600


class NotRefundable(Refusal):
    """The top-up has not succeeded, or everything of it went back already."""

    code = "not_refundable"
    status = 409


class CreditsSpent(Refusal):
    """The customer has spent what should go back; only what is left can."""

    code = "credits_spent"
    status = 409


def refund(
    desk: Desk, top_up_id: str, credits_: int | None, reason: str, *, actor: Actor, key: str | None
) -> tuple[Refund, bool]:
    """Return the refund, and whether it replays an earlier one with the same key.

    Without `credits_`, everything goes back that is left of the top-up. Its status is `pending`
    while the provider has not decided. Raises `NotFound`, `NotRefundable`, `CreditsSpent`,
    `InvalidInput` or `IdempotencyConflict`; then nothing has moved.
    """
    facts = [top_up_id, credits_, reason]
    fingerprint = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
    with desk.db.write() as tx:
        top_up = _locked(tx, top_up_id)
        stored = _by_key(tx, actor, key, fingerprint)
        replayed = stored is not None
        wanted = _Wanted(credits_, reason, actor, key, fingerprint)
        refund_id = stored.id if stored else _hold(tx, desk, top_up, wanted)
    with suppress(ProviderUnavailable):  # it stays pending, and the reconciliation asks again
        carry_out(desk, refund_id)
    with desk.db.read() as tx:
        return read(tx, refund_id), replayed


def _locked(tx: WriteTx, top_up_id: str) -> TopUp:
    """Return the top-up; its refunds are decided one after another."""
    tx.execute(select(rows.c.id).where(rows.c.id == top_up_id).with_for_update())
    return top_ups.read(tx, top_up_id)


def _by_key(tx: ReadTx, actor: Actor, key: str | None, fingerprint: str) -> Refund | None:
    if key is None:
        return None
    row = tx.execute(
        select(refunds).where(refunds.c.actor_id == actor.user_id, refunds.c.key == key)
    ).first()
    if row is not None and row.fingerprint != fingerprint:
        raise IdempotencyConflict
    return None if row is None else _refund(row)


@dataclass(frozen=True, slots=True)
class _Wanted:
    credits: int | None
    reason: str
    actor: Actor
    key: str | None
    fingerprint: str


def _hold(tx: WriteTx, desk: Desk, top_up: TopUp, wanted: _Wanted) -> str:
    """Hold the credits that shall go back and store the refund; return its id."""
    left = top_up.credits - top_up.refunded_credits
    if top_up.status != "succeeded" or left == 0:
        raise NotRefundable(top_up=top_up.id, refund_status=top_up.status)
    credits_ = left if wanted.credits is None else wanted.credits
    if not 1 <= credits_ <= left:
        raise invalid("/credits", "fault.refund_credits", left=left)
    minor = share(top_up, credits_)
    if minor == 0:
        raise invalid("/credits", "fault.refund_worth_nothing")
    moment = now()
    hold_id, refund_id = new_id(), new_id()
    hold = Instruction(
        hold_id,
        TransferType.HOLD,
        top_up.user_id,
        credits_,
        reference=refund_id,
        expires_at=moment + HOLD_SECONDS * SECOND,
        actor_id=wanted.actor.user_id,
        reason=wanted.reason,
    )
    row = {
        "id": refund_id,
        "top_up_id": top_up.id,
        "credits": credits_,
        "amount_minor": minor,
        "currency": top_up.money.currency,
        "reason": wanted.reason,
        "actor_id": wanted.actor.user_id,
        "hold_id": hold_id,
        "key": wanted.key,
        "fingerprint": wanted.fingerprint,
        "check_at": moment + desk.check_seconds * SECOND,
        "created_at": moment,
    }
    if tx.execute(_INSERT, row).rowcount == 0:
        raise IdempotencyConflict  # the key was used for another top-up at the same instant
    # The account comes last, as where a refund is settled: who holds it waits for no refund's row.
    (outcome,) = ledger.post(tx, [hold])
    if not isinstance(outcome, Posted):
        available = ledger.balances(tx, [top_up.user_id]).get(top_up.user_id, Balance()).available
        raise CreditsSpent(asked=credits_, available=available)
    _reserve(tx, top_up.id, credits_, minor)
    details = {"refund": refund_id, "user": top_up.user_id, "credits": credits_}
    details |= {"amount_minor": minor, "currency": top_up.money.currency}
    record(tx, wanted.actor, "refund.requested", f"top_up:{top_up.id}", details)
    return refund_id


_INSERT = text(
    "INSERT INTO top_up_refunds (id, top_up_id, status, credits, amount_minor, currency, reason,"
    " actor_id, hold_id, key, fingerprint, check_at, checks, created_at) VALUES (:id, :top_up_id,"
    " 'pending', :credits, :amount_minor, :currency, :reason, :actor_id, :hold_id, :key,"
    " :fingerprint, :check_at, 0, :created_at) ON CONFLICT DO NOTHING"
)


def share(top_up: TopUp, credits_: int) -> int:
    """Return the money that so many credits of a top-up are worth, in minor units, rounded down.

    What earlier refunds lost by rounding comes with the last one: together they give everything.
    """
    after = top_up.refunded_credits + credits_
    due = top_up.money.amount_minor * after // top_up.credits
    return max(0, due - top_up.refunded.amount_minor)


def _reserve(tx: WriteTx, top_up_id: str, credits_: int, minor: int) -> None:
    tx.execute(
        update(rows)
        .where(rows.c.id == top_up_id)
        .values(
            refunded_credits=rows.c.refunded_credits + credits_,
            refunded_minor=rows.c.refunded_minor + minor,
        )
    )


def carry_out(desk: Desk, refund_id: str) -> None:
    """Ask the provider for a pending refund and settle it by the answer; can be repeated.

    Raises `ProviderUnavailable` when nothing is known of what came of it.
    """
    with desk.db.read() as tx:
        asked = read(tx, refund_id)
        top_up = top_ups.read(tx, asked.top_up_id)
    if asked.status != "pending" or top_up.provider not in desk.providers:
        return
    refunding = Refunding(
        asked.id,
        top_up.reference or "",
        asked.money,
        asked.reason,
        Buyer(email=users.user(desk.db, top_up.user_id).email),
    )
    try:
        with desk.asking(top_up.provider) as provider:
            state = provider.refund(refunding)
    except ProviderRefused:
        state = PaymentState.FAILED
    settle_refund(desk.db, asked, state)


def settle_refund(db: Database, asked: Refund, state: PaymentState) -> None:
    """Take the held credits, or give them back, as the provider has decided; once."""
    if state is PaymentState.PENDING:
        return
    with db.write() as tx:
        top_up = _locked(tx, asked.top_up_id)
        if state is PaymentState.SUCCEEDED:
            _take(tx, top_up, asked)
        else:
            _give_back(tx, top_up, asked)


def _take(tx: WriteTx, top_up: TopUp, asked: Refund) -> None:
    transfer_id = new_id()
    if not _flip(tx, asked.id, "succeeded", transfer_id):
        return
    # Both in one transaction with the account locked: nobody comes between them and spends.
    taken = Instruction(
        transfer_id,
        TransferType.REFUND,
        top_up.user_id,
        asked.credits,
        reference=asked.id,
        corrects=top_up.transfer_id,
        reason=asked.reason,
    )
    # The hold may be over already, after a year or when a clock was wrong; the money is gone either
    # way, so the credits are taken as long as they are there.
    _, outcome = ledger.post(tx, [_release(top_up, asked), taken])
    refused = isinstance(outcome, Refused)
    if refused:
        message = f"refund {asked.id} cannot take what it held: {outcome}"
        raise AssertionError(message)
    tx.execute(
        text(
            "UPDATE top_ups SET status = 'refunded' WHERE id = :id AND refunded_credits = credits"
            " AND NOT EXISTS (SELECT 1 FROM top_up_refunds"
            "   WHERE top_up_id = :id AND status = 'pending')"
        ),
        {"id": top_up.id},
    )
    tell(tx, top_up.id, EventType.TOP_UP_REFUNDED, mail="top_up_refunded")


def _give_back(tx: WriteTx, top_up: TopUp, asked: Refund) -> None:
    if _flip(tx, asked.id, "failed", None):
        ledger.post(tx, [_release(top_up, asked)])
        _reserve(tx, top_up.id, -asked.credits, -asked.money.amount_minor)


def _flip(tx: WriteTx, refund_id: str, status: str, transfer_id: str | None) -> bool:
    flipped = tx.execute(
        update(refunds)
        .where(refunds.c.id == refund_id, refunds.c.status == "pending")
        .values(status=status, transfer_id=transfer_id, check_at=None, completed_at=now())
    )
    return flipped.rowcount == 1


def _release(top_up: TopUp, asked: Refund) -> Instruction:
    return Instruction(
        new_id(),
        TransferType.RELEASE,
        top_up.user_id,
        0,
        reference=asked.id,
        hold_id=asked.hold_id,
    )


def read(tx: ReadTx, refund_id: str) -> Refund:
    """Return a refund, or raise `NotFound`."""
    row = tx.execute(select(refunds).where(refunds.c.id == refund_id)).first()
    if row is None:
        raise NotFound
    return _refund(row)


def list_refunds(db: Database, top_up_id: str) -> list[Refund]:
    """Return the refunds of a top-up, newest first; the last hundred at the most."""
    statement = (
        select(refunds)
        .where(refunds.c.top_up_id == top_up_id)
        .order_by(refunds.c.id.desc())
        .limit(100)
    )
    with db.read() as tx:
        return [_refund(row) for row in tx.execute(statement)]


def _refund(row: Row[Any]) -> Refund:
    return Refund(
        row.id,
        row.top_up_id,
        row.status,
        row.credits,
        Money(row.amount_minor, row.currency),
        row.reason,
        row.hold_id,
        row.transfer_id,
        row.created_at,
        row.completed_at,
    )
