"""`Prefer: respond-async`: what is answered, what it costs and what comes of it, on both databases."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from augury.bootstrap import House
from augury.inference.asking import NoAnswer
from augury.inference.model import Model
from augury.kit.clock import SECOND, now
from augury.predictions import leased
from augury.predictions.job_outcomes import fail_overdue
from augury.predictions.job_runner import Runner
from augury.predictions.leased import BACK_OFF_SECONDS, MOST_ATTEMPTS
from augury.worker import duties
from support.houses import APPLICANT, findings, open_house, order, settings_for, sign_up
from support.jobs import change
from support.quick import quicken_quarantine
from support.uploads import ROW, Registrar, version
from support.waiting import eventually

JSON = {"Content-Type": "application/json"}


class _Idle(Runner):
    """A runner of a house that leaves the work to the test."""

    def run_due(self, _stop: threading.Event) -> int:
        """Run nothing."""
        return 0


@dataclass
class Shop:
    """An open house in which jobs run when the test says so."""

    client: TestClient
    house: House
    headers: dict[str, str]

    def buy(
        self,
        body: bytes | None = None,
        *,
        prefer: str | None = None,
        key: str | None = None,
        language: str | None = None,
    ) -> Any:
        """Return the answer to an order."""
        told = {"Prefer": prefer, "Idempotency-Key": key, "Accept-Language": language}
        more = {name: value for name, value in told.items() if value is not None}
        content = order() if body is None else body
        return self.client.post(
            "/v1/predictions", content=content, headers=self.headers | JSON | more
        )

    def order(self, body: bytes | None = None, **more: str) -> Any:
        """Return the answer to an order in the background."""
        return self.buy(body, prefer="respond-async", **more)

    def get(self, path: str, **query: str) -> Any:
        """Return what stands at a path."""
        answer = self.client.get(f"/v1/{path}", params=query, headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def cancel(self, id_: str) -> Any:
        """Return the answer to a cancellation."""
        return self.client.post(f"/v1/predictions/{id_}/cancel", headers=self.headers)

    def run(self) -> int:
        """Run what is due."""
        return Runner(self.house.db, self.house.shop.catalogue).run_due(threading.Event())

    def balance(self) -> tuple[int, int]:
        """Return what can be spent and what is held."""
        told = self.get("balance")
        return told["available"], told["held"]


@pytest.fixture
def shop(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A house whose customer anna starts with 5000 credits; no pause between tries ends by itself."""
    monkeypatch.setattr(duties, "Runner", _Idle)
    monkeypatch.setattr(leased, "BACK_OFF_SECONDS", [60 * one for one in BACK_OFF_SECONDS])
    quicken_quarantine(monkeypatch)
    with open_house(settings_for(database_url, tmp_path)) as (client, house):
        yield Shop(client, house, sign_up(client))
    assert findings(database_url) == []


def test_an_order_is_accepted_held_made_and_charged(shop: Shop) -> None:
    """It is answered at once with 202, its price held; what comes of it is what waiting gives."""
    answer = shop.order(order(rows=3))
    assert answer.status_code == 202, answer.text
    queued = answer.json()
    assert answer.headers["Preference-Applied"] == "respond-async"
    assert answer.headers["Location"] == f"/v1/predictions/{queued['id']}"
    assert (queued["status"], queued["rows"], queued["price"]) == ("queued", 3, 30)
    for name in ("outputs", "charge", "error", "completed_at"):
        assert queued[name] is None
    told = shop.get(f"predictions/{queued['id']}")
    assert told.pop("inputs") == [APPLICANT] * 3
    assert told == queued
    assert shop.get("predictions")["items"] == [queued]
    assert shop.balance() == (4970, 30)
    assert shop.get("usage")["items"] == []

    assert shop.run() == 1
    done = shop.get(f"predictions/{queued['id']}")
    waited_for = shop.buy(order(rows=3)).json()
    assert done["status"] == "succeeded"
    assert done["outputs"] == waited_for["outputs"]
    assert done["charge"]["amount"] == done["price"] == 30
    assert done["charge"]["balance_after"] == 4970
    assert done["created_at"] == queued["created_at"] < done["completed_at"]
    assert shop.balance() == (4940, 0)
    moved = shop.get("transactions", reference=queued["id"])["items"]
    assert [(one["type"], one["balance_after"]) for one in moved] == [
        ("capture", 4970), ("hold", 4970),
    ]  # fmt: skip
    assert moved[0]["id"] == done["charge"]["transfer_id"]


