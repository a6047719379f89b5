"""What travels over the wire when predictions are bought and read.

These are msgspec classes: the busiest route decodes and encodes with them in a few microseconds.
"""

import re
from itertools import islice
from typing import Annotated, Any, Literal

import msgspec

from augury.inference.asking import Caution
from augury.kit.errors import Fault, InvalidInput, escaped, invalid

_KEY = re.compile(r"[\x20-\x7e]{1,255}")


class PredictionRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which model, and the rows to predict; `inputs` is read by the model's own signature."""

    model: str
    inputs: msgspec.Raw
    explain: bool = False


class Charge(msgspec.Struct, frozen=True):
    """The movement of credits that paid for a prediction."""

    transfer_id: str
    amount: int
    balance_after: int


Status = Literal["queued", "running", "succeeded", "failed", "cancelled"]


class Failure(msgspec.Struct, frozen=True):
    """Why a prediction in the background came to nothing. Nothing was charged for it."""

    code: str
    message: str


class PredictionAnswer(msgspec.Struct, frozen=True):
    """A prediction. Until it is paid it has no `outputs`, `charge` and `completed_at` (null).

    Lists leave out `outputs` of more than ten rows, too. From `expired_at` on it has no `inputs`,
    `outputs` and `warnings` any more.
    """

    id: str
    status: Status
    model: str
    version: int
    rows: int
    price: int
    outputs: list[dict[str, Any]] | None
    warnings: list[Caution]
    charge: Charge | None
    error: Failure | None
    created_at: str
    completed_at: str | None
    expired_at: str | None


class PredictionDetails(PredictionAnswer, frozen=True):
    """A prediction together with what was asked, unless that has expired."""

    inputs: list[dict[str, Any]] | None


class PredictionPage(msgspec.Struct, frozen=True):
    """Predictions, newest first."""

    items: list[PredictionAnswer]
    next_cursor: str | None


class Quote(msgspec.Struct, frozen=True):
    """What a prediction would cost now, and what there is to pay it with."""

    model: str
    version: int
    rows: int
    price: int
    balance: "QuoteBalance"
    affordable: bool
    warnings: list[Caution]


class QuoteBalance(msgspec.Struct, frozen=True):
    """What can be spent, and what is held for unfinished work."""

    available: Annotated[int, msgspec.Meta(ge=0)]
    held: Annotated[int, msgspec.Meta(ge=0)]


_request = msgspec.json.Decoder(PredictionRequest)


def read_request(body: bytes) -> PredictionRequest:
    """Return the request in a body, or raise `InvalidInput`."""
    try:
        return _request.decode(body)
    except msgspec.ValidationError:
        # The decoder stops at the first fault; a customer wants to see them all.
        raise InvalidInput(faults=_faults_of(body)) from None
    except _NOT_JSON:
        raise invalid("", "fault.not_json") from None


def _faults_of(text: bytes) -> list[Fault]:
    try:
        body = msgspec.json.decode(text)
    except _NOT_JSON:  # further on than the first fault
        return [Fault("", "fault.not_json", {})]
    if not isinstance(body, dict):
        return [Fault("", "fault.not_request", {})]
    unknown = islice((name for name in body if name not in _MEMBERS), _MOST_FAULTS)
    faults = [Fault(f"/{escaped(name)}", "fault.unknown_member", {}) for name in unknown]
    faults += [
        Fault(f"/{name}", "fault.missing", {}) for name in ("model", "inputs") if name not in body
    ]
    faults += [
        Fault(f"/{name}", f"fault.{kind}", {})
        for name, type_, kind in (("model", str, "text"), ("explain", bool, "truth"))
        if name in body and not isinstance(body[name], type_)
    ]
    return faults


_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_MEMBERS = PredictionRequest.__struct_fields__
_MOST_FAULTS = 100


def check_key(key: str | None) -> str | None:
    """Return a key of 1..255 printable characters, or raise `InvalidInput`."""
    if key is not None and not _KEY.fullmatch(key):
        raise invalid("/idempotency-key", "fault.idempotency_key")
    return key
