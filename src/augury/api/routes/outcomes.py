"""Outcomes: what became of the cases that were predicted."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from augury.api.deps import Admin, Buyer, Reader, ResourceId, TheHouse, Visitor
from augury.api.responses import refusals
from augury.api.uploads import FILE_FORM, FORM_BYTES, uploaded_file
from augury.audit_log.service import Actor
from augury.predictions import outcomes
from augury.predictions.outcome_file import MOST_BYTES
from augury.predictions.outcome_schemas import OutcomeImportOut, OutcomeIn, OutcomesOut
from augury.predictions.outcomes import Reporter

router = APIRouter(prefix="/v1")

# Where bodies may be larger than others.
UPLOADS = r"/v1/(admin/)?outcomes"
MOST_UPLOAD_BYTES = MOST_BYTES + FORM_BYTES


def _reporter(visitor: Visitor, caller: Buyer) -> Reporter:
    return Reporter(visitor.being(caller.user_id), is_admin=caller.role == "admin")


TheReporter = Annotated[Reporter, Depends(_reporter)]


def _asker(caller: Reader) -> Reporter:
    return Reporter(Actor(caller.user_id), is_admin=caller.role == "admin")


def _customer(caller: Buyer) -> Reporter:
    """Give whoever calls as a customer among others, administrators too."""
    return Reporter(Actor(caller.user_id), is_admin=False)


async def _own_file(request: Request, _caller: Buyer) -> bytes:
    return await uploaded_file(request)


async def _anyones_file(request: Request, _admin: Admin) -> bytes:
    return await uploaded_file(request)


@router.post(
    "/predictions/{prediction_id}/outcome",
    tags=["predictions"],
    status_code=HTTPStatus.CREATED,
    responses=refusals("unauthenticated", "not_found")
    | {200: {"description": "It was known already.", "model": OutcomesOut}},
)
def report_outcome(
    prediction_id: ResourceId,
    form: OutcomeIn,
    house: TheHouse,
    by: TheReporter,
    response: Response,
) -> OutcomesOut:
    """Say what happened: 1 when the event came about whose probability the model gives, 0 when not.

    In one row, `outcome`, or in all of them, `outcomes`. What was said before is replaced.
    """
    known, is_new = outcomes.report(house.db, by, prediction_id, form)
    if not is_new:
        response.status_code = HTTPStatus.OK
    return known


@router.get(
    "/predictions/{prediction_id}/outcome",
    tags=["predictions"],
    responses=refusals("unauthenticated", "not_found"),
)
def get_outcome(
    prediction_id: ResourceId, house: TheHouse, by: Annotated[Reporter, Depends(_asker)]
) -> OutcomesOut:
    """Give what is known of a prediction's rows."""
    return outcomes.find(house.db, by, prediction_id)


@router.post(
    "/outcomes",
    tags=["predictions"],
    openapi_extra=FILE_FORM,
    responses=refusals("unauthenticated", "unsupported_media_type"),
)
def import_outcomes(
    content: Annotated[bytes, Depends(_own_file)],
    house: TheHouse,
    by: Annotated[Reporter, Depends(_customer)],
) -> OutcomeImportOut:
    """Say what happened in many predictions of your own: all lines are taken, or none.

    CSV in UTF-8 with a first line that names the columns `prediction_id`, `outcome` and, for
    predictions of several rows, `row`; at most 200,000 lines.
    """
    return outcomes.import_file(house.db, by, content)


@router.post(
    "/admin/outcomes",
    tags=["administration"],
    openapi_extra=FILE_FORM,
    responses=refusals("unauthenticated", "forbidden", "unsupported_media_type"),
)
def import_anyones_outcomes(
    content: Annotated[bytes, Depends(_anyones_file)], house: TheHouse, by: TheReporter
) -> OutcomeImportOut:
    """Say what happened in predictions of any customers, with a file as for `/v1/outcomes`."""
    return outcomes.import_file(house.db, by, content)
