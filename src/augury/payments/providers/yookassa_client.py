"""The HTTP side of YooKassa: the official SDK's client without its traps, and what it answers."""

import re
from collections.abc import Mapping
from copy import copy
from threading import Lock
from time import monotonic
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import requests
from requests.adapters import HTTPAdapter
from yookassa import Configuration
from yookassa.client import ApiClient

from augury.kit.decoding import decode
from augury.kit.log import logger
from augury.payments.providers.protocol import Money, ProviderRefused, ProviderUnavailable

# All requests of one operation together, about; a connection that is not made soon never is.
PATIENCE_SECONDS = 10
_CONNECT_SECONDS = 3
RETRY_SECONDS = 10
LONGEST_RETRY_SECONDS = 3600
# Of a code of theirs, where we keep it.
_LONGEST_CODE = 64
# Names go into paths, and a notification's name comes from anybody.
_NAME = re.compile(r"[0-9A-Za-z-]{1,64}")
_T = TypeVar("_T")
_log = logger("payments")


class Amount(msgspec.Struct):
    """Money as YooKassa writes it."""

    value: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,15}\.[0-9]{2}\Z")]
    currency: str

    def money(self) -> Money:
        """Return it in minor units."""
        return Money(int(self.value.replace(".", "")), self.currency)


class Card(msgspec.Struct):
    """The card of a payment method."""

    last4: str | None = None
    card_type: str | None = None


class Method(msgspec.Struct):
    """How a payment was made; `saved` when that can be charged again."""

    id: str
    type: str
    saved: bool | None = None
    title: str | None = None
    card: Card | None = None


class Confirmation(msgspec.Struct):
    """Where the customer pays."""

    confirmation_url: str | None = None


class Cancellation(msgspec.Struct):
    """Why a payment or a refund was cancelled."""

    reason: str | None = None


class RawPayment(msgspec.Struct):
    """A payment in YooKassa's words: the part that concerns us."""

    id: str
    status: Literal["pending", "waiting_for_capture", "succeeded", "canceled"]
    amount: Amount
    description: str | None = None
    metadata: dict[str, Any] | None = None
    confirmation: Confirmation | None = None
    payment_method: Method | None = None
    refunded_amount: Amount | None = None
    cancellation_details: Cancellation | None = None


class RawRefund(msgspec.Struct):
    """A refund in YooKassa's words."""

    id: str
    payment_id: str
    status: Literal["pending", "succeeded", "canceled"]
    metadata: dict[str, Any] | None = None
    cancellation_details: Cancellation | None = None


class RawRefunds(msgspec.Struct):
    """A page of refunds."""

    items: list[RawRefund]
    next_cursor: str | None = None


class _Error(msgspec.Struct):
    code: str = ""
    description: str = ""
    parameter: str = ""
    retry_after: int = 0  # milliseconds


class Client(ApiClient):  # type: ignore[misc]  # the SDK has no types
    """The SDK's client, without its traps.

    As it comes it waits for ever, repeats a POST by itself, follows redirects, gives its secret to
    whatever logger the process has set, and answers a broken connection with an AttributeError.
    Its request and response classes put amounts through floats and round them: not used.
    """

    _configuring = Lock()

    def __init__(self, shop_id: str, secret_key: str, api_url: str) -> None:
        """Take the shop and the address of the API."""
        # The SDK's configuration is one for the process. It is copied here, and not read again.
        with self._configuring:
            Configuration.configure(shop_id, secret_key, api_url=api_url)
            super().__init__()
        self.configuration.verify = True
        self.deadline = 0.0

    def patient(self) -> "Client":
        """Return a client for one operation, with a deadline for all its requests."""
        client = copy(self)
        client.deadline = monotonic() + PATIENCE_SECONDS
        return client

    def get_session(self) -> requests.Session:
        """Return a session that ends at the deadline, repeats nothing and follows no redirect."""
        session = requests.Session()
        session.max_redirects = 0
        session.mount("https://", _Adapter(self.deadline))
        session.mount("http://", _Adapter(self.deadline))
        return session

    def log_request(self, *_arguments: Any) -> None:
        """Log nothing: the headers hold the secret, the body a customer."""

    def log_response(self, *_arguments: Any) -> None:
        """Log nothing."""

    def find(self, folder: str, name: str, type_: type[_T]) -> _T | None:
        """Return an object by its name; nothing when YooKassa knows none."""
        if not _NAME.fullmatch(name):
            return None
        return self.ask("GET", f"{folder}/{name}", type_)

    def ask(
        self,
        method: str,
        path: str,
        type_: type[_T],
        *,
        key: str | None = None,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> _T | None:
        """Return what YooKassa answers; nothing when it knows no such thing."""
        headers = self.prepare_request_headers({"Idempotence-Key": key} if key else None)
        try:
            answer = self.execute(body, method, path, query, headers)
        except requests.RequestException as error:
            if error.response is None:
                _log.warning("yookassa_silent", path=path, reason=type(error).__name__)
                raise ProviderUnavailable(retry_after_seconds=RETRY_SECONDS) from None
            answer = error.response
        if answer.status_code == requests.codes.not_found:
            return None
        if answer.status_code != requests.codes.ok:
            raise _failure(path, answer)
        try:
            return decode(answer.content, type_)
        except (ValueError, RecursionError) as error:
            _log.error("yookassa_answer_unreadable", path=path, reason=str(error))
            raise ProviderUnavailable(retry_after_seconds=RETRY_SECONDS) from None


class _Adapter(HTTPAdapter):
    """Connections that are given up at a deadline; nothing is repeated."""

    def __init__(self, deadline: float) -> None:
        super().__init__()
        self._deadline = deadline

    def send(self, *arguments: Any, **options: Any) -> requests.Response:
        left = self._deadline - monotonic()
        if left <= 0:
            raise requests.Timeout
        timeout = (min(_CONNECT_SECONDS, left), left)
        return super().send(*arguments, **{**options, "timeout": timeout})


def _failure(path: str, answer: requests.Response) -> ProviderRefused | ProviderUnavailable:
    """Return what an answer means that is no success."""
    status = answer.status_code
    try:
        said = decode(answer.content, _Error)
    except (ValueError, RecursionError):
        said = _Error()
    facts = {
        "path": path,
        "status": status,
        "error_code": said.code[:_LONGEST_CODE],
        "parameter": said.parameter[:_LONGEST_CODE],
        "description": said.description[:200],
    }
    # A used key with another body (an e-mail address has changed, say): the first request counts.
    if status in {400, 410} and said.parameter != "Idempotence-Key":
        _log.warning("yookassa_refuses", **facts)
        return ProviderRefused(reason=said.code[:_LONGEST_CODE] or "refused")
    log = _log.error if status < 500 and status not in {202, 429} else _log.warning  # noqa: PLR2004 -- statuses of HTTP
    log("yookassa_unavailable", **facts)
    wished = answer.headers.get("Retry-After", "")
    if wished.isascii() and wished.isdecimal():
        seconds = int(wished[:9])
    else:
        seconds = -(-said.retry_after // 1000) or RETRY_SECONDS
    seconds = min(max(seconds, 1), LONGEST_RETRY_SECONDS)
    return ProviderUnavailable(retry_after_seconds=seconds)
