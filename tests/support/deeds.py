"""Everything that an administrator can change over HTTP, with what the audit log says of it."""

import hashlib
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from augury.audit_log.service import AuditEvent, events
from augury.bootstrap import House
from augury.kit.ids import new_id
from augury.payments.providers.sandbox import Choice, Sandbox
from payments.bank.files import document, onec
from support.houses import PASSWORD, sign_in, sign_up
from support.market import table
from support.uploads import buy, parts, version

# Stands wherever people write as they like; the audit log keeps none of it.
WORDS = "Мария Петровна"
_numbers = itertools.count(1)


class Stage:
    """An open house with a customer, and short words for what deeds need to be there."""

    def __init__(self, client: TestClient, house: House, folder: Path) -> None:
        """Sign a customer and the administrator in."""
        self.client, self.house, self.folder = client, house, folder
        self.anna, self.admin = sign_up(client), sign_in(client, "admin")
        self.anna_id, self.admin_id = (
            client.get("/v1/me", headers=who).json()["id"] for who in (self.anna, self.admin)
        )

    def log(self) -> list[AuditEvent]:
        """Return the audit log, newest first."""
        with self.house.db.read() as tx:
            return events(tx, limit=10_000)

    def ask(self, method: str, path: str, who: dict[str, str] | None = None, **body: Any) -> Any:
        """Return the JSON of an answer that is no refusal; the administrator asks."""
        answer = self.client.request(method, path, headers=who or self.admin, **body)
        assert answer.is_success, answer.text
        return answer.json()

    def top_up(self, choice: Choice | None = Choice.APPROVE, *, is_told: bool = True) -> str:
        """Return the id of a top-up at the sandbox, decided there, and whether we were told."""
        top_up = self.ask("POST", "/v1/top-ups", self.anna, json={"credits": 1000})
        bank = self.house.desk.providers["sandbox"]
        assert isinstance(bank, Sandbox)
        reference = top_up["checkout_url"].rpartition("/")[2]
        told = bank.decide(reference, choice) if choice else []
        for one in told if is_told else []:
            headers = dict(one.headers)
            self.client.post("/v1/webhooks/sandbox", content=one.body, headers=headers)
        return str(top_up["id"])

    def invoice(self, credits_: int = 1000) -> str:
        """Return the number of an unpaid invoice."""
        buyer = {"name": WORDS, "tax_id": "7728168971", "address": WORDS}
        wish = {"credits": credits_, "provider": "invoice", "buyer": buyer}
        top_up = self.ask("POST", "/v1/top-ups", self.anna, json=wish)
        found = re.search(r"/v1/invoices/(.+)\.pdf\?key=", top_up["checkout_url"])
        assert found is not None
        return found[1]

    def batch(self) -> str:
        """Return the id of a batch of vouchers."""
        made = self.ask("POST", "/v1/admin/voucher-batches", json=_BATCH)
        return str(made["id"])

    def model(self) -> str:
        """Return the name of a model on sale with two versions, the first of them the champion."""
        name = f"tiny-{next(_numbers)}"
        first, second = (version(self.folder, gain, name=name) for gain in (1.0, 2.0))
        self.ask("POST", "/v1/admin/models", files=parts(first))
        self.ask("POST", f"/v1/admin/models/{name}/versions", files=parts(second))
        self.ask("PATCH", f"/v1/admin/models/{name}", json={"status": "active"})
        return name


@dataclass(frozen=True)
class Asked:
    """A request that does the deed, and what differs in one that is refused.

    `events` are `(action, subject)`, newest first; a subject may name a member of the answer.
    """

    events: list[tuple[str, str]]
    places: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    wrong_places: dict[str, Any] = field(default_factory=dict)
    wrong_body: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Deed:
    """An operation as OpenAPI writes it; `prepare` makes what it needs."""

    operation: str
    prepare: Callable[[Stage], Asked]
    # Another request with the same key and content does nothing more.
    can_replay: bool = True

    def ask(
        self, stage: Stage, asked: Asked, who: dict[str, str], *, is_wrong: bool = False
    ) -> Any:
        """Return the answer."""
        method, path = self.operation.split(" ")
        places = asked.places | (asked.wrong_places if is_wrong else {})
        body = asked.wrong_body if is_wrong and asked.wrong_body else asked.body
        return stage.client.request(method, path.format(**places), headers=who, **body)


_BATCH = {"name": WORDS, "credits": 500, "codes": 3}


def adjustment(stage: Stage) -> Asked:
    return Asked(
        [("credits.adjusted", f"user:{stage.anna_id}")],
        {"user_id": stage.anna_id},
        {"json": {"amount": -5, "reason": WORDS}},
        wrong_body={"json": {"amount": -1_000_000, "reason": WORDS}},
    )


