"""The client's promises: nothing is bought twice, and every refusal can be told from the others."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from augury.client import ApiError, Client, Patience, Unreachable

PREDICTION = {
    "id": "p1",
    "status": "succeeded",
    "model": "credit-catboost",
    "version": 1,
    "rows": 1,
    "price": 100,
    "outputs": [{"default_probability": 0.08, "decision": "approve"}],
    "charge": {"transfer_id": "t1", "amount": 100, "balance_after": 4900},
    "created_at": "2026-11-02T12:30:00Z",
    "completed_at": "2026-11-02T12:30:00.250000Z",
    "a_field_of_next_year": {"nested": True},
}
TOKENS = {"access_token": "a1", "refresh_token": "r1", "token_type": "bearer", "expires_in": 900}


class Server:
    """Gives the prepared answers in turn and keeps the requests."""

    def __init__(self, *answers: httpx2.Response | Exception) -> None:
        """Prepare `answers`; an exception stands for a broken line."""
        self._answers = list(answers)
        self.requests: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        """Give the next answer."""
        self.requests.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that the client wanted to make, none of which is made."""
    made: list[float] = []
    monkeypatch.setattr("augury.client.transport.time.sleep", made.append)
    return made


def client(server: Server, **options: Any) -> Client:
    """Return a client of `server`."""
    return Client("http://api.test", transport=httpx2.MockTransport(server), **options)


def refusal(status: int, code: str, **headers: str) -> httpx2.Response:
    """Return a refusal as the API words it."""
    body = {"status": status, "code": code, "title": code, "detail": f"Because of {code}."}
    return httpx2.Response(status, json=body, headers=headers)


def test_every_try_of_one_purchase_carries_the_same_idempotency_key(pauses: list[float]) -> None:
    server = Server(
        httpx2.ReadTimeout("the answer was lost"),
        refusal(503, "ledger_unavailable"),
        httpx2.Response(201, json=PREDICTION),
    )
    bought = client(server).predict("credit-catboost", {"person_age": 30})
    keys = {request.headers["Idempotency-Key"] for request in server.requests}
    assert (len(server.requests), len(keys), len(pauses)) == (3, 1, 2)
    assert bought.charge is not None
    assert bought.charge.balance_after == 4900


def test_two_purchases_carry_different_idempotency_keys() -> None:
    server = Server(httpx2.Response(201, json=PREDICTION), httpx2.Response(201, json=PREDICTION))
    buyer = client(server)
    buyer.predict("credit-catboost", [{}])
    buyer.predict("credit-catboost", [{}])
    first, second = (request.headers["Idempotency-Key"] for request in server.requests)
    assert first != second


def test_an_own_idempotency_key_is_sent_as_it_is() -> None:
    server = Server(httpx2.Response(201, json=PREDICTION))
    client(server).predict("m", [{"x": 1}, {"x": 2}], idempotency_key="order-7", explain=True)
    assert server.requests[0].headers["Idempotency-Key"] == "order-7"
    body = json.loads(server.requests[0].content)
    assert body == {"model": "m", "inputs": [{"x": 1}, {"x": 2}], "explain": True}


def test_retry_after_is_honoured(pauses: list[float]) -> None:
    server = Server(
        refusal(429, "rate_limited", **{"Retry-After": "7"}),
        httpx2.Response(200, json={"items": []}),
    )
    assert client(server).models() == ()
    assert pauses == [7.0]


def test_a_longer_wait_than_patience_allows_is_left_to_the_caller(pauses: list[float]) -> None:
    server = Server(refusal(429, "rate_limited", **{"Retry-After": "600"}))
    with pytest.raises(ApiError) as caught:
        client(server).models()
    assert (caught.value.retry_after_seconds, pauses) == (600.0, [])


def test_pauses_grow_and_are_bounded(pauses: list[float]) -> None:
    patience = Patience(attempts=8, longest_pause_seconds=1.0)
    server = Server(*[httpx2.ConnectError("refused") for _ in range(8)])
    with pytest.raises(Unreachable):
        client(server, patience=patience).models()
    assert len(pauses) == 7
    assert pauses[0] < pauses[3]
    assert max(pauses) <= 1.0


def test_a_refresh_token_is_never_sent_twice_after_a_lost_answer(pauses: list[float]) -> None:
    server = Server(httpx2.ReadTimeout("the answer was lost"))
    with pytest.raises(Unreachable):
        client(server).refresh("r0")
    assert (len(server.requests), pauses) == (1, [])


def test_a_connection_that_was_never_made_is_tried_again_even_for_a_refresh(
    pauses: list[float],
) -> None:
    server = Server(httpx2.ConnectError("refused"), httpx2.Response(200, json=TOKENS))
    assert client(server).refresh("r0").access_token == "a1"
    assert len(pauses) == 1


