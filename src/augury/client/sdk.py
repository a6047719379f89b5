"""The client: one method per thing that a customer can do."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote as quote_path

import httpx2
import msgspec

from augury.client.answers import (
    Health,
    Me,
    Model,
    Page,
    Prediction,
    Quote,
    Tokens,
    Transaction,
    User,
)
from augury.client.errors import ApiError
from augury.client.transport import Patience, exchange

T = TypeVar("T")
Row = Mapping[str, Any]


class Client:
    """A connection to one Augury API, signed in by `token` (an access token or an API key)."""

    def __init__(
        self,
        base_url: str,
        token: str | None = None,
        *,
        language: str | None = None,
        timeout_seconds: float = 30.0,
        patience: Patience | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        """Open a pool of connections to `base_url`; nothing is sent yet."""
        self.token = token
        self._language = language
        self._address: str | None = None
        self._patience = patience or Patience()
        self._http = httpx2.Client(
            base_url=base_url,
            timeout=timeout_seconds,
            transport=transport,
            # Proxies from the environment would see tokens of a service that is next door.
            trust_env=False,
        )

    def acting_as(
        self, token: str | None, language: str | None = None, address: str | None = None
    ) -> "Client":
        """Return a client for another user or language that shares this one's connections.

        A service that calls for others passes their `address` on, so that limits on guessing
        count each of them and not the service; the API believes it from trusted proxies only.
        """
        twin = object.__new__(Client)
        twin.token = token
        twin._language = language or self._language
        twin._address = address
        twin._patience = self._patience
        twin._http = self._http
        return twin

    def close(self) -> None:
        """Close the connections, also for clients made by `acting_as`."""
        self._http.close()

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self.close()

    def register(self, username: str, email: str, password: str) -> User:
        """Return the new user; this does not sign in."""
        body = {"username": username, "email": email, "password": password}
        return self._call("POST", "/v1/auth/register", User, json=body)

    def sign_in(self, username: str, password: str) -> Tokens:
        """Return fresh tokens, and act by them from now on."""
        return self._take_tokens(
            {"grant_type": "password", "username": username, "password": password}
        )

    def refresh(self, refresh_token: str) -> Tokens:
        """Return the tokens that replace `refresh_token`, and act by them from now on."""
        return self._take_tokens({"grant_type": "refresh_token", "refresh_token": refresh_token})

    def sign_out(self, refresh_token: str | None = None) -> None:
        """Revoke this session's refresh tokens, and forget the access token."""
        body = {"refresh_token": refresh_token} if refresh_token else {}
        self._send("POST", "/v1/auth/logout", json=body)
        self.token = None

    def me(self) -> Me:
        """Return the signed-in user with the balance."""
        return self._call("GET", "/v1/me", Me)

    def models(self) -> tuple[Model, ...]:
        """Return every model on sale."""
        return tuple(self._walk("/v1/models", Page[Model], {"limit": 200}))

    def model(self, name: str) -> Model:
        """Return one model on sale; ApiError `model_not_found` when there is none."""
        return self._call("GET", f"/v1/models/{quote_path(name, safe='')}", Model)

    def predict(
        self,
        model: str,
        inputs: Row | Sequence[Row],
        *,
        explain: bool = False,
        idempotency_key: str | None = None,
    ) -> Prediction:
        """Buy a prediction for one row or many, and return it.

        All tries of one call carry one idempotency key, so that a lost answer is fetched again
        and not bought again. Pass your own key to make that hold across restarts too.
        """
        return self._call(
            "POST",
            "/v1/predictions",
            Prediction,
            json=_order(model, inputs, explain=explain),
            headers={"Idempotency-Key": idempotency_key or str(uuid.uuid4())},
        )

    def quote(self, model: str, inputs: Row | Sequence[Row], *, explain: bool = False) -> Quote:
        """Return what `predict` would cost; nothing is charged."""
        order = _order(model, inputs, explain=explain)
        return self._call("POST", "/v1/quotes", Quote, json=order, repeatable=True)

    def predictions(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
        model: str | None = None,
        status: str | None = None,
    ) -> Page[Prediction]:
        """Return one page of the user's predictions, newest first."""
        query = {"limit": limit, "cursor": cursor, "model": model, "status": status}
        return self._call("GET", "/v1/predictions", Page[Prediction], params=_present(query))

    def each_prediction(
        self, *, model: str | None = None, status: str | None = None
    ) -> Iterator[Prediction]:
        """Yield all of the user's predictions, newest first, page by page."""
        query = _present({"limit": 200, "model": model, "status": status})
        yield from self._walk("/v1/predictions", Page[Prediction], query)

    def prediction(self, prediction_id: str) -> Prediction:
        """Return one prediction with its inputs."""
        path = f"/v1/predictions/{quote_path(prediction_id, safe='')}"
        return self._call("GET", path, Prediction)

    def transactions(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
        type: str | None = None,  # noqa: A002 - the parameter of the API has this name
    ) -> Page[Transaction]:
        """Return one page of movements on the balance, newest first."""
        query = {"limit": limit, "cursor": cursor, "type": type}
        return self._call("GET", "/v1/transactions", Page[Transaction], params=_present(query))

    def each_transaction(self, *, type: str | None = None) -> Iterator[Transaction]:  # noqa: A002 - the parameter of the API has this name
        """Yield all movements on the balance, newest first, page by page."""
        query = _present({"limit": 200, "type": type})
        yield from self._walk("/v1/transactions", Page[Transaction], query)

    def health(self) -> Health:
        """Return the API's own word on how it is, asking once: Unreachable when it is down."""
        once = Patience(attempts=1)
        return self._call("GET", "/healthz", Health, patience=once)

    def _take_tokens(self, form: dict[str, str]) -> Tokens:
        tokens = self._call("POST", "/v1/auth/token", Tokens, data=form, anonymous=True)
        self.token = tokens.access_token
        return tokens

    def _walk(self, path: str, page_type: type[Page[T]], query: Mapping[str, Any]) -> Iterator[T]:
        cursor: str | None = None
        while True:
            params = {**query, "cursor": cursor} if cursor else dict(query)
            page = self._call("GET", path, page_type, params=params)
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def _call(self, method: str, path: str, answer: type[T], **rest: Any) -> T:
        response = self._send(method, path, **rest)
        try:
            return msgspec.json.decode(response.content, type=answer)
        except msgspec.MsgspecError as fault:
            code = "unreadable_answer"
            detail = f"{method} {path} answered something that is not {answer}: {fault}"
            request_id = response.headers.get("X-Request-ID")
            raise ApiError(code, response.status_code, detail, request_id=request_id) from fault

    def _send(
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
        sent = dict(headers or {})
        if self.token and not anonymous:
            sent["Authorization"] = f"Bearer {self.token}"
        if self._language:
            sent["Accept-Language"] = self._language
        if self._address:
            sent["X-Forwarded-For"] = self._address
        return exchange(
            self._http,
            method,
            path,
            headers=sent,
            repeatable=repeatable or method == "GET" or "Idempotency-Key" in sent,
            patience=patience or self._patience,
            **content,
        )


def _order(model: str, inputs: Row | Sequence[Row], *, explain: bool) -> dict[str, Any]:
    rows = [inputs] if isinstance(inputs, Mapping) else list(inputs)
    return {"model": model, "inputs": rows, "explain": explain}


def _present(query: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value is not None}
