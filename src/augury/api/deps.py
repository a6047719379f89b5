"""What routes depend on, as types whose names say it."""

from typing import Annotated

from fastapi import Depends, Header, Path, Query, Request
from fastapi.security import OAuth2PasswordBearer

from augury.api.limits import AttemptLimits
from augury.api.passwords import PasswordDesk
from augury.audit_log.service import Actor
from augury.bootstrap import House
from augury.kit.errors import Forbidden
from augury.kit.paging import MOST_PER_PAGE, USUAL_PER_PAGE
from augury.users.agents import shortened
from augury.users.keys import Scope
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


def _limits(request: Request) -> AttemptLimits:
    limits: AttemptLimits = request.app.state.attempt_limits
    return limits


Limits = Annotated[AttemptLimits, Depends(_limits)]


def _anybody(
    request: Request, house: TheHouse, token: Annotated[str | None, Depends(_bearer)]
) -> Identity:
    if token is None:
        raise Unauthenticated
    identity = house.gate.identify(token)
    request.state.user_id = identity.user_id
    return identity


_Anybody = Annotated[Identity, Depends(_anybody)]


def _caller(anybody: _Anybody) -> Identity:
    if anybody.api_key_id is not None:
        raise Forbidden
    return anybody


def _reader(anybody: _Anybody) -> Identity:
    if not anybody.may(Scope.READ):
        raise Forbidden
    return anybody


def _buyer(anybody: _Anybody) -> Identity:
    if not anybody.may(Scope.PREDICT):
        raise Forbidden
    return anybody


# A person who has signed in; an API key is not enough to move money or to make keys.
Caller = Annotated[Identity, Depends(_caller)]
# The same, or a program whose API key has the scope for it.
Reader = Annotated[Identity, Depends(_reader)]
Buyer = Annotated[Identity, Depends(_buyer)]


def _admin(caller: Caller) -> Identity:
    if caller.role != "admin":
        raise Forbidden
    return caller


Admin = Annotated[Identity, Depends(_admin)]


_LONGEST_AGENT = 500


def _visitor(request: Request) -> Actor:
    address = None if request.client is None else request.client.host
    agent = shortened(request.headers.get("user-agent", "")[:_LONGEST_AGENT])
    return Actor(None, address, request.state.request_id, agent or None)


# Who comes, for the audit log, before anybody knows who it is.
Visitor = Annotated[Actor, Depends(_visitor)]


def _actor(visitor: Visitor, caller: Caller) -> Actor:
    return visitor.being(caller.user_id)


# A caller whose deed is written into the audit log.
CallerActor = Annotated[Actor, Depends(_actor)]


def _admin_actor(visitor: Visitor, admin: Admin) -> Actor:
    return visitor.being(admin.user_id)


# An administrator whose deed is written into the audit log.
AdminActor = Annotated[Actor, Depends(_admin_actor)]

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
    "Buyer",
    "Caller",
    "CallerActor",
    "Cursor",
    "IdempotencyKey",
    "Limit",
    "Limits",
    "Reader",
    "ResourceId",
    "TheHouse",
    "ThePasswordDesk",
    "Visitor",
]
