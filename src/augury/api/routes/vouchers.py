"""Vouchers: customers redeem codes, administrators make them."""

from http import HTTPStatus

from fastapi import APIRouter, Response

from augury.api.deps import (
    USUAL_PER_PAGE,
    Admin,
    AdminActor,
    Caller,
    Cursor,
    IdempotencyKey,
    Limit,
    Limits,
    ResourceId,
    TheHouse,
)
from augury.api.moments import microseconds
from augury.api.responses import refusals
from augury.kit.ids import is_id
from augury.kit.paging import page, position_of
from augury.vouchers import service as vouchers
from augury.vouchers.redeem import VoucherUnknown, redeem
from augury.vouchers.schemas import (
    RedemptionOut,
    RedemptionPage,
    VoucherBatchDetails,
    VoucherBatchIn,
    VoucherBatchMade,
    VoucherBatchOut,
    VoucherBatchPage,
    VoucherIn,
    VoucherOut,
)
from augury.vouchers.service import Offer

router = APIRouter(prefix="/v1", tags=["vouchers"])
_ADMIN = ("unauthenticated", "forbidden")


@router.post(
    "/vouchers/redeem",
    status_code=HTTPStatus.CREATED,
    responses=refusals(
        "unauthenticated",
        "account_closed",
        "voucher_unknown",
        "voucher_spent",
        "voucher_expired",
        "voucher_limit_reached",
        "balance_too_large",
        "idempotency_conflict",
        "rate_limited",
    ),
)
def redeem_voucher(
    form: VoucherIn,
    house: TheHouse,
    caller: Caller,
    limits: Limits,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> VoucherOut:
    """Turn a code into credits."""
    limits.check_codes(caller.user_id)
    try:
        redeemed, replayed = redeem(house.db, caller.user_id, form.code, key=idempotency_key)
    except VoucherUnknown:
        limits.wrong_code(caller.user_id)
        raise
    if replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return VoucherOut.of(redeemed)


@router.post(
    "/admin/voucher-batches",
    status_code=HTTPStatus.CREATED,
    responses=refusals(*_ADMIN, "idempotency_conflict"),
)
def make_batch(
    form: VoucherBatchIn,
    house: TheHouse,
    actor: AdminActor,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> VoucherBatchMade:
    """Make codes. This answer is the only one that shows them."""
    total_uses = form.total_uses
    offer = Offer(
        name=form.name,
        credits=form.credits,
        codes=form.codes,
        uses_per_code=form.uses_per_code,
        uses_per_user=form.uses_per_user,
        total_uses=form.codes * form.uses_per_code if total_uses is None else total_uses,
        expires_at=microseconds(form.expires_at),
    )
    batch, codes = vouchers.make_batch(house.db, offer, actor=actor, key=idempotency_key)
    response.headers["Location"] = f"/v1/admin/voucher-batches/{batch.id}"
    if codes is None:
        response.headers["Idempotent-Replayed"] = "true"
    return VoucherBatchMade(**VoucherBatchOut.of(batch).model_dump(), codes=codes)


@router.get("/admin/voucher-batches", responses=refusals(*_ADMIN))
def batches(
    house: TheHouse, _admin: Admin, limit: Limit = USUAL_PER_PAGE, cursor: Cursor = None
) -> VoucherBatchPage:
    """List batches of codes, newest first, with how much of each was redeemed."""
    before = position_of(cursor, is_id)
    found = vouchers.list_batches(house.db, limit=limit + 1, before=before)
    items, following = page(found, limit, lambda batch: batch.id)
    return VoucherBatchPage(
        items=[VoucherBatchOut.of(batch) for batch in items], next_cursor=following
    )


@router.get("/admin/voucher-batches/{batch_id}", responses=refusals(*_ADMIN, "not_found"))
def batch_details(
    batch_id: ResourceId,
    house: TheHouse,
    _admin: Admin,
    limit: Limit = USUAL_PER_PAGE,
    cursor: Cursor = None,
) -> VoucherBatchDetails:
    """Give a batch and its redemptions; `limit` and `cursor` turn the pages of these."""
    before = position_of(cursor, is_id)
    batch, found = vouchers.find_batch(house.db, batch_id, limit=limit + 1, before=before)
    items, following = page(found, limit, lambda redemption: redemption.id)
    redemptions = RedemptionPage(
        items=[RedemptionOut.of(one) for one in items], next_cursor=following
    )
    return VoucherBatchDetails(**VoucherBatchOut.of(batch).model_dump(), redemptions=redemptions)


@router.post("/admin/voucher-batches/{batch_id}/stop", responses=refusals(*_ADMIN, "not_found"))
def stop_batch(batch_id: ResourceId, house: TheHouse, actor: AdminActor) -> VoucherBatchOut:
    """Stop a batch: from now on none of its codes can be redeemed. What was redeemed stays."""
    return VoucherBatchOut.of(vouchers.stop_batch(house.db, batch_id, actor))
