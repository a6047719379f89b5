"""A small server that answers as Stripe's API does, in the test's hands.

It is written from what Stripe publishes about its API (version 2026-10-28, the one that the SDK
asks for), and no answer of it was compared with a real account. It has what `localstripe` lacks:
Checkout Sessions, idempotency keys, refunds that may not exceed the charge, connections that break.
Names of parameters are checked against the SDK's own types; events are signed by the SDK's code.
"""

import copy
import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import stripe
from stripe.params import PaymentIntentCreateParams, RefundCreateParams
from stripe.params.checkout import SessionCreateParams

from augury.payments.providers.protocol import Notification

KEY = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"
WEBHOOK_SECRET = "whsec_of_the_tests"
HALF_AN_HOUR, A_DAY = 30 * 60, 24 * 3600
SAVED_RESULTS = {200, 402, 500}  # what failed before anything was done is not kept for a key
CREATED = {
    "checkout/sessions": "checkout.session",
    "payment_intents": "payment_intent",
    "refunds": "refund",
}
PARAMETERS: dict[str, type] = {
    "checkout.session": SessionCreateParams,
    "payment_intent": PaymentIntentCreateParams,
    "refund": RefundCreateParams,
}

Thing = dict[str, Any]


class Failure(Exception):
    """An error as the API answers it."""

    def __init__(self, status: int, type_: str, code: str | None = None, **more: Any) -> None:
        super().__init__(code)
        self.status = status
        self.body = {"error": {"type": type_, "message": f"about {code}", "code": code, **more}}


def invalid(code: str | None, param: str | None = None, status: int = 400) -> Failure:
    return Failure(status, "invalid_request_error", code, param=param)


def unfold(pairs: list[tuple[str, str]]) -> Thing:
    """Turn `a[b][0]=c` into `{"a": {"b": {"0": "c"}}}`."""
    tree: Thing = {}
    for name, value in pairs:
        path = re.findall(r"[^\[\]]+", name)
        place = tree
        for step in path[:-1]:
            place = place.setdefault(step, {})
        place[path[-1]] = value
    return tree


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # of the usual five, a sixth who connects at once has to wait


