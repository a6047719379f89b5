"""What the API answers, as frozen structs.

Unknown fields are ignored and newer ones have defaults, so that a client outlives the server
it was written for.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar

from msgspec import Struct, field

T = TypeVar("T")


class User(Struct, frozen=True):
    """A person or company that signs in; `role` is `customer` or `admin`."""

    id: str
    username: str
    email: str
    role: str
    status: str
    created_at: datetime


class Balance(Struct, frozen=True):
    """Credits that can be spent now, and credits set aside for work under way."""

    available: int
    held: int = 0


class Me(User, frozen=True, kw_only=True):
    """The signed-in user with the balance."""

    balance: Balance


class Tokens(Struct, frozen=True):
    """A pair of tokens; the refresh token works once and is replaced at each use."""

    access_token: str
    refresh_token: str
    expires_in: int
    token_type: str = "bearer"  # noqa: S105 - the scheme's name, not a password


class Model(Struct, frozen=True):
    """A machine-learning model on sale; texts are keyed by language, `price` is per row."""

    name: str
    title: Mapping[str, str]
    description: Mapping[str, str]
    task: str
    price: int
    version: int
    input_schema: Mapping[str, Any]
    output_schema: Mapping[str, Any]
    metrics: Mapping[str, Any] = field(default_factory=dict)
    card: Mapping[str, str] = field(default_factory=dict)


class Charge(Struct, frozen=True):
    """What a prediction cost and what was left."""

    transfer_id: str
    amount: int
    balance_after: int | None = None


class PredictionWarning(Struct, frozen=True):
    """Something worth knowing about an accepted input, such as a value never seen in training."""

    pointer: str = ""
    code: str = ""
    message: str = ""


class Prediction(Struct, frozen=True):
    """One paid request; `outputs` is there once `status` is `succeeded`, one entry per row."""

    id: str
    status: str
    model: str
    version: int
    rows: int
    price: int
    created_at: datetime
    completed_at: datetime | None = None
    outputs: tuple[Mapping[str, Any], ...] | None = None
    charge: Charge | None = None
    warnings: tuple[PredictionWarning, ...] = ()
    inputs: tuple[Mapping[str, Any], ...] | None = None


class Quote(Struct, frozen=True):
    """What a prediction would cost, without buying it."""

    price: int
    rows: int | None = None
    model: str | None = None
    version: int | None = None
    balance: Balance | None = None


class Transaction(Struct, frozen=True):
    """One movement on the balance; `amount` is signed."""

    id: str
    type: str
    amount: int
    created_at: datetime
    balance_after: int | None = None
    reference: Any = None
    reason: str | None = None


class Health(Struct, frozen=True):
    """The API process's own word on how it is."""

    status: str = "ok"


class Page(Struct, Generic[T], frozen=True):
    """One page of a list, newest first; `next_cursor` asks for the next, None ends it."""

    items: tuple[T, ...]
    next_cursor: str | None = None
