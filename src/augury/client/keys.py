"""What can be done about API keys, by whoever has signed in."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct

from augury.client.answers import Page
from augury.client.connection import Connection, path_of, present

Scope = Literal["predict", "read"]


class ApiKey(Struct, frozen=True, kw_only=True):
    """An API key: `start` is how it begins; `credits_used` is spent and held with it so far."""

    id: str
    name: str
    start: str
    scopes: tuple[str, ...]
    credit_limit: int | None
    credits_used: int
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class NewApiKey(ApiKey, frozen=True, kw_only=True):
    """A new API key with its text, which nobody is shown again."""

    key: str


class KeyCalls:
    """The part of a client that is about API keys; it takes a session's token, not a key."""

    def __init__(self, connection: Connection) -> None:
        """Speak through `connection`."""
        self._connection = connection

    def create(
        self,
        name: str,
        *,
        scopes: Sequence[Scope] = ("predict", "read"),
        credit_limit: int | None = None,
        expires_at: datetime | None = None,
    ) -> NewApiKey:
        """Return a new key; `expires_at` is aware. ApiError `too_many_keys`."""
        told = present(
            {
                "credit_limit": credit_limit,
                "expires_at": None if expires_at is None else expires_at.isoformat(),
            }
        )
        body = {"name": name, "scopes": list(scopes), **told}
        return self._connection.call("POST", "/v1/api-keys", NewApiKey, json=body)

    def list(self) -> Iterator[ApiKey]:
        """Yield the keys that are not revoked, newest first."""
        return self._connection.walk("/v1/api-keys", Page[ApiKey], {"limit": 200})

    def revoke(self, key_id: str) -> None:
        """Make a key useless; ApiError `not_found`."""
        self._connection.send("DELETE", path_of("api-keys", key_id))