@pytest.mark.parametrize(
    ("prefer", "status"),
    [
        ("respond-async", 202),
        ("wait=10, Respond-Async; x=1", 202),
        ("wait=10", 201),
        ("return=minimal", 201),
        ("respond-asynchronously", 201),
    ],
)
def test_only_who_prefers_it_is_answered_before(shop: Shop, prefer: str, status: int) -> None:
    """`Prefer: wait=N` and preferences that we do not know keep the usual way."""
    answer = shop.buy(prefer=prefer)
    assert answer.status_code == status
    assert ("Preference-Applied" in answer.headers) == (status == 202)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (order(person_age="old"), 422, "invalid_input"),
        (order("no-such-model"), 404, "model_not_found"),
        (b"{", 422, "invalid_input"),
        (order("credit-catboost", rows=51), 402, "insufficient_credits"),
    ],
)
def test_it_refuses_what_a_sale_refuses(shop: Shop, body: bytes, status: int, code: str) -> None:
    """With the same answer, and nothing is stored or held."""
    later, now = shop.order(body), shop.buy(body)
    assert (later.status_code, later.json()["code"]) == (status, code)
    assert without_id(later) == without_id(now)
    assert shop.balance() == (5000, 0)
    assert shop.get("predictions")["items"] == []


def without_id(answer: Any) -> dict[str, Any]:
    """Return a problem without the id of its request."""
    return {name: value for name, value in answer.json().items() if name != "request_id"}


def test_a_key_gives_the_prediction_as_it_is_now(shop: Shop) -> None:
    """However it is asked again, a key means one prediction, and another input is a conflict."""
    first = shop.order(key="one")
    for again in (shop.order(key="one"), shop.buy(key="one")):
        assert (again.status_code, again.json()) == (202, first.json())
        assert again.headers["Idempotent-Replayed"] == "true"
    for other in (
        shop.order(order(loan_amnt=9), key="one"),
        shop.buy(order(loan_amnt=9), key="one"),
    ):
        assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    shop.run()
    for again in (shop.order(key="one"), shop.buy(key="one")):
        assert (again.status_code, again.json()["status"]) == (201, "succeeded")
        assert again.json()["id"] == first.json()["id"]
    assert shop.balance() == (4990, 0)


def test_a_key_of_a_sale_is_replayed_to_who_does_not_wait(shop: Shop) -> None:
    """What was sold before is answered at once, with nothing held."""
    sold = shop.buy(key="one")
    again = shop.order(key="one")
    assert (again.status_code, again.json()) == (201, sold.json())
    assert "Preference-Applied" not in again.headers
    assert shop.balance() == (4990, 0)


def test_a_key_of_a_cancelled_prediction_stays_used(shop: Shop) -> None:
    """It was not created any more, so the replay is 200 and says what became of it."""
    queued = shop.order(key="one").json()
    assert shop.cancel(queued["id"]).status_code == 200
    again = shop.buy(key="one")
    assert (again.status_code, again.json()["status"]) == (200, "cancelled")
    assert shop.balance() == (5000, 0)


def test_cancelling_answers_what_it_did(shop: Shop) -> None:
    """A queued one is cancelled; a finished one is a conflict; another's is not found."""
    queued, other = shop.order().json(), shop.order().json()
    cancelled = shop.cancel(queued["id"])
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert shop.get(f"predictions/{queued['id']}")["status"] == "cancelled"
    shop.run()
    late = shop.cancel(other["id"])
    assert (late.status_code, late.json()["code"]) == (409, "not_cancellable")
    assert "succeeded" in late.json()["detail"]
    boris = sign_up(shop.client, "boris")
    answer = shop.client.post(f"/v1/predictions/{other['id']}/cancel", headers=boris)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert shop.balance() == (4990, 0)


