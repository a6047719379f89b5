"""What only administrators may do."""

from http import HTTPStatus

from fastapi import APIRouter, Response

from augury.api.deps import AdminActor, IdempotencyKey, ResourceId, TheHouse
from augury.api.responses import refusals
from augury.kit.errors import NotFound
from augury.kit.ids import is_id
from augury.ledger.adjust import adjust
from augury.ledger.schemas import AdjustmentIn, TransactionOut

router = APIRouter(prefix="/v1/admin", tags=["administration"])


@router.post(
    "/users/{user_id}/adjustments",
    status_code=HTTPStatus.CREATED,
    responses=refusals(
        "unauthenticated",
        "forbidden",
        "not_found",
        "insufficient_credits",
        "balance_too_large",
        "idempotency_conflict",
    ),
)
def adjustment(
    user_id: ResourceId,
    form: AdjustmentIn,
    house: TheHouse,
    actor: AdminActor,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> TransactionOut:
    """Give credits to a customer, or take some, with a reason that the customer sees."""
    if not is_id(user_id):
        raise NotFound
    movement, replayed = adjust(
        house.db,
        user_id,
        form.amount,
        form.reason,
        actor=actor,
        key=idempotency_key,
    )
    if replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return TransactionOut.of(movement)
