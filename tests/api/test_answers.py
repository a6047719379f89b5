"""What every answer has: a request id, a language, a form; and a description that is true."""

import re
from importlib import import_module
from typing import Any

import jsonschema
import pytest
from starlette.testclient import TestClient

from augury.bootstrap import House
from augury.kit.errors import LedgerUnavailable
from augury.kit.texts import texts
from support.houses import order, sign_in

JSON = {"Content-Type": "application/json"}
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ASKED = [
    ("GET", "/healthz", 200),
    ("GET", "/readyz", 200),
    ("GET", "/v1/models", 200),
    ("GET", "/openapi.json", 200),
    ("GET", "/docs", 200),
    ("GET", "/v1/me", 401),
    ("GET", "/nothing", 404),
    ("POST", "/v1/models", 405),
    ("POST", "/v1/predictions", 401),
    ("POST", "/v1/auth/register", 422),
]


@pytest.mark.parametrize(("method", "path", "status"), _ASKED)
def test_every_answer_has_a_request_id(
    client: TestClient, method: str, path: str, status: int
) -> None:
    """Good answers and refusals carry an id of their own, one each."""
    answers = [client.request(method, path) for _ in range(2)]
    assert [one.status_code for one in answers] == [status] * 2
    ids = [one.headers.get_list("X-Request-ID") for one in answers]
    assert all(len(found) == 1 and ID.fullmatch(found[0]) for found in ids)
    assert ids[0] != ids[1]


def test_a_sane_request_id_is_echoed(client: TestClient) -> None:
    """The caller's id comes back, so that two logs can be laid side by side."""
    for given in ("trace-0123.ABC_", "a" * 64, "12345678"):
        answer = client.get("/v1/me", headers={"X-Request-ID": given})
        assert answer.headers["X-Request-ID"] == answer.json()["request_id"] == given


@pytest.mark.parametrize(
    "given", ["", "short", "a" * 65, "two words", "new\tline", '{"a": 1}', b"\xff" * 10]
)
def test_an_odd_request_id_is_replaced(client: TestClient, given: Any) -> None:
    """An id that could spoil a log is not repeated anywhere."""
    answer = client.get("/v1/models", headers=[("X-Request-ID", given)])
    assert ID.fullmatch(answer.headers["X-Request-ID"])


@pytest.mark.parametrize(
    ("asked", "spoken"),
    [("ru", "ru"), ("ru-RU,en;q=0.5", "ru"), ("en", "en"), ("fr", "en"), (None, "en")],
)
def test_refusals_speak_the_readers_language(
    client: TestClient, asked: str | None, spoken: str
) -> None:
    """Title, detail and faults come in Russian or English; code and pointers never change."""
    headers = {} if asked is None else {"Accept-Language": asked}
    form = {"username": "!", "email": "nowhere", "password": "x" * 20}
    answer = client.post("/v1/auth/register", json=form | {"username": "!!!"}, headers=headers)
    problem = answer.json()
    assert answer.headers["Content-Language"] == spoken
    words = texts("api", spoken)
    assert problem["title"] == words.text("title.invalid_input")
    assert problem["detail"] == words.text("refusal.invalid_input")
    assert problem["errors"] == [
        {"pointer": "/username", "message": words.text("fault.username_form")},
        {"pointer": "/email", "message": words.text("fault.email_form")},
    ]
    assert problem["code"] == "invalid_input"


def test_a_refused_sale_speaks_russian(client: TestClient, anna: dict[str, str]) -> None:
    """The busiest address has the same languages, also in the faults of a row."""
    headers = anna | JSON | {"Accept-Language": "ru"}
    problem = client.post("/v1/predictions", content=order(person_age=5), headers=headers).json()
    assert re.search("[а-я]", problem["detail"])
    assert "от 18 до 100" in problem["errors"][0]["message"]


