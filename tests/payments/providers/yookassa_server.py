"""A small server that behaves as YooKassa's published API contract (v3) says, for tests.

It was written from that contract, not from YooKassa's software, and knows what Augury uses:
payments in one and two stages, saved methods, refunds, receipts, idempotence keys, cancellation
and notifications. The money and the customers are in the test's hands.
"""

import base64
import json
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

SHOP_ID = "100500"
SECRET_KEY = "test_a-secret-of-the-shop-and-of-nobody-else"
LONGEST_DESCRIPTION = 128
LONGEST_KEY = 64
Answer = tuple[int, dict[str, Any]]


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, code: str, parameter: str, description: str = "") -> None:
        super().__init__(description)
        error = {"type": "error", "id": str(uuid.uuid4()), "code": code, "parameter": parameter}
        self.answer: Answer = (status, {**error, "description": description or code})


def invalid(parameter: str, description: str = "") -> Refused:
    return Refused(400, "invalid_request", parameter, description)


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class YooKassaServer:
    """The company: its books, what it was asked, and what it tells the shop."""

    needs_receipts: bool = True
    allows_saving: bool = True
    page_size: int = 100
    payments: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)
    methods: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    # What goes wrong: every answer is this one; the connection is cut before or after the work.
    answers: tuple[int, bytes, dict[str, str]] | None = None
    cuts: str | None = None
    stalled: threading.Event | None = None
    declines_charges: str | None = None
    refund_status: str = "succeeded"
    # What happens just before a request is answered.
    meanwhile: Callable[[Asked], None] | None = None
    address: str = ""

    def __post_init__(self) -> None:
        self._keys: dict[str, tuple[str, Answer]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def open(self) -> Iterator["YooKassaServer"]:
        """Serve on a free port of loopback."""
        server = _Server(("127.0.0.1", 0), _Handler)
        server.daemon_threads = True
        server.company = self  # type: ignore[attr-defined]  # how a handler finds the books
        self.address = f"http://127.0.0.1:{server.server_port}/v3"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    # The customer, and the company's own staff.

    def pay(self, payment_id: str, card: str = "4242") -> None:
        """Let the customer pay at the company's page."""
        payment = self.payments[payment_id]
        assert payment["status"] == "pending", payment
        method = payment["payment_method"]
        method["title"] = f"Bank card *{card}"
        method["card"] = {"first6": "555555", "last4": card, "card_type": "MasterCard"}
        method["saved"] = payment.pop("_save", False)
        if method["saved"]:
            self.methods[method["id"]] = method
        payment["paid"] = True
        self._becomes(payment, "succeeded" if payment.pop("_capture") else "waiting_for_capture")

    def cancel(self, payment_id: str, reason: str = "expired_on_confirmation") -> None:
        """Cancel a payment for good."""
        payment = self.payments[payment_id]
        payment["cancellation_details"] = {"party": "yoo_money", "reason": reason}
        payment["paid"] = False
        self._becomes(payment, "canceled")

    def forget_keys(self) -> None:
        """Let a day pass: idempotence keys are kept no longer."""
        self._keys.clear()

    def refunded(self, payment_id: str) -> Decimal:
        """Return what went back of a payment, or is going."""
        made = [one for one in self.refunds.values() if one["payment_id"] == payment_id]
        kept = [one for one in made if one["status"] != "canceled"]
        return sum((Decimal(one["amount"]["value"]) for one in kept), Decimal(0))

    def _becomes(self, payment: dict[str, Any], status: str) -> None:
        payment["status"] = status
        self.tell(f"payment.{status}", payment)

    def tell(self, event: str, thing: dict[str, Any]) -> None:
        """Send the shop a notification."""
        body = {"type": "notification", "event": event, "object": _shown(thing)}
        self.sent.append(json.dumps(body).encode())

    # The API.

    def answer(self, asked: Asked) -> Answer:
        """Return status and body of an answer."""
        self.asked.append(asked)
        if self.meanwhile is not None:
            self.meanwhile(asked)
        expected = base64.b64encode(f"{SHOP_ID}:{SECRET_KEY}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {expected}":
            return Refused(401, "invalid_credentials", "", "Error in shopId or secret key").answer
        with self._lock:
            if asked.method == "POST":
                return self._once(asked)
            return self._do(asked)

    def _once(self, asked: Asked) -> Answer:
        key = asked.headers.get("idempotence-key", "")
        if not 1 <= len(key) <= LONGEST_KEY:
            return invalid("Idempotence-Key", "Idempotence key is missing or too long").answer
        fingerprint = json.dumps([asked.path, asked.body], sort_keys=True)
        known, answer = self._keys.get(key, (fingerprint, None))
        if known != fingerprint:
            return invalid("Idempotence-Key", "Idempotence key duplicated").answer
        if answer is None:
            answer = self._do(asked)
            self._keys[key] = (fingerprint, answer)
        return answer

    def _do(self, asked: Asked) -> Answer:
        try:
            return 200, _shown(self._route(asked))
        except Refused as refused:
            return refused.answer

    def _route(self, asked: Asked) -> dict[str, Any]:
        capture = re.fullmatch(r"/v3/payments/([\w-]+)/capture", asked.path)
        one = re.fullmatch(r"/v3/(payments|refunds)/([\w-]+)", asked.path)
        if asked.method == "POST" and asked.path == "/v3/payments":
            return self._create(asked.body)
        if asked.method == "POST" and asked.path == "/v3/refunds":
            return self._refund(asked.body)
        if asked.method == "POST" and capture:
            return self._capture(self._known("payments", capture[1]), asked.body)
        if asked.method == "GET" and asked.path == "/v3/refunds":
            return self._list(asked.query)
        if asked.method == "GET" and one:
            return self._known(one[1], one[2])
        raise Refused(404, "not_found", "path")

    def _known(self, kind: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] | None = getattr(self, kind).get(name)
        if found is None:
            raise Refused(404, "not_found", f"{kind[:-1]}_id", "It doesn't exist or access denied")
        return found

    def _create(self, body: dict[str, Any]) -> dict[str, Any]:
        amount = _amount(body)
        if len(body.get("description", "")) > LONGEST_DESCRIPTION:
            raise invalid("description", "Description is too long")
        self._receipt(body, amount)
        metadata = body.get("metadata", {})
        assert len(metadata) <= 16
        assert all(len(name) <= 32 and len(value) <= 512 for name, value in metadata.items())
        payment: dict[str, Any] = {
            "id": _name(),
            "status": "pending",
            "paid": False,
            "amount": amount,
            "description": body.get("description"),
            "created_at": "2026-11-22T10:00:00.000Z",
            "metadata": metadata,
            "recipient": {"account_id": SHOP_ID, "gateway_id": "1"},
            "refundable": False,
            "test": True,
            "_capture": body.get("capture", False),
            "_save": body.get("save_payment_method", False),
        }
        if payment["_save"] and not self.allows_saving:
            raise Refused(403, "forbidden", "", "This store can't make recurring payments")
        if "payment_method_id" in body:
            method = self.methods.get(body["payment_method_id"])
            if method is None:
                raise invalid("payment_method_id", "Payment method doesn't exist")
            self.payments[payment["id"]] = payment
            self._charge(payment, method)
            return payment
        confirmation = body.get("confirmation", {})
        if confirmation.get("type") != "redirect" or not confirmation.get("return_url"):
            raise invalid("confirmation", "Confirmation is missing")
        if confirmation.get("locale") not in {"ru_RU", "en_US"}:
            raise invalid("confirmation.locale")
        url = f"https://yoomoney.ru/checkout/payments/v2/contract?orderId={payment['id']}"
        payment["confirmation"] = {**confirmation, "confirmation_url": url}
        payment["payment_method"] = {"type": "bank_card", "id": payment["id"], "saved": False}
        self.payments[payment["id"]] = payment
        return payment

    def _charge(self, payment: dict[str, Any], method: dict[str, Any]) -> None:
        payment["payment_method"] = method
        if self.declines_charges is not None:
            self.cancel(payment["id"], self.declines_charges)
            return
        payment["paid"] = True
        self._becomes(payment, "succeeded" if payment.pop("_capture") else "waiting_for_capture")

    def _capture(self, payment: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        if payment["status"] != "waiting_for_capture":
            raise invalid("payment_id", "Incorrect payment status")
        amount = _amount(body) if "amount" in body else payment["amount"]
        if amount["currency"] != payment["amount"]["currency"]:
            raise invalid("amount.currency")
        if Decimal(amount["value"]) > Decimal(payment["amount"]["value"]):
            raise invalid("amount", "More than was authorized")
        payment["amount"] = amount
        payment["refundable"] = True
        self._becomes(payment, "succeeded")
        return payment

    def _refund(self, body: dict[str, Any]) -> dict[str, Any]:
        payment = self._known("payments", body.get("payment_id", ""))
        amount = _amount(body)
        self._receipt(body, amount)
        if payment["status"] != "succeeded":
            raise invalid("payment_id", "Payment is not refundable")
        left = Decimal(payment["amount"]["value"]) - self.refunded(payment["id"])
        if Decimal(amount["value"]) > left or amount["currency"] != payment["amount"]["currency"]:
            raise invalid("amount", "Refund amount exceeds the payment amount")
        refund: dict[str, Any] = {
            "id": _name(),
            "status": self.refund_status,
            "amount": amount,
            "payment_id": payment["id"],
            "created_at": "2026-11-22T11:00:00.000Z",
            "metadata": body.get("metadata", {}),
            "description": body.get("description", ""),
        }
        if refund["status"] == "canceled":
            refund["cancellation_details"] = {"party": "yoo_money", "reason": "insufficient_funds"}
        self.refunds[refund["id"]] = refund
        value = f"{self.refunded(payment['id']):.2f}"
        payment["refunded_amount"] = {"value": value, "currency": amount["currency"]}
        if refund["status"] == "succeeded":
            self.tell("refund.succeeded", refund)
        return refund

    def _list(self, query: dict[str, str]) -> dict[str, Any]:
        found = [one for one in self.refunds.values() if one["payment_id"] == query["payment_id"]]
        first = int(query.get("cursor", "0"))
        size = min(self.page_size, int(query["limit"]))
        page: dict[str, Any] = {"type": "list", "items": found[first : first + size]}
        if first + size < len(found):
            page["next_cursor"] = str(first + size)
        return page

    def _receipt(self, body: dict[str, Any], amount: dict[str, str]) -> None:
        if not self.needs_receipts:
            return
        receipt = body.get("receipt") or {}
        items = receipt.get("items") or []
        customer = receipt.get("customer") or {}
        total = sum(Decimal(one["amount"]["value"]) * Decimal(one["quantity"]) for one in items)
        complete = all(
            1 <= len(one["description"]) <= LONGEST_DESCRIPTION
            and one["vat_code"] in range(1, 13)
            and one["payment_mode"] == "full_prepayment"
            and one["payment_subject"] == "service"
            for one in items
        )
        if not (customer.get("email") and items and complete and total == Decimal(amount["value"])):
            raise invalid("receipt", "Receipt is missing or illegal")


def _amount(body: dict[str, Any]) -> dict[str, str]:
    amount = body.get("amount") or {}
    value, currency = amount.get("value"), amount.get("currency")
    if not isinstance(value, str) or not re.fullmatch(r"\d+\.\d\d", value) or Decimal(value) == 0:
        raise invalid("amount.value", "Invalid amount")
    if currency not in {"RUB", "USD"}:
        raise invalid("amount.currency", "Invalid currency")
    return {"value": value, "currency": currency}


def _name() -> str:
    return str(uuid.uuid4())


def _shown(thing: dict[str, Any]) -> dict[str, Any]:
    """Return a thing as it goes over the wire, as it is at this moment."""
    shown: dict[str, Any] = json.loads(json.dumps(thing))
    return {name: value for name, value in shown.items() if not name.startswith("_")}


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # of the usual five, a sixth who connects at once has to wait


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def _handle(self) -> None:
        company: YooKassaServer = self.server.company  # type: ignore[attr-defined]  # set by `open`
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = json.loads(raw) if raw else {}
        asked = Asked(self.command, parts.path, dict(parse_qsl(parts.query)), headers, body)
        if company.stalled is not None:
            company.stalled.wait(timeout=120)
            return
        if company.cuts == "before":
            return
        status, answer = company.answer(asked)
        if company.cuts == "after":
            return
        content, extra = json.dumps(answer).encode(), {"Content-Type": "application/json"}
        if company.answers is not None:
            status, content, extra = company.answers
        self.send_response(status)
        for name, value in {**extra, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""
