"""The caller: who it is, what it has, and what moved."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from augury.api.deps import USUAL_PER_PAGE, Caller, CallerActor, Cursor, Limit, Reader, TheHouse
from augury.api.moments import Since, Until, microseconds
from augury.api.responses import refusals
from augury.bootstrap import House
from augury.kit.paging import page, position_of
from augury.ledger import alerts, history
from augury.ledger import service as ledger
from augury.ledger.core import Balance, TransferType
from augury.ledger.schemas import AlertIn, AlertOut, BalanceOut, TransactionOut, TransactionPage
from augury.users import service as users
from augury.users.schemas import UserOut


class Me(UserOut):
    """The caller, with the balance."""

    balance: BalanceOut


router = APIRouter(prefix="/v1", tags=["account"])

# Of a cursor: more digits do not fit into the database's 64 bits.
_MOST_DIGITS = 18


def _balance(house: TheHouse, user_id: str) -> BalanceOut:
    with house.db.read() as tx:
        found = ledger.balances(tx, [user_id]).get(user_id, Balance())
    return BalanceOut(available=found.available, held=found.held)


@router.get("/me", responses=refusals("unauthenticated", "not_found"))
def me(house: TheHouse, caller: Reader) -> Me:
    """Give the caller, with the balance."""
    user = UserOut.of(users.user(house.db, caller.user_id))
    return Me(**user.model_dump(), balance=_balance(house, caller.user_id))


@router.get("/balance", responses=refusals("unauthenticated"))
def balance(house: TheHouse, caller: Reader) -> BalanceOut:
    """Give what can be spent, and what is held for unfinished work."""
    return _balance(house, caller.user_id)


@router.get("/balance/alert", responses=refusals("unauthenticated"))
def alert(house: TheHouse, caller: Reader) -> AlertOut:
    """Give the threshold below which the caller is told that few credits are left."""
    return AlertOut(below=alerts.threshold(house.db, caller.user_id))


@router.put("/balance/alert", responses=refusals("unauthenticated", "not_found"))
def set_alert(form: AlertIn, house: TheHouse, caller: Caller, actor: CallerActor) -> AlertOut:
    """Set the threshold; null turns the alert off. Each time the balance falls below it, one tells.

    The alert is an e-mail, and a `balance.low` event for webhooks.
    """
    alerts.set_threshold(house.db, caller.user_id, form.below, actor)
    return AlertOut(below=form.below)


@router.get("/transactions", responses=refusals("unauthenticated"))
def transactions(
    house: TheHouse,
    caller: Reader,
    limit: Limit = USUAL_PER_PAGE,
    cursor: Cursor = None,
    types: Annotated[
        list[TransferType] | None, Query(alias="type", max_length=len(TransferType))
    ] = None,
    since: Since = None,
    until: Until = None,
    reference: Annotated[str | None, Query(max_length=64, pattern=r"^[\x20-\x7e]+$")] = None,
) -> TransactionPage:
    """List every movement of the caller's credits, newest first; `type` may come several times."""
    return transactions_of(
        house,
        caller.user_id,
        limit,
        cursor,
        types=types or (),
        since=microseconds(since),
        until=microseconds(until),
        reference=reference,
    )


def transactions_of(
    house: House, user_id: str, limit: int, cursor: str | None, **filters: Any
) -> TransactionPage:
    """Return a page of the movements of a customer's credits, newest first."""
    position = position_of(cursor, lambda text: text.isdecimal() and len(text) <= _MOST_DIGITS)
    before = None if position is None else int(position)
    with house.db.read() as tx:
        found = history.movements(tx, user_id, limit=limit + 1, before=before, **filters)
    items, following = page(found, limit, lambda movement: str(movement.number))
    return TransactionPage(items=[TransactionOut.of(one) for one in items], next_cursor=following)