def test_an_unexpected_error_tells_nothing_but_its_id(
    client: TestClient, house: House, anna: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our own fault is a 500 with a request id, without a word about what went wrong."""

    def fail(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("a secret of the house")

    monkeypatch.setattr(type(house.tokens), "verify", fail)
    for answer in (
        client.get("/v1/me", headers=anna),
        client.post("/v1/predictions", content=order(), headers=anna | JSON),
    ):
        assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers.get_list("X-Request-ID") == [answer.json()["request_id"]]
        assert "secret" not in answer.text


def test_an_unreachable_ledger_sells_nothing(
    client: TestClient, house: House, anna: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the database the answer is 503 with the time to try again, at every address."""

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise LedgerUnavailable(retry_after_seconds=1)

    monkeypatch.setattr(type(house.db), "read", refuse)
    monkeypatch.setattr(type(house.db), "write", refuse)
    answers = [
        client.get("/v1/balance", headers=anna),
        client.get("/readyz"),
        client.post("/v1/predictions", content=order(), headers=anna | JSON),
        client.post("/v1/auth/token", data={"username": "anna", "password": "x"}),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (503, "ledger_unavailable")
        assert answer.headers["Retry-After"] == "1"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/v1/models", {"GET"}), ("/v1/predictions", {"GET", "POST"}), ("/v1/auth/token", {"POST"}),
     ("/v1/quotes", {"POST"}), ("/v1/predictions/x", {"GET"})],
)  # fmt: skip
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_another_method_is_told_which_are_allowed(
    client: TestClient, path: str, allowed: set[str], method: str
) -> None:
    """A method that an address does not take is 405, and the header Allow has those it takes."""
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert set(answer.headers["Allow"].replace(" ", "").split(",")) - {"HEAD", "OPTIONS"} == allowed


def test_the_docs_can_authorize(client: TestClient) -> None:
    """The description has an OAuth2 password flow whose address really gives tokens."""
    schema = client.get("/openapi.json").json()
    assert schema["openapi"].startswith("3.1")
    (scheme,) = schema["components"]["securitySchemes"].values()
    flow = scheme["flows"]["password"]
    form = {"grant_type": "password", "username": "admin", "password": "correct horse battery"}
    granted = client.post(flow["tokenUrl"], data=form)
    assert granted.json()["token_type"] == "bearer"
    page = client.get("/docs")
    assert "/openapi.json" in page.text
    assert page.headers["Content-Type"].startswith("text/html")


_PUBLIC = {
    "/v1/models",
    "/v1/models/{name}",
    "/v1/models/{name}/versions",
    "/v1/models/{name}/sample",
    "/v1/manifest-schema",
    "/v1/auth/password/forgot",
    "/v1/auth/password/reset",
    "/v1/auth/register",
    "/v1/auth/token",
    "/v1/top-ups/packs",
    "/v1/webhooks/{provider}",
    "/v1/invoices/{number}.pdf",
    "/healthz",
    "/readyz",
    "/metrics",
}

# These ask under conditions: for a password that is right, or for the token if there is one.
_SOMETIMES = {"/v1/auth/token", "/metrics"}


def test_every_private_operation_asks_for_authorization(client: TestClient) -> None:
    """What needs a token says so in its description, and only that."""
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        for method, operation in operations.items():
            assert bool(operation.get("security")) == (path not in _PUBLIC), (method, path)
            assert operation["summary"], (method, path)
            assert ("401" in operation["responses"]) == (path not in _PUBLIC - _SOMETIMES)


def test_every_refusal_is_described_as_a_problem(client: TestClient) -> None:
    """Whatever is not a success is `application/problem+json` in the description."""
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        for method, operation in operations.items():
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert list(response["content"]) == ["application/problem+json"], (
                        method,
                        path,
                        status,
                    )


def _examples(schema: dict[str, Any], whole: dict[str, Any]) -> list[tuple[dict[str, Any], Any]]:
    """Return every schema with an example, anywhere in a description."""
    found = [(schema, example) for example in schema.get("examples", [])]
    for value in schema.values():
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict) and not isinstance(value, str):
                found += _examples(inner, whole)
    return found