def block(stage: Stage) -> Asked:
    """Block somebody else than the one who is asked to do it, and fails."""
    form = {"username": f"boris-{next(_numbers)}", "password": PASSWORD}
    form["email"] = f"{form['username']}@example.com"
    user = stage.ask("POST", "/v1/auth/register", json=form)
    return Asked(
        [("user.status", f"user:{user['id']}")],
        {"user_id": user["id"]},
        {"json": {"status": "blocked"}},
        wrong_places={"user_id": stage.admin_id},
    )


def refund(stage: Stage) -> Asked:
    id_ = stage.top_up()
    return Asked(
        [("refund.requested", f"top_up:{id_}")],
        {"top_up_id": id_},
        {"json": {"credits": 100, "reason": WORDS}},
        wrong_body={"json": {"credits": 1001, "reason": WORDS}},
    )


def check(stage: Stage) -> Asked:
    """Ask about a top-up that was paid without anybody telling us."""
    id_ = stage.top_up(is_told=False)
    return Asked(
        [("top_up.checked", f"top_up:{id_}")],
        {"top_up_id": id_},
        wrong_places={"top_up_id": new_id()},
    )


def check_for_nothing(stage: Stage) -> Asked:
    """Ask about a top-up that its customer has not decided: nothing changes."""
    return Asked([], {"top_up_id": stage.top_up(None)}, wrong_places={"top_up_id": "nonsense"})


def vouchers(_stage: Stage) -> Asked:
    return Asked(
        [("voucher_batch.made", "voucher_batch:{id}")],
        body={"json": _BATCH},
        wrong_body={"json": _BATCH | {"total_uses": 4}},
    )


def stop(stage: Stage) -> Asked:
    id_ = stage.batch()
    return Asked(
        [("voucher_batch.stopped", f"voucher_batch:{id_}")],
        {"batch_id": id_},
        wrong_places={"batch_id": new_id()},
    )


def mark_paid(stage: Stage) -> Asked:
    number = stage.invoice()
    return Asked(
        [("invoice.marked_paid", f"invoice:{number}")],
        {"number": number},
        wrong_places={"number": "AUG-2026-999999"},
    )


def _statement(*documents: str) -> tuple[str, dict[str, Any]]:
    content = onec(*documents)
    subject = f"bank_statement:{hashlib.sha256(content).hexdigest()}"
    return subject, {"files": {"file": ("statement", content)}}


_UNREADABLE = {"files": {"file": ("statement", b"")}}


def statement(_stage: Stage) -> Asked:
    """Import a statement of which no line pays anything."""
    subject, body = _statement(document(f"{WORDS} {new_id()}"), document(WORDS, amount="7.00"))
    return Asked([("bank_statement.imported", subject)], body=body, wrong_body=_UNREADABLE)


def statement_previewed(stage: Stage) -> Asked:
    """Look at what an import would do: nothing changes."""
    _, body = _statement(document(stage.invoice()))
    return Asked([], body=body, wrong_body=_UNREADABLE)


def paying_statement(stage: Stage) -> Asked:
    """Import a statement of which every line pays something."""
    numbers = [stage.invoice() for _ in range(2)]
    subject, body = _statement(*map(document, numbers))
    paid = [("invoice.paid_by_line", f"invoice:{number}") for number in reversed(numbers)]
    return Asked([*paid, ("bank_statement.imported", subject)], body=body, wrong_body=_UNREADABLE)


def assignment(stage: Stage) -> Asked:
    small, large = stage.invoice(), stage.invoice(5000)
    _, body = _statement(document(f"{WORDS} {new_id()}"))
    stage.ask("POST", "/v1/admin/bank-statements", **body)
    line = stage.ask("GET", "/v1/admin/bank-statements/lines?limit=1")["items"][0]
    return Asked(
        [("invoice.line_assigned", f"invoice:{small}")],
        {"line_id": line["id"]},
        {"json": {"number": small}},
        wrong_body={"json": {"number": large}},
    )


def outcomes(stage: Stage) -> Asked:
    sold = buy(stage.client, stage.anna, stage.model()).json()
    content = f"prediction_id,outcome\n{sold['id']},1\n".encode()
    return Asked(
        [("outcomes.imported", f"file:{hashlib.sha256(content).hexdigest()}")],
        body={"files": {"file": ("outcomes.csv", content)}},
        wrong_body={"files": {"file": ("outcomes.csv", content + b"nonsense,1\n")}},
    )


def model(stage: Stage) -> Asked:
    name = f"tiny-{next(_numbers)}"
    return Asked(
        [("version.published", f"model:{name}")],
        body={"files": parts(version(stage.folder, name=name))},
        wrong_body={"files": parts(version(stage.folder, name=stage.model()))},
    )


def model_version(stage: Stage) -> Asked:
    name = stage.model()
    return Asked(
        [("version.published", f"model:{name}")],
        {"name": name},
        {"files": parts(version(stage.folder, 3.0, name=name))},
        wrong_places={"name": "nobodys"},
    )


