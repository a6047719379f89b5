"""Buying credits: top-ups, what they cost, saved payment methods and standing orders."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from augury.api.deps import (
    USUAL_PER_PAGE,
    Caller,
    CallerActor,
    Cursor,
    IdempotencyKey,
    Limit,
    Reader,
    TheHouse,
)
from augury.api.responses import refusals
from augury.kit.errors import NotFound
from augury.kit.ids import is_id
from augury.kit.paging import page, position_of
from augury.payments import automatic, methods, top_ups
from augury.payments.automatic import StandingOrder
from augury.payments.providers.protocol import Buyer
from augury.payments.schemas import (
    MethodList,
    MethodOut,
    PackOut,
    PacksOut,
    ProviderOut,
    StandingOrderIn,
    StandingOrderOut,
    TopUpIn,
    TopUpOut,
    TopUpPage,
)
from augury.payments.top_ups import Wish
from augury.payments.values import Status, TopUp
from augury.users import service as users

router = APIRouter(prefix="/v1", tags=["top-ups"])


@router.post(
    "/top-ups",
    status_code=HTTPStatus.CREATED,
    responses=refusals(
        "unauthenticated",
        "provider_unknown",
        "provider_refused",
        "provider_unavailable",
        "too_many_top_ups",
        "idempotency_conflict",
    ),
)
def start_top_up(
    form: TopUpIn,
    request: Request,
    house: TheHouse,
    caller: Caller,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> TopUpOut:
    """Begin to buy credits; the answer says where to pay. They come when the provider confirms."""
    user = users.user(house.db, caller.user_id)
    buyer = Buyer(user.email, **(form.buyer.model_dump() if form.buyer else {}))
    wish = Wish(
        user_id=caller.user_id,
        credits=form.credits,
        buyer=buyer,
        language=request.state.language,
        provider=form.provider,
        currency=form.currency,
        save_method=form.save_method,
        key=idempotency_key,
    )
    top_up, replayed = top_ups.start_top_up(house.desk, wish)
    if replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return TopUpOut.of(top_up)


@router.get("/top-ups", responses=refusals("unauthenticated"))
def list_top_ups(
    house: TheHouse,
    caller: Reader,
    limit: Limit = USUAL_PER_PAGE,
    cursor: Cursor = None,
    status: Status | None = None,
) -> TopUpPage:
    """List the caller's top-ups, newest first."""
    found = top_ups.list_top_ups(
        house.db,
        user_id=caller.user_id,
        limit=limit + 1,
        before=position_of(cursor, is_id),
        status=status,
    )
    items, following = page(found, limit, lambda top_up: top_up.id)
    return TopUpPage(items=[TopUpOut.of(one) for one in items], next_cursor=following)


@router.get("/top-ups/packs", responses=refusals())
def list_packs(house: TheHouse) -> PacksOut:
    """Give what credits cost and who takes the money; no sign-in is needed."""
    prices, providers = house.desk.prices, house.desk.providers
    taken = {currency for provider in providers.values() for currency in provider.currencies}
    return PacksOut(
        packs=[
            PackOut.of(pack)
            for currency in prices.currencies()
            if currency in taken
            for pack in prices.list_packs(currency)
        ],
        providers=[
            ProviderOut(
                name=name,
                currencies=[one for one in prices.currencies() if one in provider.currencies],
                saves_methods=provider.saves_methods,
            )
            for name, provider in providers.items()
        ],
    )


@router.get("/top-ups/automatic", responses=refusals("unauthenticated", "not_found"))
def read_standing_order(house: TheHouse, caller: Caller) -> StandingOrderOut:
    """Give the caller's automatic top-up."""
    with house.db.read() as tx:
        return StandingOrderOut.of(automatic.order_of(tx, caller.user_id))


@router.put(
    "/top-ups/automatic", responses=refusals("unauthenticated", "not_found", "provider_unknown")
)
def set_standing_order(
    form: StandingOrderIn, house: TheHouse, caller: Caller, actor: CallerActor
) -> StandingOrderOut:
    """Buy credits with a saved payment method whenever few are left; replaces the order before."""
    if not is_id(form.payment_method_id):
        raise NotFound
    order = StandingOrder(
        caller.user_id,
        form.payment_method_id,
        form.below,
        form.credits,
        form.currency,
        form.monthly_cap_minor,
        declines=0,
        not_before=0,
    )
    return StandingOrderOut.of(automatic.set_order(house.desk, order, actor))


@router.delete(
    "/top-ups/automatic",
    status_code=HTTPStatus.NO_CONTENT,
    responses=refusals("unauthenticated", "not_found"),
)
def remove_standing_order(house: TheHouse, caller: Caller, actor: CallerActor) -> None:
    """End the caller's automatic top-up."""
    automatic.remove_order(house.db, caller.user_id, actor)


@router.get("/top-ups/{top_up_id}", responses=refusals("unauthenticated", "not_found"))
def read_top_up(top_up_id: str, house: TheHouse, caller: Reader) -> TopUpOut:
    """Give one of the caller's top-ups."""
    return TopUpOut.of(own_top_up(house, caller.user_id, top_up_id))


def own_top_up(house: TheHouse, user_id: str, top_up_id: str) -> TopUp:
    """Return a user's top-up, or raise `NotFound`; somebody else's is not there."""
    if not is_id(top_up_id):
        raise NotFound
    with house.db.read() as tx:
        top_up = top_ups.read(tx, top_up_id)
    if top_up.user_id != user_id:
        raise NotFound
    return top_up


@router.get("/payment-methods", responses=refusals("unauthenticated"))
def list_payment_methods(house: TheHouse, caller: Caller) -> MethodList:
    """List the caller's saved payment methods."""
    found = methods.list_methods(house.db, caller.user_id)
    return MethodList(items=[MethodOut.of(method) for method in found])


@router.delete(
    "/payment-methods/{method_id}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=refusals("unauthenticated", "not_found"),
)
def remove_payment_method(
    method_id: str, house: TheHouse, caller: Caller, actor: CallerActor
) -> None:
    """Forget a payment method, and the automatic top-up that uses it."""
    if not is_id(method_id):
        raise NotFound
    methods.remove(house.db, caller.user_id, method_id, actor)
