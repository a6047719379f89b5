"""Forgotten passwords."""

import asyncio
import time
from http import HTTPStatus

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from augury.api.deps import Limits, TheHouse, ThePasswordDesk, Visitor
from augury.api.responses import refusals
from augury.notices.sealing import sealer_of
from augury.users import recovery
from augury.users.recovery import MailNotConfigured
from augury.users.schemas import EndedOut, PasswordForgotten, PasswordReset

router = APIRouter(prefix="/v1/auth/password", tags=["users"])

_UNKNOWN = "unknown"
# Far longer than looking and writing take, so that how long it took tells nobody who is known.
ANSWER_SECONDS = 0.25


@router.post(
    "/forgot",
    status_code=HTTPStatus.ACCEPTED,
    responses=refusals("mail_not_configured", "rate_limited"),
)
async def forgot(
    form: PasswordForgotten, house: TheHouse, limits: Limits, visitor: Visitor
) -> dict[str, str]:
    """Send a link to whoever has this address; the answer is the same when nobody does.

    The link leads to the cabinet, works once and for half an hour; a newer one takes its place.
    """
    began = time.monotonic()
    limits.ask_for_link(visitor.address or _UNKNOWN)
    if not house.settings.smtp_url.get_secret_value():
        raise MailNotConfigured
    sealer = sealer_of(house.settings)
    await run_in_threadpool(recovery.ask, house.db, sealer, form.email, visitor)
    await asyncio.sleep(began + ANSWER_SECONDS - time.monotonic())
    return {"status": "accepted"}


@router.post(
    "/reset",
    responses=refusals("reset_link_invalid", "rate_limited", "overloaded"),
)
async def reset(
    form: PasswordReset, house: TheHouse, desk: ThePasswordDesk, limits: Limits, visitor: Visitor
) -> EndedOut:
    """Set a new password by a link; every session of its owner ends."""
    limits.attempt(visitor.address or _UNKNOWN)
    ended = await desk.run(lambda: recovery.reset(house.db, form.token, form.password, visitor))
    await run_in_threadpool(house.gate.refresh)
    return EndedOut(ended_sessions=ended)
