"""What must be true once everything is up again and has come to rest; complaints where it is not."""

import csv
import io
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import httpx2
from sqlalchemy import func, select, text

from augury.bootstrap import audit_books
from augury.kit.db import Database
from augury.ledger.audit import open_holds
from augury.predictions.tables import UNFINISHED, batches, jobs, predictions
from chaos.load import Customer
from chaos.parts import Parts
from chaos.tables import SentFile, probability_of

# The longest pause between two tries of a job is two minutes, and a lease a quarter of one.
REST_SECONDS = 300
_AS_FLOAT32 = 1e-5
_OVER = {"succeeded", "failed", "cancelled"}
# Whatever dies, these never belong in a log: somebody met what nobody had thought of.
_UNTHOUGHT_OF = (
    *("unexpected_error", "request_failed", "duty_failed", "keeper_failed", "raised unexpected"),
    *("model_failed", "job_failed", "chunk_failed", "batch_file_failed", "shadow_not_stored"),
)


def audited(db: Database) -> list[str]:
    """Return the findings of an audit as it is now."""
    with db.read() as tx:
        report = audit_books(tx)
    total = report.credits_with_customers + sum(report.counterparties.values())
    found = [f"audit: {one.kind} {one.subject}: {one.detail}" for one in report.findings]
    return found + ([f"all accounts sum to {total}"] if total else [])


def rest(db: Database) -> tuple[float, list[str]]:
    """Wait until every job and batch has ended; return how long that took, and what has not."""
    begun = time.monotonic()
    while True:
        with db.read() as tx:
            left = [
                f"{table.name} {row.id} is {row.status}"
                for table in (jobs, batches)
                for row in tx.execute(select(table).where(text(UNFINISHED)))
            ]
        waited = time.monotonic() - begun
        if not left or waited > REST_SECONDS:
            return waited, [f"did not end: {one}" for one in left]
        time.sleep(0.2)


