"""The client: one method per thing that a customer can do; what is about money, in `money`."""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import httpx2

from augury.client.account import AccountCalls
from augury.client.admin import AdminCalls
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
from augury.client.batches import BatchCalls
from augury.client.connection import Connection, Renew, between, keyed, path_of, present
from augury.client.customers import CustomerCalls
from augury.client.keys import KeyCalls
from augury.client.market import MarketCalls
from augury.client.money import MoneyCalls
from augury.client.outcomes import OutcomeCalls
from augury.client.registry import RegistryCalls
from augury.client.samples import Sample
from augury.client.transport import Patience
from augury.client.webhooks import WebhookCalls

Row = Mapping[str, Any]
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0


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
        renew: Renew | None = None,
    ) -> None:
        """Open a pool of connections to `base_url`; nothing is sent yet.

        When the token is refused, `renew` is told it and gives one that replaces it, or None.
        """
        http = httpx2.Client(
            base_url=base_url,
            timeout=timeout_seconds,
            transport=transport,
            # Proxies from the environment would see tokens of a service that is next door.
            trust_env=False,
        )
        patience = patience or Patience()
        self._speak_through(
            Connection(http, token, patience=patience, language=language, renew=renew)
        )

    def _speak_through(self, connection: Connection) -> None:
        self._connection = connection
        self.account = AccountCalls(connection)
        self.admin = AdminCalls(connection)
        self.api_keys = KeyCalls(connection)
        self.batches = BatchCalls(connection)
        self.customers = CustomerCalls(connection)
        self.market = MarketCalls(connection)
        self.money = MoneyCalls(connection)
        self.outcomes = OutcomeCalls(connection)
        self.registry = RegistryCalls(connection)
        self.webhooks = WebhookCalls(connection)

    @property
    def token(self) -> str | None:
        """The access token or API key that calls are signed with; None for a guest."""
        return self._connection.token

    def acting_as(
        self,
        token: str | None,
        language: str | None = None,
        address: str | None = None,
        agent: str | None = None,
    ) -> "Client":
        """Return a client for another user or language that shares this one's connections.

        A service that calls for others passes their `address` on, so that limits on guessing
        count each of them and not the service; the API believes it from trusted proxies only.
        And their `agent`, the browser's own name, by which they know their sessions again.
        """
        twin = object.__new__(Client)
        twin._speak_through(self._connection.acting_as(token, language, address, agent))
        return twin

    def close(self) -> None:
        """Close the connections, also for clients made by `acting_as`."""
        self._connection.close()

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
        return self._connection.call("POST", "/v1/auth/register", User, json=body)

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
        self._connection.send("POST", "/v1/auth/logout", json=body)
        self._connection.token = None

    def me(self) -> Me:
        """Return the signed-in user with the balance."""
        return self._connection.call("GET", "/v1/me", Me)

    def models(self) -> tuple[Model, ...]:
        """Return every model on sale."""
        return tuple(self._connection.walk("/v1/models", Page[Model], {"limit": 200}))

    def model(self, name: str) -> Model:
        """Return one model on sale; ApiError `model_not_found` when there is none."""
        return self._connection.call("GET", path_of("models", name), Model)

    def sample(self, name: str) -> Sample:
        """Return what a model makes of its own example; ApiError `no_sample` when it has none."""
        return self._connection.call("GET", path_of("models", name, "sample"), Sample)

    def predict(
        self,
        model: str,
        inputs: Row | Sequence[Row],
        *,
        explain: bool = False,
        wait: bool = True,
        idempotency_key: str | None = None,
        timeout_seconds: float | None = None,
    ) -> Prediction:
        """Buy a prediction for one row or many, and return it.

        With `wait=False` it is made in the background: it comes back queued, its price held, and
        `await_prediction` returns it when it is over.

        All tries of one call carry one idempotency key, so that a lost answer is fetched again
        and not bought again. Pass your own key to make that hold across restarts too. A try takes
        at most `timeout_seconds`, or as long as any call of this client.
        """
        limit = {} if timeout_seconds is None else {"timeout": timeout_seconds}
        return self._connection.call(
            "POST",
            "/v1/predictions",
            Prediction,
            json=_order(model, inputs, explain=explain),
            headers=keyed(idempotency_key) | ({} if wait else {"Prefer": "respond-async"}),
            **limit,
        )

    def quote(self, model: str, inputs: Row | Sequence[Row], *, explain: bool = False) -> Quote:
        """Return what `predict` would cost; nothing is charged."""
        order = _order(model, inputs, explain=explain)
        return self._connection.call("POST", "/v1/quotes", Quote, json=order, repeatable=True)

    def predictions(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
        model: str | None = None,
        status: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Page[Prediction]:
        """Return one page of the user's predictions, newest first."""
        query = {"limit": limit, "cursor": cursor, "model": model, "status": status}
        query |= between(since, until)
        return self._connection.call(
            "GET", "/v1/predictions", Page[Prediction], params=present(query)
        )

    def each_prediction(
        self,
        *,
        model: str | None = None,
        status: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[Prediction]:
        """Yield all of the user's predictions, newest first, page by page."""
        query = {"limit": 200, "model": model, "status": status} | between(since, until)
        yield from self._connection.walk("/v1/predictions", Page[Prediction], present(query))

    def prediction(self, prediction_id: str) -> Prediction:
        """Return one prediction with its inputs."""
        return self._connection.call("GET", path_of("predictions", prediction_id), Prediction)

    def await_prediction(
        self, prediction_id: str, *, timeout_seconds: float = 3900.0
    ) -> Prediction:
        """Ask for a prediction until it has succeeded, failed or been cancelled, and return it.

        Raises `TimeoutError` when it is not over in time: after an hour every prediction is.
        """
        until = time.monotonic() + timeout_seconds
        pause_seconds = _FIRST_PAUSE_SECONDS
        while not (found := self.prediction(prediction_id)).is_over:
            if time.monotonic() + pause_seconds > until:
                message = f"prediction {prediction_id} is still {found.status}"
                raise TimeoutError(message)
            time.sleep(pause_seconds)
            pause_seconds = min(pause_seconds * 1.5, _LONGEST_PAUSE_SECONDS)
        return found

    def cancel(self, prediction_id: str) -> Prediction:
        """Cancel a prediction that is queued, and return it; it costs nothing.

        ApiError `not_cancellable` when it has begun or is over.
        """
        path = path_of("predictions", prediction_id, "cancel")
        return self._connection.call("POST", path, Prediction, repeatable=True)

    def transactions(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
        type: str | Sequence[str] | None = None,  # noqa: A002 - the parameter of the API has this name
        since: datetime | None = None,
        until: datetime | None = None,
        reference: str | None = None,
    ) -> Page[Transaction]:
        """Return one page of movements on the balance, newest first, of one type or several."""
        query = {"limit": limit, "cursor": cursor, "type": type, "reference": reference}
        query |= between(since, until)
        return self._connection.call(
            "GET", "/v1/transactions", Page[Transaction], params=present(query)
        )

    def each_transaction(
        self,
        *,
        type: str | Sequence[str] | None = None,  # noqa: A002 - the parameter of the API has this name
    ) -> Iterator[Transaction]:
        """Yield all movements on the balance, newest first, page by page."""
        query = present({"limit": 200, "type": type})
        yield from self._connection.walk("/v1/transactions", Page[Transaction], query)

    def health(self) -> Health:
        """Return the API's own word on how it is, asking once: Unreachable when it is down."""
        once = Patience(attempts=1)
        return self._connection.call("GET", "/healthz", Health, patience=once)

    def _take_tokens(self, form: dict[str, str]) -> Tokens:
        tokens = self._connection.call("POST", "/v1/auth/token", Tokens, data=form, anonymous=True)
        self._connection.token = tokens.access_token
        return tokens


def _order(model: str, inputs: Row | Sequence[Row], *, explain: bool) -> dict[str, Any]:
    rows = [inputs] if isinstance(inputs, Mapping) else list(inputs)
    return {"model": model, "inputs": rows, "explain": explain}
