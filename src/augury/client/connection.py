"""The way to one API: who speaks, in which language, and how answers become values."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

import httpx2
import msgspec

from augury.client.answers import Page
from augury.client.errors import ApiError, Unreachable
from augury.client.transport import Patience, exchange, keep_trying

T = TypeVar("T")
# Is told the access token that was refused, and returns one that replaces it, or None.
Renew = Callable[[str], str | None]
_REPEATABLE = ("GET", "PUT")


class Connection:
    """Calls of one user; several users may share the pool of connections underneath."""

    def __init__(
        self,
        http: httpx2.Client,
        token: str | None,
        *,
        patience: Patience,
        language: str | None = None,
        address: str | None = None,
        renew: Renew | None = None,
    ) -> None:
        """Speak through `http` by `token`, which may be changed later, or replaced by `renew`."""
        self.token = token
        self._renew = renew
        self._http = http
        self._patience = patience
        self._language = language
        self._address = address

    def acting_as(
        self, token: str | None, language: str | None, address: str | None
    ) -> "Connection":
        """Return a connection of another user over the same pool."""
        return Connection(
            self._http,
            token,
            patience=self._patience,
            language=language or self._language,
            address=address,
        )

    def close(self) -> None:
        """Close the pool, for all who share it."""
        self._http.close()

    def call(self, method: str, path: str, answer: type[T], **rest: Any) -> T:
        """Return the API's answer as an `answer`."""
        response = self.send(method, path, **rest)
        try:
            return msgspec.json.decode(response.content, type=answer)
        except msgspec.MsgspecError as fault:
            code = "unreadable_answer"
            detail = f"{method} {path} answered something that is not {answer}: {fault}"
            request_id = response.headers.get("X-Request-ID")
            raise ApiError(code, response.status_code, detail, request_id=request_id) from fault

    def walk(self, path: str, page_type: type[Page[T]], query: Mapping[str, Any]) -> Iterator[T]:
        """Yield what all pages of a list have, asking for each when it is needed."""
        cursor: str | None = None
        while True:
            params = {**query, "cursor": cursor} if cursor else dict(query)
            page = self.call("GET", path, page_type, params=params)
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def keep_trying(self, work: Callable[[], T]) -> T:
        """Return what `work` gives, doing it again when its answer breaks off on the way."""
        return keep_trying(work, self._patience)

    def send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = False,
        anonymous: bool = False,
        patience: Patience | None = None,
        **content: Any,
    ) -> httpx2.Response:
        """Return the API's successful response, or raise `ApiError` or `Unreachable`."""
        sent = dict(headers or {})
        if self._language:
            sent["Accept-Language"] = self._language
        if self._address:
            sent["X-Forwarded-For"] = self._address
        rest = {
            "repeatable": repeatable or method in _REPEATABLE or "Idempotency-Key" in sent,
            "patience": patience or self._patience,
            **content,
        }
        token = None if anonymous else self.token
        try:
            return exchange(self._http, method, path, headers=sent | _signature(token), **rest)
        except ApiError as error:
            # Whoever is refused at the door has done nothing: any call can be made again.
            if error.code != "unauthenticated" or token is None or self._renew is None:
                raise
            fresh = self._renew(token)
            if fresh is None:
                raise
        self.token = fresh
        return exchange(self._http, method, path, headers=sent | _signature(fresh), **rest)


def pieces(response: httpx2.Response) -> Iterator[bytes]:
    """Yield the body of an answer while it comes; Unreachable when it breaks off."""
    try:
        yield from response.iter_bytes()
    except httpx2.TransportError as fault:
        message = f"the answer of {response.url} broke off: {fault}"
        raise Unreachable(message) from fault
    finally:
        response.close()


def _signature(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def path_of(*parts: str) -> str:
    """Return the path `/v1/…` with every part quoted, so that none leaves its place."""
    return "/".join(["/v1", *(quote(part, safe="") for part in parts)])


def keyed(idempotency_key: str | None) -> dict[str, str]:
    """Return the header by which all tries of one call are known as one."""
    return {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}


def present(query: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a query that are there."""
    return {name: value for name, value in query.items() if value is not None}
