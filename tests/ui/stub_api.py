"""An API in memory: enough of it for the cabinet."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import httpx2

from ui import stub_investing
from ui.answers import NOW, page, problem
from ui.stub_money import StubMoney

INPUT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["person_age", "person_income", "person_home_ownership", "person_emp_length"],
    "properties": {
        "person_age": {
            "type": "integer",
            "title": "Age",
            "x-title": {"en": "Age", "ru": "Возраст"},
            "x-unit": {"en": "years", "ru": "лет"},
            "minimum": 18,
            "maximum": 120,
            "examples": [30],
        },
        "person_income": {
            "type": "number",
            "title": "Annual income",
            "description": "Before $taxes",
            "x-unit": {"en": "USD", "ru": "долл."},
            "minimum": 0,
            "examples": [50000],
        },
        "person_home_ownership": {
            "type": "string",
            "title": "Home",
            "enum": ["RENT", "OWN"],
            "x-enum-titles": {"RENT": {"en": "Rented", "ru": "Аренда"}, "OWN": "Owned"},
            "examples": ["RENT"],
        },
        "person_emp_length": {
            "type": ["number", "null"],
            "title": "Years in the job",
            "minimum": 0,
            "maximum": 60,
        },
    },
}
OUTPUT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "default_probability": {"type": "number", "minimum": 0, "maximum": 1},
        "approval_probability": {"type": "number", "minimum": 0, "maximum": 1},
        "decision": {"type": "string", "enum": ["approve", "review", "decline"]},
    },
}


REASON = {
    "feature": "person_income",
    "value": 50000,
    "contribution": -1.23456,
    "text": "Yearly income of $50,000 (person_income = 50000): lowers the risk",
}


NO_USAGE: dict[str, Any] = {
    "group_by": "day",
    "from": NOW.isoformat(),
    "to": NOW.isoformat(),
    "totals": {"predictions": 0, "rows": 0, "credits": 0},
    "items": [],
}


def model(name: str, price: int) -> dict[str, Any]:
    """Return a model on sale."""
    return {
        "name": name,
        "title": {"en": f"Credit: {name}", "ru": f"Кредит: {name}"},
        "description": {"en": "Will they repay?", "ru": "Вернут ли?"},
        "task": "credit-scoring",
        "price": price,
        "explain": {"price": 40} if name == "dear" else None,
        "version": 1,
        "input_schema": INPUT_SCHEMA,
        "output_schema": OUTPUT_SCHEMA,
        "metrics": {"roc_auc": 0.93456},
        "card": {"en": "Trained on loans from $500.", "ru": "Обучена на займах от $500."},
    }


class StubApi:
    """Answers requests; `is_down` cuts the line, `calls` remembers what was asked."""

    def __init__(self) -> None:
        """Start with three models, one user and a welcome balance."""
        self.is_down = False
        self.username = "ann"
        self.balance = 5000
        self.token_number = 0
        self.refresh_tokens: set[str] = set()
        self.access_tokens: set[str] = set()
        self.revoked = False
        self.sold: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, str]] = []
        self.addresses: list[str | None] = []
        self.models = [model("cheap", 10), model("dear", 100)]
        self.expires_in = 900
        self.money = StubMoney()
        # What the next call of a method and a path is answered, whatever it wants.
        self.refusals: dict[str, httpx2.Response] = {}

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        """Answer one request."""
        if self.is_down:
            message = "connection refused"
            raise httpx2.ConnectError(message, request=request)
        path = request.url.path
        self.calls.append((request.method, path))
        self.addresses.append(request.headers.get("X-Forwarded-For"))
        is_private = path not in {"/healthz", "/v1/auth/register", "/v1/auth/token"}
        is_private = is_private and not path.startswith(("/v1/models", "/v1/top-ups/packs"))
        if is_private and self._bearer(request) not in self.access_tokens:
            return problem(401, "unauthenticated", "Sign in first.")
        refusal = self.refusals.pop(f"{request.method} {path}", None)
        if refusal is not None:
            return refusal
        for method, start, answer in self._routes():
            if method == request.method and path.startswith(start):
                return answer(request)
        return problem(404, "not_found", f"No {path} here.")

    def _routes(self) -> list[tuple[str, str, Callable[[httpx2.Request], httpx2.Response]]]:
        return [
            ("GET", "/healthz", lambda _: httpx2.Response(200, json={"status": "ok"})),
            ("POST", "/v1/auth/register", self._register),
            ("POST", "/v1/auth/token", self._tokens),
            ("POST", "/v1/auth/logout", self._sign_out),
            ("GET", "/v1/me", self._me),
            ("GET", "/v1/models/", self._model),
            ("GET", "/v1/models", lambda _: page(self.models)),
            ("POST", "/v1/predictions", self._predict),
            ("GET", "/v1/predictions/", self._prediction),
            ("GET", "/v1/predictions", lambda _: page(list(self.sold.values())[::-1])),
            ("GET", "/v1/market/series/", stub_investing.values),
            ("GET", "/v1/market/series", stub_investing.listed),
            ("GET", "/v1/transactions", lambda _: page(self._movements())),
            ("GET", "/v1/usage", lambda _: httpx2.Response(200, json=NO_USAGE)),
            ("GET", "/v1/api-keys", lambda _: page([])),
            ("GET", "/v1/webhook-", lambda _: page([])),
            *self.money.routes(),
        ]

    def issue_tokens(self) -> dict[str, Any]:
        """Return a new pair of tokens."""
        self.token_number += 1
        access, refresh = f"access-{self.token_number}", f"refresh-{self.token_number}"
        self.access_tokens.add(access)
        self.refresh_tokens.add(refresh)
        return {
            "access_token": access,
            "refresh_token": refresh,
            "token_type": "bearer",
            "expires_in": self.expires_in,
        }

    def _register(self, request: httpx2.Request) -> httpx2.Response:
        self.username = json.loads(request.content)["username"]
        return httpx2.Response(201, json=self._user())

    def _tokens(self, request: httpx2.Request) -> httpx2.Response:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        if form["grant_type"] == "refresh_token":
            if self.revoked or form["refresh_token"] not in self.refresh_tokens:
                self.revoked = True
                return problem(401, "invalid_credentials", "Sign in again.")
            self.refresh_tokens.remove(form["refresh_token"])
        elif form["password"] != "correct horse":
            return problem(401, "invalid_credentials", "Wrong username or password.")
        return httpx2.Response(200, json=self.issue_tokens())

    def _sign_out(self, request: httpx2.Request) -> httpx2.Response:
        self.refresh_tokens.discard(json.loads(request.content)["refresh_token"])
        return httpx2.Response(204)

    def _me(self, _: httpx2.Request) -> httpx2.Response:
        balance = {"available": self.balance, "held": 0}
        return httpx2.Response(200, json={**self._user(), "balance": balance})

    def _user(self) -> dict[str, Any]:
        return {
            "id": "u1",
            "username": self.username,
            "email": "ann@example.org",
            "role": "customer",
            "status": "active",
            "created_at": NOW.isoformat(),
        }

    def _model(self, request: httpx2.Request) -> httpx2.Response:
        name = request.url.path.rsplit("/", 1)[-1]
        found = next((one for one in self.models if one["name"] == name), None)
        return httpx2.Response(200, json=found) if found else problem(404, "model_not_found", "No.")

    def _predict(self, request: httpx2.Request) -> httpx2.Response:
        key = request.headers["Idempotency-Key"]
        if key not in self.sold:
            order = json.loads(request.content)
            price = next(one["price"] for one in self.models if one["name"] == order["model"])
            explained = {"reasons": [REASON]} if order["explain"] else {}
            price += 40 if explained else 0
            if price > self.balance:
                return problem(402, "insufficient_credits", "Not enough credits.")
            self.balance -= price
            self.sold[key] = {
                "id": f"p{len(self.sold) + 1}",
                "status": "succeeded",
                "model": order["model"],
                "version": 1,
                "rows": 1,
                "price": price,
                "inputs": order["inputs"],
                "outputs": [
                    stub_investing.ANSWERS.get(order["model"])
                    or {
                        "default_probability": 0.0812,
                        "approval_probability": 0.9188,
                        "decision": "approve",
                        **explained,
                    }
                ],
                "charge": {"transfer_id": "t", "amount": price, "balance_after": self.balance},
                "created_at": NOW.isoformat(),
                "completed_at": NOW.isoformat(),
                "warnings": [
                    {"pointer": "/inputs/0/person_age", "code": "rare", "message": "Rarely seen."}
                ],
            }
        return httpx2.Response(201, json=self.sold[key])

    def _prediction(self, request: httpx2.Request) -> httpx2.Response:
        wanted = request.url.path.rsplit("/", 1)[-1]
        found = next((one for one in self.sold.values() if one["id"] == wanted), None)
        return httpx2.Response(200, json=found) if found else problem(404, "not_found", "No such.")

    def _movements(self) -> list[dict[str, Any]]:
        left = 5000
        rows = [_movement("promotion", 5000, left)]
        for sale in self.sold.values():
            left -= sale["price"]
            rows.append(_movement("charge", -sale["price"], left))
        return rows[::-1]

    @staticmethod
    def _bearer(request: httpx2.Request) -> str:
        return request.headers.get("Authorization", "").removeprefix("Bearer ")


def _movement(kind: str, amount: int, left: int) -> dict[str, Any]:
    return {
        "id": f"{kind}-{left}",
        "type": kind,
        "amount": amount,
        "balance_after": left,
        "reference": None,
        "created_at": NOW.isoformat(),
    }
