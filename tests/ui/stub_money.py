"""The part of the API in memory that is about money, with a bank in the test's hands."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx2

from ui.answers import NOW, page, problem

Answer = Callable[[httpx2.Request], httpx2.Response]
PACKS: dict[str, dict[int, int]] = {
    "RUB": {1000: 100_000, 5000: 475_000},
    "USD": {1000: 1200, 5000: 5700},
}


class StubMoney:
    """Top-ups, codes, the alert, saved methods and statements of one customer."""

    def __init__(self) -> None:
        """Start with one provider and nothing bought."""
        self.packs = PACKS
        self.providers = [provider("sandbox")]
        self.top_ups: list[dict[str, Any]] = []
        self.keys: dict[str, str] = {}
        self.codes = {"7Q2M-K4TZ-9WDX-03RF": 500}
        self.redeemed: dict[str, dict[str, Any]] = {}
        self.alert: Any = None
        self.methods: list[dict[str, Any]] = []
        self.automatic: Any = None
        self.months = ["2026-11", "2026-10"]
        self.wishes: list[dict[str, Any]] = []

    def routes(self) -> list[tuple[str, str, Answer]]:
        """Return method, beginning of the path, and who answers."""
        return [
            ("GET", "/v1/top-ups/packs", self._packs),
            ("GET", "/v1/top-ups/automatic", lambda _: self._order()),
            ("PUT", "/v1/top-ups/automatic", self._set_order),
            ("DELETE", "/v1/top-ups/automatic", self._end_order),
            ("POST", "/v1/top-ups", self._start),
            ("GET", "/v1/top-ups/", self._receipt),
            ("GET", "/v1/top-ups", lambda _: page(self.top_ups[::-1])),
            ("POST", "/v1/vouchers/redeem", self._redeem),
            ("GET", "/v1/balance/alert", self._alert),
            ("PUT", "/v1/balance/alert", self._set_alert),
            ("GET", "/v1/payment-methods", lambda _: page(self.methods)),
            ("DELETE", "/v1/payment-methods/", self._forget),
            ("GET", "/v1/statements/", self._statement),
            ("GET", "/v1/statements", lambda _: page([month(name) for name in self.months])),
        ]

    def settle(self, status: str) -> None:
        """Let the bank decide about the newest top-up."""
        self.top_ups[-1] |= {"status": status, "checkout_url": None}

    def _packs(self, _: httpx2.Request) -> httpx2.Response:
        packs = [
            {"credits": size, "money": money(minor, currency), "discount": 0 if size < 5000 else 5}
            for currency, sizes in self.packs.items()
            for size, minor in sizes.items()
        ]
        return httpx2.Response(200, json={"packs": packs, "providers": self.providers})

    def _start(self, request: httpx2.Request) -> httpx2.Response:
        key = request.headers["Idempotency-Key"]
        wish = json.loads(request.content)
        if key not in self.keys:
            self.wishes.append(wish)
            number = len(self.top_ups) + 1
            self.keys[key] = f"t{number}"
            sizes = self.packs[wish["currency"]]
            minor = sizes.get(wish["credits"]) or wish["credits"] * sizes[1000] // 1000
            self.top_ups.append(
                top_up(
                    f"t{number}",
                    wish["credits"],
                    minor,
                    wish["currency"],
                    provider=wish["provider"],
                )
            )
        made = next(one for one in self.top_ups if one["id"] == self.keys[key])
        return httpx2.Response(201, json=made)

    def _receipt(self, request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, text=f"receipt of {request.url.path.split('/')[-2]}")

    def _redeem(self, request: httpx2.Request) -> httpx2.Response:
        key, code = request.headers["Idempotency-Key"], json.loads(request.content)["code"]
        if key not in self.redeemed:
            if code not in self.codes:
                return problem(404, "voucher_unknown", "There is no *such* code.")
            given = self.codes.pop(code)
            movement = {"type": "promotion", "amount": given, "created_at": NOW.isoformat()}
            self.redeemed[key] = {
                "id": "v1",
                "credits": given,
                "balance_after": 5000 + given,
                "transfer": {"id": "m1", "balance_after": 5000 + given, **movement},
            }
        return httpx2.Response(201, json=self.redeemed[key])

    def _alert(self, _: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"below": self.alert})

    def _set_alert(self, request: httpx2.Request) -> httpx2.Response:
        below = json.loads(request.content)["below"]
        if below is not None and below < 1:
            fault = {"pointer": "/below", "message": "Must be at least 1."}
            return problem(422, "invalid_input", "Check the input.", errors=[fault])
        self.alert = below
        return httpx2.Response(200, json={"below": below})

    def _forget(self, request: httpx2.Request) -> httpx2.Response:
        gone = request.url.path.rsplit("/", 1)[-1]
        self.methods = [one for one in self.methods if one["id"] != gone]
        return httpx2.Response(204)

    def _order(self) -> httpx2.Response:
        if self.automatic is None:
            return problem(404, "not_found", "No automatic top-up.")
        return httpx2.Response(200, json=self.automatic)

    def _set_order(self, request: httpx2.Request) -> httpx2.Response:
        self.automatic = json.loads(request.content) | {"declines": 0, "resting": False}
        return self._order()

    def _end_order(self, _: httpx2.Request) -> httpx2.Response:
        self.automatic = None
        return httpx2.Response(204)

    def _statement(self, request: httpx2.Request) -> httpx2.Response:
        name = request.url.path.rsplit("/", 1)[-1]
        told = f"{name} {request.headers['Accept']} {request.headers['Accept-Language']}"
        return httpx2.Response(200, text=told)


def provider(name: str, *currencies: str, saves_methods: bool = True) -> dict[str, Any]:
    """Return a provider that is switched on."""
    taken = currencies or ("RUB", "USD")
    return {"name": name, "currencies": taken, "saves_methods": saves_methods}


def money(minor: int, currency: str) -> dict[str, Any]:
    """Return an amount."""
    return {"amount_minor": minor, "currency": currency}


def top_up(
    name: str, credits_: int, minor: int, currency: str = "RUB", **changes: Any
) -> dict[str, Any]:
    """Return a top-up that has just begun."""
    return {
        "id": name,
        "status": "pending",
        "credits": credits_,
        "money": money(minor, currency),
        "provider": "sandbox",
        "origin": "customer",
        "checkout_url": f"https://bank.test/{name}",
        "refunded": {"credits": 0, "money": money(0, currency)},
        "created_at": datetime.now(UTC).isoformat(),
        **changes,
    }


def method(name: str) -> dict[str, Any]:
    """Return a saved payment method."""
    made = {"provider": "sandbox", "created_at": NOW.isoformat()}
    return {"id": name, "title": f"Card •••• {name}", **made}


def month(name: str) -> dict[str, Any]:
    """Return a month with movements."""
    return {
        "month": name,
        "final": name < "2026-11",
        "movements": 2,
        "opening_balance": 0,
        "closing_balance": 4900,
    }