class StripeServer:
    """Stripe's books and its API on a port of this machine."""

    def __init__(self) -> None:
        self.things: dict[str, Thing] = {}
        # What the next requests meet: "drop" (not even read), "cut" (done, and the answer breaks
        # off), "hang" (no answer while the server lives), or a status to fail with.
        self.faults: list[str] = []
        self.down = False
        self.clock: Callable[[], float] = time.time
        self.refund_status = "succeeded"
        self.requests: list[tuple[str, str, Thing, dict[str, str]]] = []
        self._answers: dict[str, tuple[Any, int, Thing]] = {}
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self.address = ""

    @contextmanager
    def open(self) -> Iterator["StripeServer"]:
        """Answer until the block ends."""
        books = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                books.handle(self, "")

            def do_POST(self) -> None:
                books.handle(self, self.rfile.read(int(self.headers["Content-Length"])).decode())

            def log_message(self, *args: object) -> None:
                pass

        server = _Server(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield self
        finally:
            self._closing.set()
            server.shutdown()
            server.server_close()
            thread.join()

    def handle(self, connection: BaseHTTPRequestHandler, form: str) -> None:
        """Answer one request, or let it meet what was prepared for it."""
        fault = self.faults.pop(0) if self.faults else ""
        if self.down or fault == "drop":
            return
        if fault == "hang":
            self._closing.wait()
            return
        address = urlsplit(connection.path)
        values = unfold(parse_qsl(form or address.query, keep_blank_values=True))
        headers = {name.lower(): value for name, value in connection.headers.items()}
        with self._lock:
            self.requests.append((connection.command, address.path, values, headers))
            replayed, status, body = self._answer(
                connection.command, address.path, values, headers, fault
            )
        sent = json.dumps(body).encode()
        connection.send_response(status)
        connection.send_header("Content-Type", "application/json")
        connection.send_header("Content-Length", str(len(sent)))
        connection.send_header("Request-Id", "req_test")
        if replayed:
            connection.send_header("Idempotent-Replayed", "true")
        connection.end_headers()
        connection.wfile.write(sent[:20] if fault == "cut" else sent)

    def _answer(
        self, method: str, path: str, values: Thing, headers: dict[str, str], fault: str
    ) -> tuple[bool, int, Thing]:
        key = headers.get("idempotency-key", "")
        asked = (path, json.dumps(values, sort_keys=True))
        if headers.get("authorization") != f"Bearer {KEY}":
            failure = invalid(None, status=401)
            return False, failure.status, failure.body
        if fault.isdigit():
            return False, int(fault), Failure(int(fault), "api_error").body
        if method == "POST" and key in self._answers:
            before, status, body = self._answers[key]
            if before != asked:
                return False, 400, Failure(400, "idempotency_error").body
            return True, status, body
        try:
            status, body = 200, copy.deepcopy(self._do(method, path.split("/")[2:], values))
        except Failure as failure:
            status, body = failure.status, failure.body
        if method == "POST" and status in SAVED_RESULTS:
            self._answers[key] = (asked, status, body)
        return False, status, body

    def forget_keys(self) -> None:
        """Let the day pass after which keys are not known any more."""
        self._answers.clear()

    def _do(self, method: str, path: list[str], values: Thing) -> Thing:
        expand = list(values.pop("expand", {}).values())
        place = "/".join(path)
        if method == "POST" and place in CREATED:
            return self._create(CREATED[place], values)
        if method == "GET" and place in CREATED:
            return self._list(CREATED[place], path, values)
        if method == "POST" and path[-1] == "cancel":
            self._thing(path[-2])["status"] = "canceled"
            return self._thing(path[-2])
        return self._expanded(self._thing(path[-1]), expand)

    def _create(self, kind: str, values: Thing) -> Thing:
        for name in values:
            if name not in PARAMETERS[kind].__annotations__:
                raise invalid("parameter_unknown", name)
        if kind == "checkout.session":
            return self._create_session(values)
        return self._create_intent(values) if kind == "payment_intent" else self._refund(values)

    def _thing(self, name: str) -> Thing:
        if name not in self.things:
            raise invalid("resource_missing", "id", 404)
        return self.things[name]

    def _expanded(self, thing: Thing, paths: list[str]) -> Thing:
        thing = copy.deepcopy(thing)
        for path in paths:
            first, _, rest = path.partition(".")
            if isinstance(thing[first], str):
                thing[first] = copy.deepcopy(self.things[thing[first]])
            if rest and thing[first] is not None:
                thing[first] = self._expanded(thing[first], [rest])
        return thing

    def _list(self, kind: str, path: list[str], values: Thing) -> Thing:
        limit = int(values.pop("limit", "10"))
        after = values.pop("starting_after", None)
        until = int(values.pop("created", {}).get("lte", 2**40))
        assert 1 <= limit <= 100
        found = [one for one in reversed(self.things.values()) if one["object"] == kind]
        found = [one for one in found if one["created"] <= until]
        for name, value in values.items():
            found = [one for one in found if one[name] == value]
        if after is not None:
            names = [one["id"] for one in found]
            found = found[names.index(after) + 1 :]
        more = len(found) > limit
        url = "/v1/" + "/".join(path)
        return {"object": "list", "data": found[:limit], "has_more": more, "url": url}

    def make(self, prefix: str, object: str, **values: Any) -> Thing:  # noqa: A002 -- Stripe's word
        """Enter a thing into the books."""
        name = f"{prefix}_{secrets.token_hex(12)}test"
        made = {"object": object, "created": int(time.time()), "livemode": False}
        self.things[name] = {**made, **values, "id": name}
        return self.things[name]

    def _create_session(self, values: Thing) -> Thing:
        end = int(values["expires_at"])
        # The published window, with a second for what passes between both clocks.
        if not HALF_AN_HOUR - 1 <= end - self.clock() <= A_DAY + 1:
            raise invalid(None, "expires_at")
        (item,) = values["line_items"].values()
        price = item["price_data"]
        if int(price["unit_amount"]) < 50:
            raise invalid("amount_too_small", "line_items[0][price_data][unit_amount]")
        session = self.make(
            "cs_test",
            "checkout.session",
            status="open",
            payment_status="unpaid",
            amount_total=int(price["unit_amount"]) * int(item["quantity"]),
            currency=price["currency"],
            customer=None,
            payment_intent=None,
            expires_at=end,
            asked=values,
            **{name: values.get(name) for name in ("client_reference_id", "metadata", "locale")},
        )
        session["url"] = f"https://checkout.stripe.com/c/pay/{session['id']}"
        return session

    def _create_intent(self, values: Thing) -> Thing:
        redirects = values["automatic_payment_methods"].get("allow_redirects", "always")
        if redirects != "never" and "return_url" not in values:
            raise invalid(None, "return_url")
        card = self._thing(values["payment_method"])
        if card["customer"] != values["customer"]:
            raise invalid("payment_method_unexpected_state", "payment_method")
        intent = self._intent(
            int(values["amount"]), values["currency"], values["metadata"], values["customer"]
        )
        assert (values["confirm"], values["off_session"]) == ("true", "true")
        if card["declines"]:
            code, decline = card["declines"]
            error = {"code": code, "decline_code": decline}
            intent.update(status="requires_payment_method", last_payment_error=error)
            raise Failure(402, "card_error", code, decline_code=decline)
        if card["asks"]:
            intent.update(status="requires_action", payment_method=card["id"])
            return intent
        self._charge(intent, card)
        return intent

    def _intent(self, amount: int, currency: str, marks: Thing, customer: str | None) -> Thing:
        return self.make(
            "pi",
            "payment_intent",
            amount=amount,
            currency=currency,
            customer=customer,
            metadata=marks,
            status="requires_payment_method",
            payment_method=None,
            setup_future_usage=None,
            latest_charge=None,
            last_payment_error=None,
        )

    def _charge(self, intent: Thing, card: Thing) -> None:
        charge = self.make("ch", "charge", amount=intent["amount"], amount_refunded=0)
        intent.update(status="succeeded", payment_method=card["id"], latest_charge=charge["id"])

    def _refund(self, values: Thing) -> Thing:
        intent = self._thing(values["payment_intent"])
        if intent["latest_charge"] is None:
            raise invalid("charge_not_refundable", "payment_intent")
        charge = self._thing(intent["latest_charge"])
        left = charge["amount"] - charge["amount_refunded"]
        if left == 0:
            raise invalid("charge_already_refunded", "payment_intent")
        if int(values["amount"]) > left:
            raise invalid(None, "amount")
        charge["amount_refunded"] += int(values["amount"])
        return self.make(
            "re",
            "refund",
            amount=int(values["amount"]),
            payment_intent=intent["id"],
            status=self.refund_status,
            metadata=values["metadata"],
        )

    def card(self, customer: str | None = None, **changes: Any) -> Thing:
        """Return a card; `declines` (code and decline code) and `asks` say how it behaves."""
        printed = {"brand": "visa", "last4": "4242"}
        known = {"customer": customer, "declines": None, "asks": False, "type": "card"}
        return self.make("pm", "payment_method", **{**known, "card": printed, **changes})

    def pay(self, name: str, card: Thing | None = None, *, later: bool = False) -> list[Thing]:
        """The customer pays on the page; `later` is a method that takes days to tell.

        Return the events that are sent.
        """
        with self._lock:
            session = self.things[name]
            assert session["status"] == "open"
            data = session["asked"]["payment_intent_data"]
            if session["asked"].get("customer_creation") == "always":
                session["customer"] = self.make("cus", "customer")["id"]
            intent = self._intent(
                session["amount_total"], session["currency"], data["metadata"], session["customer"]
            )
            intent["setup_future_usage"] = data.get("setup_future_usage")
            session.update(status="complete", payment_intent=intent["id"])
            card = card or self.card()
            card["customer"] = session["customer"]
            if later:
                intent.update(status="processing", payment_method=card["id"])
                return [event("checkout.session.completed", session)]
            self._charge(intent, card)
            session["payment_status"] = "paid"
            return [
                event("payment_intent.succeeded", intent),
                event("checkout.session.completed", session),
            ]

    def tell_later(self, name: str, *, paid: bool) -> Thing:
        """The method that takes days tells how it went; return the event."""
        session = self.things[name]
        intent = self.things[session["payment_intent"]]
        if paid:
            self._charge(intent, self.things[intent["payment_method"]])
            session["payment_status"] = "paid"
            return event("checkout.session.async_payment_succeeded", session)
        error = {"code": "debit_not_authorized"}
        intent.update(status="requires_payment_method", last_payment_error=error)
        return event("checkout.session.async_payment_failed", session)

    def expire(self, name: str) -> list[Thing]:
        """A card is declined on the page, and the customer gives up; return the events."""
        session = self.things[name]
        marks = session["asked"]["payment_intent_data"]["metadata"]
        intent = self._intent(session["amount_total"], session["currency"], marks, None)
        intent["last_payment_error"] = {"code": "card_declined", "decline_code": "lost_card"}
        session.update(status="expired", payment_intent=intent["id"])
        return [
            event("payment_intent.payment_failed", intent),
            event("checkout.session.expired", session),
        ]


def event(type_: str, thing: Thing, **changes: Any) -> Thing:
    """Return an event about a thing as it is now."""
    made = {"id": f"evt_{secrets.token_hex(12)}", "object": "event", "type": type_}
    told = {"created": int(time.time()), "livemode": False, "data": {"object": thing}}
    return copy.deepcopy({**made, **told, **changes})


def sent(told: Thing, secret: str = WEBHOOK_SECRET, moment: int | None = None) -> Notification:
    """Return an event as it arrives, signed by the SDK's own code."""
    body = json.dumps(told, indent=2)
    signature = stripe.WebhookSignature.generate_signature_header(body, secret, moment)
    return Notification({"stripe-signature": signature}, body.encode(), "127.0.0.1")