class Judge:
    """Holds what customers were told against what the house has."""

    def __init__(self, parts: Parts, customers: Sequence[Customer], deposit: int) -> None:
        self._db = parts.house.db
        self._customers = customers
        self._deposit = deposit
        self._client = httpx2.Client(base_url=parts.addresses[1], timeout=60, trust_env=False)
        self.complaints: list[str] = []
        self.figures: Counter[str] = Counter()

    def judge(self) -> None:
        """Look at everything."""
        self.complaints += audited(self._db)
        with self._db.read() as tx:
            self.complaints += [f"hold {hold.id} is open" for hold in open_holds(tx)]
        for customer in self._customers:
            customer.renew(self._client)
            self._judge(customer)
            self.complaints += [f"{customer.name}: {one}" for one in customer.seen.odd]
        self._client.close()

    def _judge(self, customer: Customer) -> None:
        told = {one["id"]: one for one in self._listed(customer, "/v1/predictions")}
        spent = self._judge_predictions(customer, told)
        found = {one["id"]: one for one in self._listed(customer, "/v1/batches")}
        spent += self._judge_batches(customer, found)
        self._judge_rows(customer)
        balance = self._get(customer, "/v1/balance").json()
        if balance != {"available": self._deposit - spent, "held": 0}:
            self._complain(customer, f"{balance} after {self._deposit} less {spent}")

    def _judge_predictions(self, customer: Customer, told: dict[str, Any]) -> int:
        """Compare every prediction with what the customer was told; return what all cost."""
        seen, spent = customer.seen, 0
        ordered = set(seen.jobs.values())
        if len(ordered) != len(seen.jobs) or set(told) != ordered | set(seen.sold):
            odd = set(told) ^ (ordered | set(seen.sold))
            self._complain(customer, f"keys and predictions differ: {sorted(odd)[:5]}")
        for id_, one in told.items():
            kind = "sale" if id_ in seen.sold else "job"
            self.figures[f"{kind}s {one['status']}"] += 1
            if one["error"]:
                self.figures[f"{kind}s {one['error']['code']}"] += 1
            if any(one[name] != value for name, value in seen.sold.get(id_, {}).items()):
                self._complain(customer, f"another answer than before: {one}")
            if id_ in seen.cancelled and one["status"] != "cancelled":
                self._complain(customer, f"cancelled, and now: {one}")
            if one["status"] == "succeeded":
                spent += one["price"]
                self._judge_outputs(customer, one)
            elif one["charge"] is not None or one["status"] not in _OVER:
                self._complain(customer, f"not free, or not over: {one}")
        return spent

    def _judge_outputs(self, customer: Customer, one: dict[str, Any]) -> None:
        rows = customer.seen.rows.get(one["id"], [])
        given = [output["default_probability"] for output in one["outputs"]]
        if one["charge"]["amount"] != one["price"] or one["price"] != 3 * len(rows):
            self._complain(customer, f"another price: {one}")
        if not _are_close(given, [probability_of(row) for row in rows]):
            self._complain(customer, f"the result of something else: {one}")

    def _judge_batches(self, customer: Customer, found: dict[str, Any]) -> int:
        """Compare every batch and its results with the file; return what all cost."""
        seen, spent = customer.seen, 0
        sent = dict(seen.batches.values())
        if len(sent) != len(seen.batches) or set(found) != set(sent):
            self._complain(customer, f"keys and batches differ: {set(found) ^ set(sent)}")
        for id_, one in found.items():
            self.figures[f"batches {one['status']}"] += 1
            if one["error"]:
                self.figures[f"batches {one['error']['code']}"] += 1
            spent += one["credits_captured"]
            if one["credits_held"] or one["status"] not in _OVER:
                self._complain(customer, f"not over: {one}")
            if id_ in seen.cancelled and one["status"] != "cancelled":
                self._complain(customer, f"cancelled, and now: {one}")
            if id_ in sent:
                self._judge_results(customer, one, sent[id_])
        return spent

    def _judge_results(self, customer: Customer, one: dict[str, Any], file: SentFile) -> None:
        answer = self._get(customer, f"/v1/batches/{one['id']}/results")
        if one["status"] == "failed" or answer.status_code == 409:
            if one["credits_captured"] or one["status"] == "succeeded":
                self._complain(customer, f"paid and without results: {one} {answer.text}")
            return
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        numbers = [int(row["n"]) for row in rows]
        self.figures["rows of batches"] += len(rows)
        bad = {int(row["n"]) for row in rows if row["error"]}
        good = [row for row in rows if not row["error"]]
        given = [float(row["default_probability"]) for row in good]
        checks = {
            "every row once and in order": numbers == sorted(set(numbers)),
            "every row": one["status"] == "cancelled" or len(numbers) == len(file.probabilities),
            "the bad ones": bad == file.bad & set(numbers),
            "the results": _are_close(given, [file.probabilities[int(row["n"])] for row in good]),
            "the price": one["credits_captured"] == 3 * len(good),
            "the counts": (one["rows_done"], one["rows_failed"]) == (len(good), len(bad)),
        }
        wrong = [name for name, is_right in checks.items() if not is_right]
        if wrong:
            self._complain(customer, f"not as it should be: {wrong} of {one}")

    def _judge_rows(self, customer: Customer) -> None:
        """Count in the database itself that nothing stands there that is not shown."""
        with self._db.read() as tx:
            stored = sum(
                tx.execute(
                    select(func.count()).select_from(table).where(table.c.user_id == customer.id)
                ).scalar_one()
                for table in (predictions, jobs)
            )
        seen = customer.seen
        if stored != len(seen.sold) + len(seen.jobs):
            self._complain(customer, f"{stored} rows for {len(seen.sold)} + {len(seen.jobs)} keys")
        self.figures["replays asked for"] += seen.replays

    def _listed(self, customer: Customer, path: str) -> Iterator[dict[str, Any]]:
        query: dict[str, Any] = {"limit": 200}
        while True:
            page = self._get(customer, path, params=query).json()
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            query["cursor"] = page["next_cursor"]

    def _get(self, customer: Customer, path: str, **more: Any) -> httpx2.Response:
        return self._client.get(path, headers=customer.headers, **more)

    def _complain(self, customer: Customer, what: str) -> None:
        self.complaints.append(f"{customer.name}: {what}")


def _are_close(given: list[float], wanted: list[float]) -> bool:
    return len(given) == len(wanted) and all(
        abs(one - other) < _AS_FLOAT32 for one, other in zip(given, wanted, strict=True)
    )


def unthought_of(events: Counter[str]) -> list[str]:
    """Return those of the logged events that must not be."""
    return [f"logged: {one}" for one in events if any(what in one for what in _UNTHOUGHT_OF)]


def said(parts: Parts) -> Counter[str]:
    """Return what the parts have logged as warnings and errors, and how often."""
    found: Counter[str] = Counter()
    for name in parts.house.parts:
        for line in (parts.folder / f"{name}.log").read_text(errors="replace").splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                if line.startswith("Traceback") or "Error" in line[:60]:
                    found[f"{name}: {line[:100]}"] += 1
                continue
            if isinstance(event, dict) and event.get("level") in {"warning", "error", "critical"}:
                has_trace = " with a traceback" if event.get("exception") else ""
                found[f"{name}: {str(event.get('event'))[:90]}{has_trace}"] += 1
    return found
