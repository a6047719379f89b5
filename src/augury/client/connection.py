"""The way to one API: who speaks, in which language, and how answers become values."""

import uuid
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

import httpx2
import msgspec
from msgspec import Struct

from augury.client.answers import Page
from augury.client.errors import ApiError, Unreachable
from augury.client.transport import Patience, api_error, exchange, keep_trying
from augury.kit.decoding import decode

T = TypeVar("T")
# Is told the access token that was refused, and returns one that replaces it, or None.
Renew = Callable[[str], str | None]
# Told a stage of long work, what is done of it and how much it is; 0 where nobody knows.
StageTold = Callable[[str, int, int], None]

_REPEATABLE = ("GET", "PUT")
# The API says at least every ten seconds that it is still there.
_LISTEN_TIMEOUT = httpx2.Timeout(30.0, read=20.0)


class _Stage(Struct):
    stage: str
    done: int
    total: int


class _Status(Struct):
    status: int


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
        agent: str | None = None,
        renew: Renew | None = None,
    ) -> None:
        """Speak through `http` by `token`, which may be changed later, or replaced by `renew`."""
        self.token = token
        self._renew = renew
        self._http = http
        self._patience = patience
        self._language = language
        self._address = address
        self._agent = agent

    def acting_as(
        self, token: str | None, language: str | None, address: str | None, agent: str | None
    ) -> "Connection":
        """Return a connection of another user over the same pool."""
        return Connection(
            self._http,
            token,
            patience=self._patience,
            language=language or self._language,
            address=address,
            agent=agent,
        )

    def close(self) -> None:
        """Close the pool, for all who share it."""
        self._http.close()

    def call(self, method: str, path: str, answer: type[T], **rest: Any) -> T:
        """Return the API's answer as an `answer`."""
        return _read(self.send(method, path, **rest), answer)

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

    def events(self, path: str, **rest: Any) -> Generator[httpx2.ServerSentEvent]:
        """Yield the events that a path sends while they come; Unreachable when they break off."""
        response = self.send("GET", path, stream=True, timeout=_LISTEN_TIMEOUT, **rest)
        try:
            yield from httpx2.EventSource(response)
        except httpx2.TransportError as fault:
            message = f"the answer of {response.url} broke off: {fault}"
            raise Unreachable(message) from fault
        finally:
            response.close()

    def follow(self, path: str, answer: type[T], tell: StageTold | None, **rest: Any) -> T:
        """Return as an `answer` what long work comes to, telling of it while it goes on."""
        with closing(self.events(path, **rest)) as events:
            for event in events:
                told = httpx2.Response(200, content=event.data, request=httpx2.Request("GET", path))
                if event.event == "result":
                    return _read(told, answer)
                if event.event == "problem":
                    told.status_code = _read(told, _Status).status
                    raise api_error(told)
                if event.event == "progress" and tell is not None:
                    stage = _read(told, _Stage)
                    tell(stage.stage, stage.done, stage.total)
        message = f"{path} ended without its result"
        raise Unreachable(message)

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
        if self._agent:
            sent["User-Agent"] = self._agent
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


def _read(response: httpx2.Response, answer: type[T]) -> T:
    try:
        return decode(response.content, answer)
    except msgspec.MsgspecError as fault:
        code, asked = "unreadable_answer", response.request
        detail = f"{asked.method} {asked.url} answered what is not {answer}: {fault}"
        request_id = response.headers.get("X-Request-ID")
        raise ApiError(code, response.status_code, detail, request_id=request_id) from fault


def pieces(response: httpx2.Response) -> Generator[bytes]:
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


def between(since: datetime | None, until: datetime | None) -> dict[str, str | None]:
    """Return the part of a query that names a time: from a moment until before another."""
    ends = {"from": since, "to": until}
    return {name: None if end is None else end.isoformat() for name, end in ends.items()}