def test_reasons_are_made_in_the_language_of_the_order(shop: Shop) -> None:
    """Reasons and their price are the same as for who waits."""
    body = json.dumps(json.loads(order()) | {"explain": True}).encode()
    queued = shop.order(body, language="ru").json()
    shop.run()
    done = shop.get(f"predictions/{queued['id']}")
    sold = shop.buy(body, language="ru").json()
    assert done["outputs"] == sold["outputs"]
    assert done["price"] == sold["price"] > 10
    assert any(ord(letter) > 0x400 for letter in done["outputs"][0]["reasons"][0]["text"])


def _broken(*_: Any) -> Any:
    raise RuntimeError("a bug in a runtime")


def test_a_model_that_fails_is_tried_again_and_then_costs_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five tries with growing pauses; then the prediction has failed and says so."""
    id_ = shop.order().json()["id"]
    monkeypatch.setattr(Model, "predict", _broken)
    for _ in range(MOST_ATTEMPTS):
        assert shop.get(f"predictions/{id_}")["status"] == "queued"
        assert shop.balance() == (4990, 10)
        assert shop.run() == 1
        assert shop.run() == 0
        change(shop.house.db, id_, next_at=1)
    failed = shop.get(f"predictions/{id_}")
    assert (failed["status"], failed["charge"]) == ("failed", None)
    assert failed["error"]["code"] == "model_failed"
    assert "Nothing was charged" in failed["error"]["message"]
    assert shop.balance() == (5000, 0)


def test_a_model_that_recovers_is_charged_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure on the way to a success costs nothing extra."""
    id_ = shop.order().json()["id"]
    with monkeypatch.context() as patch:
        patch.setattr(Model, "predict", _broken)
        shop.run()
    change(shop.house.db, id_, next_at=1)
    shop.run()
    assert shop.get(f"predictions/{id_}")["status"] == "succeeded"
    assert shop.balance() == (4990, 0)


def test_a_prediction_that_ends_its_process_every_time_is_given_up(shop: Shop) -> None:
    """What was begun so often and never finished is not begun again."""
    id_ = shop.order().json()["id"]
    change(shop.house.db, id_, status="running", attempts=MOST_ATTEMPTS, next_at=1)
    assert shop.run() == 1
    assert shop.get(f"predictions/{id_}")["error"]["code"] == "attempts_exhausted"
    assert shop.balance() == (5000, 0)


def _retire(shop: Shop, registrar: Registrar) -> str:
    assert registrar.patch(status="retired").status_code == 200
    return "model_not_found"


def _lose(shop: Shop, _registrar: Registrar) -> str:
    catalogue: Any = shop.house.shop.catalogue
    catalogue._open = lambda _content: None  # first: the house looks for what is not loaded
    catalogue._lanes = {}
    catalogue._window = type(catalogue._window)(0, {}, {}, {})
    return "model_unavailable"


def _stay_away(shop: Shop, _registrar: Registrar) -> str:
    def unanswered(_matrix: Any) -> Any:
        raise NoAnswer("service_unanswered", name="tiny", replicas="-", error="-")

    lane: Any = shop.house.shop.catalogue.resolve("tiny").lane
    lane.model.predict = unanswered
    return "model_unavailable"


def _miss_the_deadline(shop: Shop, _registrar: Registrar) -> str:
    (job,) = shop.get("predictions")["items"]
    change(shop.house.db, job["id"], deadline_at=1)
    fail_overdue(shop.house.db)  # unless the duty of the house was first
    eventually(lambda: shop.get(f"predictions/{job['id']}")["status"] == "failed")
    return "deadline_passed"


