"""What the API answers, as frozen structs.

Unknown fields are ignored and newer ones have defaults, so that a client outlives the server
it was written for.
"""

from collections.abc import Mapping
from datetime import date, datetime
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
    language: str = "en"


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


class ExplainPrice(Struct, frozen=True):
    """What reasons cost, in credits per row on top of the row."""

    price: int


class PriceChange(Struct, frozen=True):
    """A price per row that is announced, and from when on it is charged."""

    price: int
    begins_at: datetime


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
    explain: ExplainPrice | None = None
    price_change: PriceChange | None = None
    # A first prediction as a program would buy it, by language.
    examples: Mapping[str, str] = field(default_factory=dict)


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


class PredictionFailure(Struct, frozen=True):
    """Why a prediction in the background came to nothing; nothing was charged for it."""

    code: str
    message: str = ""


class Prediction(Struct, frozen=True):
    """One paid request; from `succeeded` until `expired_at` there are `outputs`, one per row."""

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
    error: PredictionFailure | None = None
    expired_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has succeeded, failed or been cancelled, and will not change any more."""
        return self.status not in {"queued", "running"}


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


class Money(Struct, frozen=True):
    """An amount in minor units (kopecks, cents) of an ISO 4217 currency."""

    amount_minor: int
    currency: str


class Pack(Struct, frozen=True):
    """So many credits for so much money; `discount` is in percent, against the smallest pack."""

    credits: int
    money: Money
    discount: int = 0


class Provider(Struct, frozen=True):
    """Who takes money, in which currencies, and whether it can remember how somebody paid."""

    name: str
    currencies: tuple[str, ...]
    saves_methods: bool = False


class Packs(Struct, frozen=True):
    """What credits cost and who takes the money; the usual currency and provider come first."""

    packs: tuple[Pack, ...]
    providers: tuple[Provider, ...]


class Refunded(Struct, frozen=True):
    """What went back, or is on its way back, of a top-up."""

    credits: int
    money: Money


class TopUp(Struct, frozen=True):
    """Credits bought or being bought; `checkout_url` is where to pay while it is `pending`."""

    id: str
    status: str
    credits: int
    money: Money
    provider: str
    created_at: datetime
    origin: str = "customer"
    checkout_url: str | None = None
    refunded: Refunded | None = None
    reason: str | None = None
    transfer_id: str | None = None
    expires_at: datetime | None = None
    completed_at: datetime | None = None


class PaymentMethod(Struct, frozen=True):
    """A way to pay that the provider remembers; `title` names it as its owner knows it."""

    id: str
    provider: str
    title: str
    created_at: datetime


class AutomaticTopUp(Struct, frozen=True):
    """Credits that are bought by themselves whenever fewer than `below` are left.

    `declines` counts declined payments in a row; after too many it is `resting` until set again.
    """

    payment_method_id: str
    below: int
    credits: int
    currency: str
    monthly_cap_minor: int
    declines: int = 0
    resting: bool = False


class Voucher(Struct, frozen=True):
    """A redeemed code: what it gave, and the balance right after that."""

    id: str
    credits: int
    balance_after: int
    transfer: Transaction


class UsageTotals(Struct, frozen=True):
    """Predictions, their rows, and what they cost."""

    predictions: int
    rows: int
    credits: int


class UsageItem(UsageTotals, frozen=True, kw_only=True):
    """What was bought on a day of UTC, or of a model."""

    day: date | None = None
    model: str | None = None


class Usage(Struct, frozen=True, rename={"since": "from", "until": "to"}):
    """What was bought from `since` until before `until`, by day or by model."""

    group_by: str
    since: datetime
    until: datetime
    totals: UsageTotals
    items: tuple[UsageItem, ...]


class StatementMonth(Struct, frozen=True):
    """A month (`2026-03`, UTC) with movements; once `final` nothing is added to it."""

    month: str
    final: bool
    movements: int
    opening_balance: int
    closing_balance: int


class StatementTotal(Struct, frozen=True):
    """All movements of a type together; `amount` is signed."""

    type: str
    count: int
    amount: int


class Statement(StatementMonth, frozen=True, kw_only=True):
    """A month with every movement, oldest first."""

    begins_at: datetime
    ends_at: datetime
    totals: tuple[StatementTotal, ...]
    items: tuple[Transaction, ...]


class BalanceAlert(Struct, frozen=True):
    """Below how many credits the customer is told that few are left; None: never."""

    below: int | None = None


class WebhookEndpoint(Struct, frozen=True):
    """An address that hears of events; `failures` counts deliveries given up in a row."""

    id: str
    url: str
    events: tuple[str, ...]
    status: str
    created_at: datetime
    failures: int = 0


class NewWebhookEndpoint(WebhookEndpoint, frozen=True, kw_only=True):
    """A new endpoint with the secret that its deliveries are signed with, shown this once."""

    secret: str


class WebhookDelivery(Struct, frozen=True):
    """One event for one endpoint, and what the endpoint last answered.

    `body` is there when the delivery was asked for by its id.
    """

    id: str
    endpoint_id: str
    event_id: str
    type: str
    status: str
    attempts: int
    created_at: datetime
    next_attempt_at: datetime | None = None
    answer_status: int | None = None
    answer: str | None = None
    completed_at: datetime | None = None
    body: str | None = None


class Health(Struct, frozen=True):
    """The API process's own word on how it is."""

    status: str = "ok"


class Page(Struct, Generic[T], frozen=True):
    """One page of a list, newest first; `next_cursor` asks for the next, None ends it."""

    items: tuple[T, ...]
    next_cursor: str | None = None
