"""What people do with their own account: language, address, password, sessions, and its end."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, TypeVar

from fastapi import APIRouter, Body
from fastapi.concurrency import run_in_threadpool

from augury import bootstrap
from augury.api.deps import (
    USUAL_PER_PAGE,
    Caller,
    CallerActor,
    Cursor,
    Limit,
    Limits,
    ResourceId,
    TheHouse,
    ThePasswordDesk,
)
from augury.api.limits import AttemptLimits
from augury.api.passwords import PasswordDesk
from augury.api.responses import refusals
from augury.kit.ids import is_id
from augury.kit.paging import page, position_of
from augury.users import profile, sessions
from augury.users.profile import WrongPassword
from augury.users.schemas import (
    EmailChange,
    EndedOut,
    Farewell,
    MePatch,
    PasswordChange,
    SessionOut,
    SessionPage,
    UserOut,
)

router = APIRouter(prefix="/v1/me", tags=["account"])

Result = TypeVar("Result")
_CHECKED = ("unauthenticated", "wrong_password", "rate_limited", "overloaded")
# Guesses at a password from inside are counted by user, from wherever they come.
_INSIDE = "inside"


async def _with_password(
    limits: AttemptLimits, desk: PasswordDesk, user_id: str, work: Callable[[], Result]
) -> Result:
    """Return what the work gives, which checks the password; too many guesses are refused."""
    limits.check_name(_INSIDE, user_id)
    try:
        return await desk.run(work)
    except WrongPassword:
        limits.failed(_INSIDE, user_id)
        raise


@router.patch("", responses=refusals("unauthenticated", "not_found"))
def change_me(form: MePatch, house: TheHouse, caller: Caller, actor: CallerActor) -> UserOut:
    """Choose the language of e-mails and papers."""
    return UserOut.of(profile.set_language(house.db, caller.user_id, form.language, actor))


@router.put("/email", responses=refusals(*_CHECKED, "email_taken"))
async def change_email(
    form: EmailChange,
    house: TheHouse,
    desk: ThePasswordDesk,
    limits: Limits,
    caller: Caller,
    actor: CallerActor,
) -> UserOut:
    """Change the e-mail address; the one of before is told."""
    user = await _with_password(
        limits,
        desk,
        caller.user_id,
        lambda: profile.change_email(
            house.db, caller.user_id, form.current_password, form.email, actor
        ),
    )
    return UserOut.of(user)


@router.put("/password", responses=refusals(*_CHECKED))
async def change_password(
    form: PasswordChange,
    house: TheHouse,
    desk: ThePasswordDesk,
    limits: Limits,
    caller: Caller,
    actor: CallerActor,
) -> EndedOut:
    """Change the password; every session but this one ends."""
    ended = await _with_password(
        limits,
        desk,
        caller.user_id,
        lambda: profile.change_password(
            house.db,
            caller.user_id,
            caller.session_id,
            form.current_password,
            form.new_password,
            actor,
        ),
    )
    await run_in_threadpool(house.gate.refresh)
    return EndedOut(ended_sessions=ended)


@router.get("/sessions", responses=refusals("unauthenticated"))
def list_sessions(
    house: TheHouse, caller: Caller, limit: Limit = USUAL_PER_PAGE, cursor: Cursor = None
) -> SessionPage:
    """List where the caller is signed in, newest first."""
    before = position_of(cursor, is_id)
    with house.db.read() as tx:
        found = sessions.listed(tx, caller.user_id, limit=limit + 1, before=before)
    shown, following = page(found, limit, lambda session: session.id)
    items = [SessionOut.of(one, caller.session_id) for one in shown]
    return SessionPage(items=items, next_cursor=following)


@router.delete("/sessions", responses=refusals("unauthenticated"))
def end_other_sessions(house: TheHouse, caller: Caller, actor: CallerActor) -> EndedOut:
    """End every session but this one; their tokens are refused half a second later."""
    ended = sessions.end_others(house.db, caller.user_id, caller.session_id, actor)
    house.gate.refresh()
    return EndedOut(ended_sessions=ended)


@router.delete(
    "/sessions/{session_id}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=refusals("unauthenticated", "not_found"),
)
def end_session(
    session_id: ResourceId, house: TheHouse, caller: Caller, actor: CallerActor
) -> None:
    """End one session; its tokens are refused half a second later."""
    sessions.end_one(house.db, caller.user_id, session_id, actor)
    house.gate.refresh()


@router.delete(
    "",
    status_code=HTTPStatus.NO_CONTENT,
    responses=refusals(*_CHECKED, "account_busy", "credits_left", "last_administrator"),
)
async def close_account(
    form: Annotated[Farewell, Body()],
    house: TheHouse,
    desk: ThePasswordDesk,
    limits: Limits,
    caller: Caller,
    actor: CallerActor,
) -> None:
    """Close the caller's account for good: nobody can sign in, and the name is forgotten.

    API keys, sessions, webhook endpoints, saved payment methods and the automatic top-up end with
    it. The history of predictions and of money stays, under the id alone.
    """
    await _with_password(
        limits,
        desk,
        caller.user_id,
        lambda: bootstrap.close_account(
            house, caller.user_id, form.password, actor, forfeits=form.forfeit_credits
        ),
    )
    await run_in_threadpool(house.gate.refresh)
