"""What routes depend on, as types whose names say it."""

from typing import Annotated

from fastapi import Depends, Header, Path, Query, Request
from fastapi.security import OAuth2PasswordBearer

from augury.api.passwords import PasswordDesk
from augury.audit_log.service import Actor
from augury.bootstrap import House
from augury.kit.errors import Forbidden
from augury.kit.paging import MOST_PER_PAGE, USUAL_PER_PAGE
from augury.users.tokens import Identity, Unauthenticated

_bearer = OAuth2PasswordBearer(
    tokenUrl="/v1/auth/token", refreshUrl="/v1/auth/token", auto_error=False
)


def _house(request: Request) -> House:
    house: House = request.app.state.house
    return house


TheHouse = Annotated[House, Depends(_house)]


def _password_desk(request: Request) -> PasswordDesk:
    desk: PasswordDesk = request.app.state.password_desk
    return desk


ThePasswordDesk = Annotated[PasswordDesk, Depends(_password_desk)]


def _caller(
    request: Request, house: TheHouse, token: Annotated[str | None, Depends(_bearer)]
) -> Identity:
    if token is None:
        raise Unauthenticated
    identity = house.tokens.verify(token)
    request.state.user_id = identity.user_id
    return identity


Caller = Annotated[Identity, Depends(_caller)]


def _admin(caller: Caller) -> Identity:
    if caller.role != "admin":
        raise Forbidden
    return caller


Admin = Annotated[Identity, Depends(_admin)]


def _actor(request: Request, admin: Admin) -> Actor:
    address = None if request.client is None else request.client.host
    return Actor(admin.user_id, address, request.state.request_id)


# An administrator whose deed is written into the audit log.
AdminActor = Annotated[Actor, Depends(_actor)]

Limit = Annotated[
    int, Query(ge=1, le=MOST_PER_PAGE, description="How many items a page has at the most.")
]
Cursor = Annotated[
    str | None,
    Query(max_length=200, description="`next_cursor` of the page before; leave out for the first."),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern=r"^[\x20-\x7e]+$",
        description="The same key and the same input give the first answer again, free of charge.",
    ),
]
ResourceId = Annotated[str, Path(description="A UUID.")]

__all__ = [
    "USUAL_PER_PAGE",
    "Admin",
    "AdminActor",
    "Caller",
    "Cursor",
    "IdempotencyKey",
    "Limit",
    "ResourceId",
    "TheHouse",
    "ThePasswordDesk",
]
