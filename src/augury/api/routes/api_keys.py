"""API keys: what the caller's programs sign in with."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from augury.api.deps import (
    USUAL_PER_PAGE,
    Caller,
    CallerActor,
    Cursor,
    Limit,
    ResourceId,
    TheHouse,
)
from augury.api.moments import microseconds
from augury.api.responses import refusals
from augury.bootstrap import House
from augury.kit.clock import rfc3339
from augury.kit.credits import MAX_CREDITS
from augury.kit.ids import is_id
from augury.kit.paging import page, position_of
from augury.users import keys
from augury.users.keys import ApiKey, Scope, Wish

router = APIRouter(prefix="/v1/api-keys", tags=["users"])


def _printable(text: str) -> str:
    if not text.isprintable():
        message = "only printable characters"
        raise ValueError(message)
    return text


class ApiKeyIn(BaseModel):
    """A new API key."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, AfterValidator(_printable)] = Field(
        min_length=1, max_length=100, examples=["nightly scoring"]
    )
    scopes: list[Scope] = Field(
        default=[Scope.PREDICT, Scope.READ],
        min_length=1,
        max_length=len(Scope),
        description="`predict` buys and quotes predictions and batches, `read` reads.",
    )
    expires_at: datetime | None = Field(
        default=None, description="From then on it is refused; without, it lasts until revoked."
    )
    credit_limit: int | None = Field(
        default=None,
        ge=1,
        le=MAX_CREDITS,
        description="What may be spent and held with it in all, whatever the balance is.",
    )


class ApiKeyOut(BaseModel):
    """An API key; `start` is how it begins, and nobody is shown the rest."""

    id: str
    name: str
    start: str = Field(examples=["aug_4sKx92mQp0Za"])
    scopes: list[Scope]
    credit_limit: int | None
    credits_used: int = Field(description="Spent and held with it so far.")
    created_at: str
    expires_at: str | None
    last_used_at: str | None = Field(description="To about a minute; null: never.")

    @classmethod
    def of(cls, key: ApiKey) -> "ApiKeyOut":
        """Return a key for the wire."""
        return cls(
            id=key.id,
            name=key.name,
            start=key.start,
            scopes=list(key.scopes),
            credit_limit=key.credit_limit,
            credits_used=key.credits_used,
            created_at=rfc3339(key.created_at),
            expires_at=None if key.expires_at is None else rfc3339(key.expires_at),
            last_used_at=None if key.last_used_at is None else rfc3339(key.last_used_at),
        )


class NewApiKeyOut(ApiKeyOut):
    """A new API key with its text, shown this once."""

    key: str = Field(description="Send it as `Authorization: Bearer aug_...`.")


class ApiKeyPage(BaseModel):
    """Keys, newest first."""

    items: list[ApiKeyOut]
    next_cursor: str | None


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    responses=refusals("unauthenticated", "forbidden", "too_many_keys"),
)
def create_api_key(
    form: ApiKeyIn, house: TheHouse, caller: Caller, actor: CallerActor
) -> NewApiKeyOut:
    """Make a key for a program; its text is in this answer and nowhere else."""
    wish = Wish(form.name, form.scopes, form.credit_limit, microseconds(form.expires_at))
    key, text = keys.create(house.db, caller.user_id, wish, actor)
    return NewApiKeyOut(**ApiKeyOut.of(key).model_dump(), key=text)


@router.get("", responses=refusals("unauthenticated", "forbidden"))
def list_api_keys(
    house: TheHouse, caller: Caller, limit: Limit = USUAL_PER_PAGE, cursor: Cursor = None
) -> ApiKeyPage:
    """List the caller's keys that are not revoked, newest first."""
    return keys_of(house, caller.user_id, limit, cursor)


def keys_of(house: House, user_id: str, limit: int, cursor: str | None) -> ApiKeyPage:
    """Return a page of a user's keys that are not revoked, newest first."""
    before = position_of(cursor, is_id)
    with house.db.read() as tx:
        found = keys.listed(tx, user_id, limit=limit + 1, before=before)
    shown, following = page(found, limit, lambda key: key.id)
    return ApiKeyPage(items=[ApiKeyOut.of(one) for one in shown], next_cursor=following)


@router.delete(
    "/{key_id}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=refusals("unauthenticated", "forbidden", "not_found"),
)
def revoke_api_key(key_id: ResourceId, house: TheHouse, caller: Caller, actor: CallerActor) -> None:
    """Revoke a key: it buys nothing any more, and half a second later it opens nothing either."""
    keys.revoke(house.db, caller.user_id, key_id, actor)
    house.gate.refresh()
