"""One customer's account, as an administrator who helps them sees it: nothing can be changed here.

Whoever looks is written into the audit log. What a customer sends and is answered stays theirs:
predictions come without inputs and outputs.
"""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from augury.api.deps import USUAL_PER_PAGE, Admin, AdminActor, Cursor, Limit, ResourceId, TheHouse
from augury.api.moments import Since, Until
from augury.api.responses import answers, refusals
from augury.api.routes.account import transactions_of
from augury.api.routes.api_keys import ApiKeyPage, keys_of
from augury.api.routes.statements import FILES, MonthName, months_of, statement_of
from augury.api.routes.usage import UsageOut, usage_of
from augury.audit_log.looks import record_look
from augury.ledger.core import TransferType
from augury.ledger.schemas import StatementMonthPage, StatementOut, TransactionPage
from augury.predictions import history
from augury.predictions.schemas import PredictionPage, Status
from augury.predictions.usage import Grouping
from augury.users import directory

router = APIRouter(prefix="/v1/admin/users/{user_id}", tags=["administration"])
_ASKED = ("unauthenticated", "forbidden", "not_found")


def _customer(user_id: ResourceId, house: TheHouse, _admin: Admin) -> str:
    """Give the id of a user that there is; who is no administrator learns nothing of it."""
    with house.db.read() as tx:
        return directory.find(tx, user_id).id


Customer = Annotated[str, Depends(_customer)]


@router.get("/transactions", responses=refusals(*_ASKED))
def transactions(
    customer: Customer,
    house: TheHouse,
    actor: AdminActor,
    limit: Limit = USUAL_PER_PAGE,
    cursor: Cursor = None,
    types: Annotated[
        list[TransferType] | None, Query(alias="type", max_length=len(TransferType))
    ] = None,
) -> TransactionPage:
    """List every movement of a customer's credits, newest first."""
    record_look(house.db, actor, customer, "transactions")
    return transactions_of(house, customer, limit, cursor, types=types or ())


@router.get(
    "/predictions",
    response_model=None,
    responses=answers(200, PredictionPage) | refusals(*_ASKED),
)
def predictions(
    customer: Customer,
    house: TheHouse,
    actor: AdminActor,
    limit: Limit = USUAL_PER_PAGE,
    cursor: Cursor = None,
    status: Annotated[Status | None, Query()] = None,
) -> Response:
    """List a customer's predictions, newest first: what was bought, never what was asked."""
    record_look(house.db, actor, customer, "predictions")
    found = history.find_page(house.db, customer, limit=limit, cursor=cursor, status=status)
    items = [msgspec.structs.replace(one, outputs=None) for one in found.items]
    shown = msgspec.structs.replace(found, items=items)
    return Response(msgspec.json.encode(shown), media_type="application/json")


@router.get("/usage", responses=refusals(*_ASKED), response_model_exclude_none=True)
def usage(
    customer: Customer,
    house: TheHouse,
    actor: AdminActor,
    group_by: Annotated[Grouping, Query()] = "day",
    since: Since = None,
    until: Until = None,
) -> UsageOut:
    """Give what a customer bought by day or by model, of the last 30 days unless told."""
    record_look(house.db, actor, customer, "usage")
    return usage_of(house, customer, group_by, since, until)


@router.get("/api-keys", responses=refusals(*_ASKED))
def api_keys(
    customer: Customer,
    house: TheHouse,
    actor: AdminActor,
    limit: Limit = USUAL_PER_PAGE,
    cursor: Cursor = None,
) -> ApiKeyPage:
    """List a customer's keys that are not revoked, newest first; how each begins, no more."""
    record_look(house.db, actor, customer, "api_keys")
    return keys_of(house, customer, limit, cursor)


@router.get("/statements", responses=refusals(*_ASKED))
def months(
    customer: Customer,
    house: TheHouse,
    actor: AdminActor,
    limit: Limit = USUAL_PER_PAGE,
    cursor: Cursor = None,
) -> StatementMonthPage:
    """List the months in which a customer's credits moved, newest first."""
    record_look(house.db, actor, customer, "statements")
    return months_of(house, customer, limit, cursor)


@router.get(
    "/statements/{month}",
    response_model=StatementOut,
    responses=refusals(*_ASKED, "not_acceptable", "paper_too_long") | FILES,
)
def statement(
    month: MonthName, customer: Customer, request: Request, house: TheHouse, actor: AdminActor
) -> Response:
    """Give a month of a customer as JSON, CSV or PDF, as the header `Accept` says."""
    record_look(house.db, actor, customer, "statements")
    return statement_of(house, customer, month, request, actor)
