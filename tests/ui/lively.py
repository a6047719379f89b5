"""A house with a past: customers who paid, asked and were refused, and an administrator's work.

Everything came in through the API or a room's own functions, so the books are right. The dice are
thrown the same way each time; only the days move with the calendar.
"""

import io
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from augury.client import Client
from augury.kit.clock import SECOND, now
from augury.payments.providers.sandbox import Choice
from augury.predictions import job_outcomes
from client.shop import Shop
from support.databases import sqlite_database
from support.houses import APPLICANT, PASSWORD, findings, open_house, settings_for, sign_in
from support.quick import quicken_models, quicken_passwords, quicken_quarantine
from support.travel import TravellingClock
from support.uploads import parts, version

CUSTOMER = "maria"
UPLOADED = "customer-churn"
_OTHERS = ("ivan", "nordic-bank", "olga")
_DAY = 24 * 3600 * SECOND
_CREDIT = (
    "credit-catboost",
    "credit-catboost",
    "credit-random-forest",
    "credit-logistic-regression",
)
_GRADES = "ABCDE"
_BATCH_ROWS = 40
_BAD_DAY = 2


@dataclass(frozen=True)
class Lively:
    """What the addresses of its pages need to name."""

    customer_id: str
    prediction_id: str
    batch_id: str
    delivery_id: str
    transfer_id: str
    top_up_id: str
    voucher_batch_id: str


def lively_house(folder: Path, days: int) -> Lively:
    """Fill an empty data folder with a past of so many days; its books are right in the end."""
    url = sqlite_database(folder)
    settings = settings_for(url, folder, worker="apart", webhook_private_networks="127.0.0.0/8")
    with pytest.MonkeyPatch.context() as patch:
        for quicken in (quicken_passwords, quicken_models, quicken_quarantine):
            quicken(patch)
        with open_house(settings) as (http, house):
            past = _Past(Shop(http, house), TravellingClock(patch), folder)
            told = past.live(days)
    assert findings(url) == []
    return told


class _Past:
    def __init__(self, shop: Shop, clock: TravellingClock, folder: Path) -> None:
        self._shop = shop
        self._clock = clock
        self._folder = folder
        self._dice = random.Random(7)
        self._today = now()

    def live(self, days: int) -> Lively:
        """Live so many days until today, and return what came of it."""
        self._at(days, hour=8)
        for name in (*_OTHERS, CUSTOMER):
            self._shop.guest().register(name, f"{name}@example.com", PASSWORD)
        maria, others = self._client(CUSTOMER), [self._client(name) for name in _OTHERS]
        self._pay(maria, 20_000, Choice.APPROVE)
        for day in range(days - 1, 0, -1):
            self._at(day, hour=9)
            for client in (maria, maria, *others):
                self._buy(client)
            if day == _BAD_DAY:
                self._have_a_bad_day(maria)
        self._at(1, hour=11)
        vouchers = self._administrate()
        self._clock.go_to(self._today - 600 * SECOND)
        return self._come_to_today(maria, vouchers)

    def _have_a_bad_day(self, client: Client) -> None:
        """Decline a payment; order a prediction when nobody works, beyond its deadline."""
        self._at(_BAD_DAY, hour=10)
        self._pay(client, 1_000, Choice.DECLINE)
        client.predict("credit-catboost", self._applicant(), wait=False)
        self._at(_BAD_DAY, hour=23)
        assert job_outcomes.fail_overdue(self._shop.house.db) == 1

    def _come_to_today(self, maria: Client, vouchers: str) -> Lively:
        self._pay(maria, 5_000, None)
        maria.api_keys.create("Nightly scoring", credit_limit=10_000)
        # An address of this machine, which the house never speaks to unless it is told so.
        hook = maria.webhooks.add_endpoint("https://127.0.0.1:9/augury", ["top_up.succeeded"])
        delivery = maria.webhooks.test_endpoint(hook.id)
        maria.predict("investment-risk", {"symbol": "AAPL", "horizon_days": 21})
        batch = maria.batches.create(
            io.BytesIO(self._file()), "credit-catboost", name="applicants.csv"
        )
        bought = maria.predict("credit-catboost", self._applicant(), explain=True)
        assert bought.charge is not None
        return Lively(
            maria.me().id,
            bought.id,
            batch.id,
            delivery.id,
            bought.charge.transfer_id,
            next(maria.money.each_top_up(status="succeeded")).id,
            vouchers,
        )

    def _at(self, days_ago: int, hour: int) -> None:
        midnight = self._today - self._today % _DAY
        self._clock.go_to(midnight - days_ago * _DAY + hour * 3600 * SECOND)

    def _client(self, name: str) -> Client:
        client = self._shop.guest()
        client.sign_in(name, PASSWORD)
        return client

    def _applicant(self) -> dict[str, Any]:
        income = self._dice.randrange(18, 140) * 1000
        loan = self._dice.randrange(2, 30) * 1000
        return APPLICANT | {
            "person_age": self._dice.randrange(20, 65),
            "person_income": income,
            "person_home_ownership": self._dice.choice(("RENT", "OWN", "MORTGAGE")),
            "loan_grade": self._dice.choice(_GRADES),
            "loan_amnt": loan,
            "loan_int_rate": self._dice.randrange(50, 200) / 10,
            "loan_percent_income": round(loan / income, 2),
        }

    def _file(self) -> bytes:
        rows = [self._applicant() for _ in range(_BATCH_ROWS)]
        # One line has a fault, as files do.
        rows[3]["person_age"] = 7
        lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
        return "\n".join(lines).encode()

    def _buy(self, client: Client) -> None:
        model, rows = self._dice.choice(_CREDIT), self._dice.choice((1, 1, 1, 3))
        if client.me().balance.available < 1_000:
            self._pay(client, 5_000, Choice.APPROVE)
        inputs = [self._applicant() for _ in range(rows)]
        client.predict(model, inputs, explain=self._dice.random() < 0.3)

    def _pay(self, client: Client, credits_: int, choice: Choice | None) -> None:
        top_up = client.money.start_top_up(credits_)
        if choice is not None:
            self._shop.pay(top_up, choice)

    def _administrate(self) -> str:
        """Do an administrator's work, and return the id of a batch of vouchers."""
        admin = self._shop.admin()
        maria, ivan = (next(iter(admin.admin.users(name))) for name in (CUSTOMER, "ivan"))
        admin.admin.adjust(maria.id, 500, "Goodwill for the failed prediction")
        admin.admin.set_status(ivan.id, "blocked")
        vouchers = _ask(self._shop, "/v1/admin/voucher-batches", json=_VOUCHERS)
        first, second = (version(self._folder / "uploads", gain, **_CHURN) for gain in (1.0, 1.5))
        _ask(self._shop, "/v1/admin/models", files=parts(first))
        _ask(self._shop, f"/v1/admin/models/{UPLOADED}/versions", files=parts(second))
        return str(vouchers["id"])


_VOUCHERS = {"name": "Spring campaign", "credits": 500, "codes": 10}
_CHURN: dict[str, Any] = {
    "name": UPLOADED,
    "title": {"en": "Customer churn", "ru": "Отток клиентов"},
    "description": {
        "en": "How likely a customer is to leave within a quarter.",
        "ru": "Насколько вероятно, что клиент уйдёт в течение квартала.",
    },
}


def _ask(shop: Shop, path: str, **body: Any) -> Any:
    answer = shop.http.post(path, headers=sign_in(shop.http, "admin"), **body)
    assert answer.is_success, answer.text
    return answer.json()