def change(stage: Stage) -> Asked:
    name = stage.model()
    actions = ("model.status", "price.announced", "model.described")
    title = {"en": "Tiny", "ru": "Крошка"}
    return Asked(
        [(action, f"model:{name}") for action in actions],
        {"name": name},
        {"json": {"title": title, "price": 9, "status": "active"}},
        wrong_body={"json": {"title": title, "price": -1, "status": "active"}},
    )


def retirement(stage: Stage) -> Asked:
    name = stage.model()
    wrong = {"name": "nobodys"}
    return Asked([("model.status", f"model:{name}")], {"name": name}, wrong_places=wrong)


def alias(stage: Stage) -> Asked:
    name = stage.model()
    return Asked(
        [("alias.moved", f"model:{name}")],
        {"name": name, "alias": "next"},
        {"json": {"version": 2}},
        wrong_body={"json": {"version": 99}},
    )


def alias_dropped(stage: Stage) -> Asked:
    name = stage.model()
    stage.ask("PUT", f"/v1/admin/models/{name}/aliases/next", json={"version": 2})
    return Asked(
        [("alias.dropped", f"model:{name}")],
        {"name": name, "alias": "next"},
        wrong_places={"alias": "champion"},
    )


def version_retired(stage: Stage) -> Asked:
    name = stage.model()
    return Asked(
        [("version.status", f"model:{name}")],
        {"name": name, "version": 2},
        {"json": {"status": "retired"}},
        wrong_places={"version": 1},
    )


_TRIAL = {"version": 2, "mode": "canary", "share_percent": 10}


def trial(stage: Stage) -> Asked:
    name = stage.model()
    return Asked(
        [("challenger.started", f"model:{name}")],
        {"name": name},
        {"json": _TRIAL},
        wrong_body={"json": _TRIAL | {"version": 1}},
    )


def trial_ended(stage: Stage) -> Asked:
    name = stage.model()
    stage.ask("PUT", f"/v1/admin/models/{name}/challenger", json=_TRIAL)
    wrong = {"name": "nobodys"}
    return Asked([("challenger.ended", f"model:{name}")], {"name": name}, wrong_places=wrong)


def series(_stage: Stage) -> Asked:
    """Import a file of prices; what people write about it is not in the log."""
    content = table([f"T{next(_numbers)}"]).encode()
    said = {"source": WORDS, "licence": WORDS, "title_ru": WORDS}
    return Asked(
        [("market.imported", f"file:{hashlib.sha256(content).hexdigest()}")],
        body={"files": {"file": ("prices.csv", content)}, "data": said},
        wrong_body={"files": {"file": ("prices.csv", content + b"never,1\n")}, "data": said},
    )


def series_removed(stage: Stage) -> Asked:
    asked = series(stage)
    (told,) = stage.ask("POST", "/v1/admin/market/series", **asked.body)["series"]
    return Asked(
        [("market.removed", f"market:{told['symbol']}")],
        {"symbol": told["symbol"]},
        wrong_places={"symbol": "NOBODYS"},
    )


_MODEL = "/v1/admin/models/{name}"
DEEDS = [
    Deed("POST /v1/admin/users/{user_id}/adjustments", adjustment),
    Deed("PATCH /v1/admin/users/{user_id}", block),
    Deed("POST /v1/admin/top-ups/{top_up_id}/refunds", refund),
    Deed("POST /v1/admin/top-ups/{top_up_id}/check", check),
    Deed("POST /v1/admin/top-ups/{top_up_id}/check", check_for_nothing),
    Deed("POST /v1/admin/voucher-batches", vouchers),
    Deed("POST /v1/admin/voucher-batches/{batch_id}/stop", stop),
    Deed("POST /v1/admin/invoices/{number}/paid", mark_paid),
    Deed("POST /v1/admin/bank-statements", statement),
    Deed("POST /v1/admin/bank-statements", paying_statement),
    Deed("POST /v1/admin/bank-statements/preview", statement_previewed),
    Deed("POST /v1/admin/bank-statements/lines/{line_id}/assign", assignment),
    Deed("POST /v1/admin/outcomes", outcomes, can_replay=False),
    Deed("POST /v1/admin/market/series", series),
    Deed("DELETE /v1/admin/market/series/{symbol}", series_removed),
    Deed("POST /v1/admin/models", model),
    Deed(f"POST {_MODEL}/versions", model_version),
    Deed(f"PATCH {_MODEL}", change, can_replay=False),
    Deed(f"DELETE {_MODEL}", retirement, can_replay=False),
    Deed(f"PUT {_MODEL}/aliases/{{alias}}", alias, can_replay=False),
    Deed(f"DELETE {_MODEL}/aliases/{{alias}}", alias_dropped),
    Deed(f"PATCH {_MODEL}/versions/{{version}}", version_retired, can_replay=False),
    Deed(f"PUT {_MODEL}/challenger", trial, can_replay=False),
    Deed(f"DELETE {_MODEL}/challenger", trial_ended),
]
