"""Users, for administrators: who there is, what they have, and who may come in."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from augury.api.deps import (
    USUAL_PER_PAGE,
    Admin,
    AdminActor,
    Cursor,
    Limit,
    ResourceId,
    TheHouse,
)
from augury.api.responses import refusals
from augury.kit.clock import rfc3339
from augury.kit.ids import is_id
from augury.kit.paging import page, position_of
from augury.ledger import service as ledger
from augury.ledger.core import Balance
from augury.ledger.schemas import BalanceOut
from augury.users import directory
from augury.users.directory import Entry, Status

router = APIRouter(prefix="/v1/admin/users", tags=["administration"])


class UserPatch(BaseModel):
    """What is to change about a user."""

    model_config = ConfigDict(extra="forbid")

    status: Status


class AdminUserOut(BaseModel):
    """A user as administrators see one."""

    id: str
    username: str
    email: str
    role: Literal["customer", "admin"]
    status: Status
    created_at: str
    closed_at: str | None = Field(
        description="When its owner closed the account for good: there is no name any more."
    )
    last_seen_at: str | None = Field(
        description="Signed in, stayed so, or used an API key; to about a quarter of an hour."
    )
    balance: BalanceOut

    @classmethod
    def of(cls, entry: Entry, balance: Balance) -> "AdminUserOut":
        """Return a user for the wire."""
        return cls(
            id=entry.id,
            username=entry.username,
            email=entry.email,
            role=entry.role,
            status=entry.status,
            created_at=rfc3339(entry.created_at),
            closed_at=None if entry.closed_at is None else rfc3339(entry.closed_at),
            last_seen_at=None if entry.last_seen_at is None else rfc3339(entry.last_seen_at),
            balance=BalanceOut(available=balance.available, held=balance.held),
        )


class AdminUserPage(BaseModel):
    """Users, newest first."""

    items: list[AdminUserOut]
    next_cursor: str | None


@router.get("", responses=refusals("unauthenticated", "forbidden"))
def list_users(
    house: TheHouse,
    _admin: Admin,
    limit: Limit = USUAL_PER_PAGE,
    cursor: Cursor = None,
    search: Annotated[
        str | None,
        Query(
            max_length=254,
            pattern=r"^[^\x00]*$",
            description="An id, an e-mail address, or a part of a user name or an address.",
        ),
    ] = None,
    status: Status | None = None,
) -> AdminUserPage:
    """List users, newest first, with what they have and when they were last seen."""
    before = position_of(cursor, is_id)
    with house.db.read() as tx:
        found = directory.find_page(
            tx, limit=limit + 1, before=before, search=search, status=status
        )
        shown, following = page(found, limit, lambda entry: entry.id)
        balances = ledger.balances(tx, [entry.id for entry in shown])
    items = [AdminUserOut.of(entry, balances.get(entry.id, Balance())) for entry in shown]
    return AdminUserPage(items=items, next_cursor=following)


def _shown(house: TheHouse, entry: Entry) -> AdminUserOut:
    with house.db.read() as tx:
        balance = ledger.balances(tx, [entry.id]).get(entry.id, Balance())
    return AdminUserOut.of(entry, balance)


@router.get("/{user_id}", responses=refusals("unauthenticated", "forbidden", "not_found"))
def read_user(user_id: ResourceId, house: TheHouse, _admin: Admin) -> AdminUserOut:
    """Give one user."""
    with house.db.read() as tx:
        entry = directory.find(tx, user_id)
    return _shown(house, entry)


@router.patch("/{user_id}", responses=refusals("unauthenticated", "forbidden", "not_found"))
def change_user(
    user_id: ResourceId, form: UserPatch, house: TheHouse, actor: AdminActor
) -> AdminUserOut:
    """Block a user, or let one in again.

    Within a second every process refuses the tokens and API keys of somebody who is blocked, and
    the sessions are over for good. What was ordered before is carried out.
    """
    entry = directory.set_status(house.db, user_id, form.status, actor)
    house.gate.refresh()
    return _shown(house, entry)