def test_examples_are_what_they_are_examples_of(client: TestClient) -> None:
    """Every example in the description is valid against the schema that it stands in."""
    whole = client.get("/openapi.json").json()
    components = {"components": whole["components"]}
    found = _examples(whole["components"]["schemas"], whole)
    assert len(found) >= 6
    for schema, example in found:
        jsonschema.Draft202012Validator({**schema, **components}).validate(example)


def test_the_example_of_a_sale_is_sold(client: TestClient, anna: dict[str, str]) -> None:
    """Whoever presses "Try it out" gets a prediction, which looks as the description says."""
    whole = client.get("/openapi.json").json()
    (example,) = whole["components"]["schemas"]["PredictionRequest"]["examples"]
    answer = client.post("/v1/predictions", json=example, headers=anna)
    assert answer.status_code == 201
    schema = whole["paths"]["/v1/predictions"]["post"]["responses"]["201"]["content"][
        "application/json"
    ]["schema"]
    jsonschema.Draft202012Validator({**schema, "components": whole["components"]}).validate(
        answer.json()
    )


def test_schemas_of_models_are_schemas_and_their_examples_fit(
    client: TestClient, anna: dict[str, str]
) -> None:
    """Input and output schemas are valid JSON Schema 2020-12; examples and real outputs fit them."""
    items = client.get("/v1/models").json()["items"]
    assert [item["name"] for item in items] == sorted(item["name"] for item in items)
    assert len(items) >= 3
    for item in items:
        for schema in (item["input_schema"], item["output_schema"]):
            jsonschema.Draft202012Validator.check_schema(schema)
        for example in item["input_schema"]["examples"]:
            jsonschema.Draft202012Validator(item["input_schema"]).validate(example)
            body = {"model": item["name"], "inputs": [example]}
            sold = client.post("/v1/predictions", json=body, headers=anna).json()
            jsonschema.Draft202012Validator(item["output_schema"]).validate(sold["outputs"][0])
            assert sold["price"] == item["price"]


def test_one_model_is_given_by_each_of_its_names(client: TestClient) -> None:
    """`name`, `name@alias` and `name@version` give the same model; another version is not there."""
    first = client.get("/v1/models/credit-catboost").json()
    for name in ("credit-catboost@champion", "credit-catboost@1"):
        assert client.get(f"/v1/models/{name}").json() == first
    assert client.get("/v1/models/credit-catboost@2").status_code == 404


def test_a_token_of_somebody_who_is_no_customer_buys_nothing(
    client: TestClient, house: House
) -> None:
    """A genuine token without an account behind it is refused with a reason, not with an error."""
    tokens = import_module("augury.users.tokens")
    ghost = tokens.Identity(
        "01a20067-451f-7740-aa85-87548a634f43", "01a20067-451f-7740-aa85-87548a634f43", "customer"
    )
    headers = {"Authorization": f"Bearer {house.tokens.issue(ghost)}"}
    answer = client.post("/v1/predictions", content=order(), headers=headers | JSON)
    assert (answer.status_code, answer.json()["code"]) == (403, "account_closed")
    assert client.get("/v1/me", headers=headers).status_code == 404
    assert client.get("/v1/balance", headers=headers).json() == {"available": 0, "held": 0}


def test_an_expired_token_is_refused_by_every_door(
    client: TestClient, anna: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quarter of an hour after sign-in the token is worth nothing, at either kind of address."""
    tokens = import_module("augury.users.tokens")
    fresh = sign_in(client, "anna")
    late = tokens.now() + (tokens.ACCESS_SECONDS + 1) * tokens.SECOND
    monkeypatch.setattr(tokens, "now", lambda: late)
    for headers in (anna, fresh):
        assert client.get("/v1/me", headers=headers).status_code == 401
        answer = client.post("/v1/predictions", content=order(), headers=headers | JSON)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
