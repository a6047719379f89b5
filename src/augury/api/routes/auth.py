"""Registration, sign-in and sign-out."""

from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.concurrency import run_in_threadpool

from augury import bootstrap
from augury.api.deps import Caller, CallerActor, Limits, TheHouse, ThePasswordDesk, Visitor
from augury.api.responses import refusals
from augury.kit.errors import invalid
from augury.users import service as users
from augury.users.schemas import Registration, TokenOut, UserOut
from augury.users.service import InvalidCredentials

router = APIRouter(prefix="/v1/auth", tags=["users"])


_UNKNOWN = "unknown"


@router.post(
    "/register",
    status_code=HTTPStatus.CREATED,
    responses=refusals("username_taken", "email_taken", "rate_limited", "overloaded"),
)
async def register(
    form: Registration,
    request: Request,
    house: TheHouse,
    desk: ThePasswordDesk,
    limits: Limits,
    visitor: Visitor,
) -> UserOut:
    """Make a new customer with an open account and the welcome credits.

    E-mails will be in the language of this request.
    """
    limits.attempt(visitor.address or _UNKNOWN)
    language: str = request.state.language
    user = await desk.run(
        lambda: bootstrap.register(
            house, form.username, form.email, form.password, language, visitor
        )
    )
    return UserOut.of(user)


@router.post(
    "/token",
    responses=refusals("invalid_credentials", "rate_limited", "overloaded"),
)
async def token(
    house: TheHouse,
    desk: ThePasswordDesk,
    limits: Limits,
    visitor: Visitor,
    grant_type: Annotated[Literal["password", "refresh_token"], Form()] = "password",
    username: Annotated[str | None, Form(max_length=254)] = None,
    password: Annotated[str | None, Form(max_length=1000)] = None,
    refresh_token: Annotated[str | None, Form(max_length=200)] = None,
) -> TokenOut:
    """Give tokens for a user name (or e-mail address) and password, or for a refresh token.

    A refresh token works once; it comes back rotated. Using an old one ends its session.
    """
    address = visitor.address or _UNKNOWN
    if grant_type == "refresh_token":
        if refresh_token is None:
            raise invalid("/refresh_token", "fault.missing")
        try:
            return TokenOut.of(
                await run_in_threadpool(
                    users.refresh, house.db, house.tokens, refresh_token, visitor
                )
            )
        except InvalidCredentials:
            # Everybody refreshes four times an hour; only what fails is counted.
            limits.attempt(address)
            raise
    limits.attempt(address)
    if username is None or password is None:
        raise invalid("/username" if username is None else "/password", "fault.missing")
    limits.check_name(address, username)
    try:
        grant = await desk.run(
            lambda: users.sign_in(house.db, house.tokens, username, password, visitor)
        )
    except InvalidCredentials:
        limits.failed(address, username)
        raise
    return TokenOut.of(grant)


@router.post(
    "/logout",
    status_code=HTTPStatus.NO_CONTENT,
    responses=refusals("unauthenticated"),
)
def logout(house: TheHouse, caller: Caller, actor: CallerActor) -> None:
    """End the session of the access token: its refresh tokens are useless from now on."""
    users.sign_out(house.db, caller.session_id, actor)
