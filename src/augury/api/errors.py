"""The one renderer of everything that is not a success: `application/problem+json` (RFC 9457)."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from prometheus_client import Counter

from augury.kit.errors import Fault, Refusal
from augury.kit.texts import texts

MEDIA_TYPE = "application/problem+json"
_REFUSALS = Counter("augury_refusals", "Answers that were a refusal", ["code"])


@dataclass(frozen=True, slots=True)
class Problem:
    """An answer that is not a success, ready to send."""

    status: int
    code: str
    headers: dict[str, str]
    body: bytes


def render(refusal: Refusal, language: str, request_id: str) -> Problem:
    """Return the answer for a refusal, in the reader's language."""
    _REFUSALS.labels(refusal.code).inc()
    sentences = texts("api", language)
    values = refusal.told(language)
    members: dict[str, Any] = {
        "type": f"about:blank#{refusal.code}",
        "title": sentences.text(f"title.{refusal.code}"),
        "status": refusal.status,
        "detail": sentences.text(f"refusal.{refusal.code}", **values),
        "code": refusal.code,
        "request_id": request_id,
        **values,
    }
    if refusal.faults:
        members["errors"] = [_fault(fault, language) for fault in refusal.faults]
    headers = {"content-language": language}
    if refusal.retry_after_seconds is not None:
        headers["retry-after"] = str(refusal.retry_after_seconds)
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"
    return Problem(refusal.status, refusal.code, headers, msgspec.json.encode(members))


def _fault(fault: Fault, language: str) -> dict[str, str]:
    message = texts("api", language).text(fault.key, **fault.values)
    return {"pointer": fault.pointer, "message": message}


class UnsupportedMediaType(Refusal):
    """The body is not of the type that this address takes."""

    code = "unsupported_media_type"
    status = 415


class PayloadTooLarge(Refusal):
    """The body is larger than anything this address could use."""

    code = "payload_too_large"
    status = 413


class MethodNotAllowed(Refusal):
    """The address exists, with other methods."""

    code = "method_not_allowed"
    status = 405


class InternalError(Refusal):
    """Our fault. The log has the details under the request id; the answer has none."""

    code = "internal_error"
    status = 500


class NotReady(Refusal):
    """A part that is needed to sell does not answer."""

    code = "not_ready"
    status = 503


class Stopping(Refusal):
    """The server is stopping and could not finish this request in time."""

    code = "stopping"
    status = 503
