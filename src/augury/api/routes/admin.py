"""What only administrators may do."""

import time
from functools import partial
from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from augury.api import sse
from augury.api.deps import Admin, AdminActor, IdempotencyKey, ResourceId, TheHouse
from augury.api.long_look import LongLook
from augury.api.responses import refusals
from augury.bootstrap import House, audit_books
from augury.kit.clock import rfc3339
from augury.kit.errors import NotFound
from augury.kit.ids import is_id
from augury.kit.progress import Tell
from augury.ledger.adjust import adjust
from augury.ledger.schemas import AdjustmentIn, TransactionOut

router = APIRouter(prefix="/v1/admin", tags=["administration"])


class FindingOut(BaseModel):
    """One thing that does not add up."""

    kind: str
    subject: str
    detail: str


class LedgerAuditOut(BaseModel):
    """What the audit saw; the books are right when there are no findings."""

    started_at: str
    seconds: float
    is_right: bool
    accounts: int
    transfers: int
    credits_with_customers: int
    counterparties: dict[str, int]
    findings: list[FindingOut]


_audits: LongLook[LedgerAuditOut] = LongLook(again_seconds=30)


@router.get("/ledger/audit", responses=refusals("unauthenticated", "forbidden", "overloaded"))
async def audit_ledger(house: TheHouse, _admin: Admin) -> LedgerAuditOut:
    """Derive every balance again, match it with all that explains it, and follow the audit log.

    It reads one consistent state beside sales and answers when it is done, which with millions of
    transfers takes minutes. One runs at a time in a process.
    """
    return await _audits.answer(partial(_audit, house))


@router.get(
    "/ledger/audit/events",
    response_class=StreamingResponse,
    responses=sse.DESCRIBED | refusals("unauthenticated", "forbidden", "overloaded"),
)
async def audit_ledger_events(request: Request, house: TheHouse, _admin: Admin) -> sse.Stream:
    """Do the same, and tell how it goes on, as server-sent events.

    `progress` has a stage (`transfers`, `sales`, `events`), what is `done` of it and the `total`;
    `result`, at the end, has what the audit saw, or `problem` why there is none. Whoever stops
    reading ends it.
    """
    return _audits.stream(request, partial(_audit, house))


def _audit(house: House, tell: Tell) -> LedgerAuditOut:
    began = time.monotonic()
    with house.db.read() as tx:
        report = audit_books(tx, tell=tell)
    seconds = time.monotonic() - began
    return LedgerAuditOut(
        started_at=rfc3339(report.moment),
        seconds=round(seconds, 3),
        is_right=not report.findings,
        accounts=report.accounts,
        transfers=report.transfers,
        credits_with_customers=report.credits_with_customers,
        counterparties=report.counterparties,
        findings=[
            FindingOut(kind=one.kind, subject=one.subject, detail=one.detail)
            for one in report.findings
        ],
    )


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