@pytest.mark.parametrize("trouble", [_retire, _lose, _stay_away, _miss_the_deadline])
def test_what_cannot_be_made_any_more_costs_nothing(
    shop: Shop, tmp_path: Path, trouble: Callable[[Shop, Registrar], str]
) -> None:
    """Off sale, or too late: each ends the prediction with its own code. What cannot be loaded or
    does not answer is asked again, for as long as there is time until the deadline."""
    registrar = Registrar(shop.client)
    assert registrar.publish(version(tmp_path / "up")).status_code == 201
    assert registrar.patch(status="active").status_code == 200
    body = json.dumps({"model": "tiny", "inputs": [ROW]}).encode()
    accepted = shop.order(body)
    assert accepted.status_code == 202, accepted.text
    id_ = accepted.json()["id"]
    code = trouble(shop, registrar)
    if code == "model_unavailable":
        for _ in range(2 * MOST_ATTEMPTS):
            assert shop.run() == 1
            assert shop.run() == 0, "it pauses"
            assert shop.get(f"predictions/{id_}")["status"] == "queued"
            change(shop.house.db, id_, next_at=1)
        # As long as it has waited, a pause is now.
        an_hour, moment = 3600 * SECOND, now()
        change(shop.house.db, id_, deadline_at=moment + an_hour // 2, started_at=moment - an_hour)
    shop.run()
    failed = shop.get(f"predictions/{id_}")
    assert (failed["status"], failed["error"]["code"]) == ("failed", code)
    assert shop.balance() == (5000, 0)


def test_what_was_ordered_is_what_runs(shop: Shop, tmp_path: Path) -> None:
    """Version and price are those of the order, whatever is on sale when it is made."""
    registrar = Registrar(shop.client)
    assert registrar.publish(version(tmp_path / "1")).status_code == 201
    assert registrar.patch(status="active").status_code == 200
    body = json.dumps({"model": "tiny", "inputs": [ROW]}).encode()
    sold, queued = shop.buy(body).json(), shop.order(body).json()
    assert registrar.add(version(tmp_path / "2", gain=3)).status_code == 201
    assert registrar.point(2).status_code == 200
    assert registrar.patch(price=77).status_code == 200
    shop.run()
    done = shop.get(f"predictions/{queued['id']}")
    assert (done["version"], done["price"]) == (1, sold["price"])
    assert done["outputs"] == sold["outputs"]


def test_one_list_shows_them_all(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sold, queued, running, failed and cancelled ones stand in one order, page by page."""
    made = [shop.order().json()["id"]]
    shop.run()
    made.append(shop.order().json()["id"])
    shop.cancel(made[-1])
    made.append(shop.order().json()["id"])
    with monkeypatch.context() as patch:
        patch.setattr(Model, "predict", _broken)
        change(shop.house.db, made[-1], attempts=MOST_ATTEMPTS - 1)
        shop.run()
    made.append(shop.buy().json()["id"])
    made += [shop.order().json()["id"] for _ in range(2)]
    change(shop.house.db, made[-1], status="running")
    expected = ["succeeded", "cancelled", "failed", "succeeded", "queued", "running"]
    seen: list[tuple[str, str]] = []
    cursor: dict[str, str] = {}
    while True:
        page = shop.get("predictions", limit="2", **cursor)
        seen += [(one["id"], one["status"]) for one in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == list(zip(made, expected, strict=True))[::-1]
    for status in set(expected):
        listed = shop.get("predictions", status=status)["items"]
        assert {one["status"] for one in listed} == {status}
        assert len(listed) == expected.count(status)
    refused = shop.client.get("/v1/predictions", params={"status": "lost"}, headers=shop.headers)
    assert refused.status_code == 422


def test_the_house_itself_makes_what_is_ordered(database_url: str, tmp_path: Path) -> None:
    """Nobody has to ring: the worker of the process finds the job."""
    with open_house(settings_for(database_url, tmp_path)) as (client, house):
        shop = Shop(client, house, sign_up(client))
        ids = [shop.order().json()["id"] for _ in range(20)]
        finished = threading.Event()
        for _ in range(600):
            if len(shop.get("predictions", status="succeeded", limit="50")["items"]) == len(ids):
                break
            finished.wait(0.1)
        assert shop.balance() == (5000 - 10 * len(ids), 0)
    assert findings(database_url) == []
