"""Top-ups: a customer wants credits, the provider is asked for a checkout.

The row is stored before the provider hears of it, and no transaction is open while the provider is
asked. Whatever happens in between, the row is there for the notification, for a repetition with the
same key, and for the reconciliation.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select, text, update

from augury.kit.clock import SECOND, now
from augury.kit.db import Database, ReadTx, WriteTx
from augury.kit.errors import NotFound, Refusal, invalid
from augury.kit.ids import first_id, new_id
from augury.kit.texts import texts
from augury.ledger.closing import require_open
from augury.ledger.refusals import IdempotencyConflict
from augury.payments.desk import Desk
from augury.payments.providers.protocol import (
    Buyer,
    Checkout,
    Money,
    ProviderRefused,
    Started,
)
from augury.payments.tables import top_ups
from augury.payments.values import MOST_CREDITS, Status, TopUp

# How long a customer may take to pay; a provider may allow more.
PATIENCE_SECONDS = 3600
_MOST_PENDING = 50


class TooManyPending(Refusal):
    """The customer has as many unpaid top-ups as anybody may have."""

    code = "too_many_top_ups"
    status = 429


@dataclass(frozen=True, slots=True)
class Wish:
    """What a customer asks for; what it leaves out is chosen for it."""

    user_id: str
    credits: int
    buyer: Buyer
    language: str
    provider: str | None = None
    currency: str | None = None
    save_method: bool = False
    key: str | None = None


def start_top_up(desk: Desk, wish: Wish) -> tuple[TopUp, bool]:
    """Return a top-up with its checkout, and whether it is the replay of one with the same key.

    Raises `InvalidInput`, `ProviderUnknown`, `TooManyPending`, `IdempotencyConflict`,
    `ProviderRefused` or `ProviderUnavailable`. After the last one the top-up is still pending, and
    the same key goes on with it.
    """
    top_up, replayed = _stored(desk, wish)
    if top_up.status == "pending" and top_up.reference is None:
        try:
            # The provider that the row names: what is usual may be another one meanwhile.
            top_up = launch(desk, top_up, wish.buyer, wish.language)
        except ProviderRefused as refusal:
            with desk.db.write() as tx:
                fail(tx, top_up.id, str(refusal.values.get("reason", "refused")))
                _free_key(tx, top_up.id)
            raise
    return top_up, replayed


def _stored(desk: Desk, wish: Wish) -> tuple[TopUp, bool]:
    """Return the top-up of this key, or a new one, and whether it was there before."""
    if wish.key is not None:
        with desk.db.read() as tx:
            known = _by_key(tx, wish)
        if known is not None:
            return known, True
    name, money = _choose(desk, wish)
    moment = now()
    top_up_id = new_id()
    row = {
        "id": top_up_id,
        "user_id": wish.user_id,
        "origin": "customer",
        "provider": name,
        "credits": wish.credits,
        "amount_minor": money.amount_minor,
        "currency": money.currency,
        "method_id": None,
        "save_method": wish.save_method,
        "key": wish.key,
        "fingerprint": _fingerprint(wish),
        "check_at": moment + desk.check_seconds * SECOND,
        "created_at": moment,
        "expires_at": moment + PATIENCE_SECONDS * SECOND,
    }
    with desk.db.write() as tx:
        require_open(tx, wish.user_id)
        # Nobody else adds one now. One that is being settled is not inserted again, but seen: its
        # transaction waits for the account, and this one would wait for it.
        known = None if wish.key is None else _by_key(tx, wish)
        if known is not None:
            return known, True
        if _pending(tx, wish.user_id) >= _MOST_PENDING:
            raise TooManyPending(retry_after_seconds=PATIENCE_SECONDS)
        insert(tx, row)
        return read(tx, top_up_id), False


def _free_key(tx: WriteTx, top_up_id: str) -> None:
    """Let the key of a refused request begin anew: a refusal leaves no key behind."""
    tx.execute(update(top_ups).where(top_ups.c.id == top_up_id).values(key=None))


def _choose(desk: Desk, wish: Wish) -> tuple[str, Money]:
    """Choose provider and currency so that they fit each other, and tell what it costs."""
    if not 1 <= wish.credits <= MOST_CREDITS:
        raise invalid("/credits", "fault.top_up_credits", most=MOST_CREDITS)
    if not desk.providers:
        raise ProviderRefused(reason="no_provider")
    names = [wish.provider] if wish.provider else list(desk.providers)
    currencies = [wish.currency] if wish.currency else desk.prices.currencies()
    for name in names:
        provider = desk.provider(name)
        for currency in currencies:
            if currency in provider.currencies or wish.currency is not None:
                money = desk.prices.price(wish.credits, currency)
                if currency in provider.currencies:
                    return name, money
    raise invalid("/currency", "fault.currency_not_taken", provider=", ".join(names))


def _fingerprint(wish: Wish) -> str:
    buyer = [wish.buyer.name, wish.buyer.tax_id, wish.buyer.address]
    facts = [wish.credits, wish.provider, wish.currency, wish.save_method, buyer]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _pending(tx: ReadTx, user_id: str) -> int:
    found = tx.execute(
        text(
            "SELECT COUNT(*) FROM top_ups"
            " WHERE user_id = :user_id AND status = 'pending' AND expires_at > :moment"
        ),
        {"user_id": user_id, "moment": now()},
    )
    return int(found.scalar_one())


_INSERT = text(
    "INSERT INTO top_ups (id, user_id, origin, provider, status, credits, amount_minor, currency,"
    " method_id, save_method, key, fingerprint, refunded_credits, refunded_minor, check_at, checks,"
    " created_at, expires_at) VALUES (:id, :user_id, :origin, :provider, 'pending', :credits,"
    " :amount_minor, :currency, :method_id, :save_method, :key, :fingerprint, 0, 0, :check_at, 0,"
    " :created_at, :expires_at) ON CONFLICT DO NOTHING"
)


def insert(tx: WriteTx, row: dict[str, Any]) -> bool:
    """Store a pending top-up; tell whether nothing of its key, or automatic, was there before."""
    return tx.execute(_INSERT, row).rowcount == 1


def _by_key(tx: ReadTx, wish: Wish) -> TopUp | None:
    row = tx.execute(
        select(top_ups).where(top_ups.c.user_id == wish.user_id, top_ups.c.key == wish.key)
    ).first()
    if row is None:
        return None
    if row.fingerprint != _fingerprint(wish):
        raise IdempotencyConflict
    return _top_up(row)


def launch(
    desk: Desk,
    top_up: TopUp,
    buyer: Buyer,
    language: str,
    saved_method: str | None = None,
) -> TopUp:
    """Ask the provider for the payment and store its name; return the top-up as it is then."""
    checkout = Checkout(
        top_up_id=top_up.id,
        money=top_up.money,
        credits=top_up.credits,
        description=texts("pages", language).text("top_up.description", credits=top_up.credits),
        buyer=buyer,
        return_url=desk.return_url(top_up.id),
        language=language,
        expires_at=top_up.expires_at,
        save_method=top_up.save_method,
        saved_method=saved_method,
    )
    with desk.asking(top_up.provider) as provider:
        started = provider.start(checkout)
    with desk.db.write() as tx:
        _remember(tx, top_up.id, started)
        return read(tx, top_up.id)


def _remember(tx: WriteTx, top_up_id: str, started: Started) -> None:
    tx.execute(
        update(top_ups)
        .where(top_ups.c.id == top_up_id, top_ups.c.reference.is_(None))
        .values(reference=started.reference, checkout_url=started.checkout_url)
    )
    if started.expires_at is not None:
        tx.execute(
            update(top_ups).where(top_ups.c.id == top_up_id).values(expires_at=started.expires_at)
        )


def fail(tx: WriteTx, top_up_id: str, reason: str) -> bool:
    """Mark a pending top-up as failed; tell whether it was pending."""
    failed = tx.execute(
        update(top_ups)
        .where(top_ups.c.id == top_up_id, top_ups.c.status == "pending")
        .values(status="failed", reason=reason[:64], completed_at=now())
    )
    return failed.rowcount == 1


def read(tx: ReadTx, top_up_id: str) -> TopUp:
    """Return a top-up, or raise `NotFound`."""
    row = tx.execute(select(top_ups).where(top_ups.c.id == top_up_id)).first()
    if row is None:
        raise NotFound
    return _top_up(row)


def list_top_ups(
    db: Database,
    *,
    limit: int,
    user_id: str | None = None,
    before: str | None = None,
    status: Status | None = None,
    attention: bool = False,
    provider: str | None = None,
    between: tuple[int | None, int | None] = (None, None),
) -> list[TopUp]:
    """Return up to `limit` top-ups, newest first, with ids below `before`.

    `attention` leaves those that an administrator should look at; `between` those that were begun
    at the first moment or later and before the second, in microseconds.
    """
    statement = select(top_ups).order_by(top_ups.c.id.desc()).limit(limit)
    if user_id is not None:
        statement = statement.where(top_ups.c.user_id == user_id)
    if before is not None:
        statement = statement.where(top_ups.c.id < before)
    if status is not None:
        statement = statement.where(top_ups.c.status == status)
    if provider is not None:
        statement = statement.where(top_ups.c.provider == provider)
    # An identifier is born with its row.
    since, until = between
    if since is not None:
        statement = statement.where(top_ups.c.id >= first_id(since))
    if until is not None:
        statement = statement.where(top_ups.c.id < first_id(until))
    if attention:
        statement = statement.where(top_ups.c.attention.is_not(None))
    with db.read() as tx:
        return [_top_up(row) for row in tx.execute(statement)]


def _top_up(row: Row[Any]) -> TopUp:
    return TopUp(
        row.id,
        row.user_id,
        row.origin,
        row.provider,
        row.status,
        row.credits,
        Money(row.amount_minor, row.currency),
        bool(row.save_method),
        row.method_id,
        row.reference,
        row.checkout_url,
        row.refunded_credits,
        Money(row.refunded_minor, row.currency),
        row.transfer_id,
        row.reason,
        row.attention,
        row.checks,
        row.created_at,
        row.expires_at,
        row.completed_at,
    )