def test_other_refusals_are_not_tried_again() -> None:
    for status, code in (
        (402, "insufficient_credits"),
        (409, "idempotency_conflict"),
        (500, "bug"),
    ):
        server = Server(refusal(status, code))
        with pytest.raises(ApiError) as caught:
            client(server).predict("m", {})
        assert (caught.value.status, caught.value.code) == (status, code)
        assert caught.value.detail == f"Because of {code}."


def test_a_refusal_lists_the_faulty_fields() -> None:
    errors = [{"pointer": "/inputs/0/person_age", "message": "must be at least 18"}]
    body = {"code": "invalid_input", "status": 422, "detail": "Check it.", "errors": errors}
    answer = httpx2.Response(422, json=body, headers={"X-Request-ID": "req-1"})
    with pytest.raises(ApiError) as caught:
        client(Server(answer)).predict("m", {})
    assert caught.value.errors[0].pointer == "/inputs/0/person_age"
    assert caught.value.errors[0].message == "must be at least 18"
    assert caught.value.request_id == "req-1"


def test_a_refusal_for_want_of_credits_says_where_to_buy_them() -> None:
    url = "https://augury.test/top-up"
    body = {"code": "insufficient_credits", "status": 402, "detail": "No.", "top_up_url": url}
    with pytest.raises(ApiError) as caught:
        client(Server(httpx2.Response(402, json=body))).predict("m", {})
    assert caught.value.top_up_url == url


def test_what_sets_a_value_is_tried_again_and_what_removes_is_not(pauses: list[float]) -> None:
    lost = httpx2.ReadTimeout("the answer was lost")
    server = Server(lost, httpx2.Response(200, json={"below": 5}))
    client(server).money.set_balance_alert(5)
    assert [request.method for request in server.requests] == ["PUT", "PUT"]
    server = Server(lost)
    with pytest.raises(Unreachable):
        client(server).money.remove_automatic_top_up()
    assert len(pauses) == 1


def test_a_refusal_in_a_proxys_words_still_has_a_code() -> None:
    answer = httpx2.Response(502, text="<html>Bad gateway</html>")
    with pytest.raises(ApiError) as caught:
        client(Server(answer)).models()
    assert (caught.value.code, caught.value.detail) == ("http_502", "Bad Gateway")


def test_an_answer_that_is_not_the_apis_is_an_api_error() -> None:
    with pytest.raises(ApiError) as caught:
        client(Server(httpx2.Response(200, text="<html>Welcome to the hotel</html>"))).me()
    assert caught.value.code == "unreadable_answer"


def test_lists_are_walked_to_their_end() -> None:
    second = {**PREDICTION, "id": "p0"}
    server = Server(
        httpx2.Response(200, json={"items": [PREDICTION], "next_cursor": "c1"}),
        httpx2.Response(200, json={"items": [second], "next_cursor": None}),
    )
    found = list(client(server).each_prediction(model="credit-catboost"))
    assert [one.id for one in found] == ["p1", "p0"]
    assert "cursor" not in server.requests[0].url.params
    assert dict(server.requests[1].url.params)["cursor"] == "c1"
    assert dict(server.requests[1].url.params)["model"] == "credit-catboost"


def test_signing_in_makes_the_following_calls_signed() -> None:
    balance = {"available": 5000, "held": 0}
    user = {
        "id": "u1",
        "username": "ann",
        "email": "ann@example.org",
        "role": "customer",
        "status": "active",
        "created_at": "2026-11-02T12:30:00Z",
        "balance": balance,
    }
    server = Server(httpx2.Response(200, json=TOKENS), httpx2.Response(200, json=user))
    with client(server, language="ru") as buyer:
        buyer.sign_in("ann", "correct horse")
        me = buyer.me()
    signing_in, asking = server.requests
    assert signing_in.content == b"grant_type=password&username=ann&password=correct+horse"
    assert asking.headers["Authorization"] == "Bearer a1"
    assert asking.headers["Accept-Language"] == "ru"
    assert me.balance.available == 5000
    assert me.created_at == datetime(2026, 11, 2, 12, 30, tzinfo=UTC)


def test_signing_out_revokes_and_forgets() -> None:
    server = Server(httpx2.Response(204))
    buyer = client(server, token="a1")
    buyer.sign_out("r1")
    assert json.loads(server.requests[0].content) == {"refresh_token": "r1"}
    assert buyer.token is None


def test_acting_as_somebody_else_leaves_the_first_client_alone() -> None:
    ann = client(Server(), token="a1")
    bob = ann.acting_as("b1", "ru")
    assert (ann.token, bob.token) == ("a1", "b1")


def test_health_is_asked_once(pauses: list[float]) -> None:
    server = Server(httpx2.ConnectError("refused"))
    with pytest.raises(Unreachable):
        client(server).health()
    assert pauses == []


def test_names_cannot_leave_their_place_in_the_path() -> None:
    server = Server(refusal(404, "model_not_found"))
    with pytest.raises(ApiError):
        client(server).model("../admin/users?x=")
    assert server.requests[0].url.raw_path == b"/v1/models/..%2Fadmin%2Fusers%3Fx%3D"
