"""Bad input: each its documented refusal, all faults at once, nothing charged, and never a 500."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from support.houses import APPLICANT, order, sign_up
from support.problems import is_problem

JSON = {"Content-Type": "application/json"}
_ROW = json.dumps(APPLICANT)


def _one(**changes: str) -> bytes:
    """Return an order whose row has members written as given."""
    marked = json.dumps({**APPLICANT, **{name: f"<{name}>" for name in changes}})
    for name, written in changes.items():
        marked = marked.replace(f'"<{name}>"', written)
    return f'{{"model": "credit-catboost", "inputs": [{marked}]}}'.encode()


def _body(inputs: str, model: str = '"credit-catboost"') -> bytes:
    return f'{{"model": {model}, "inputs": {inputs}}}'.encode()


_DEEP = "[" * 100_000 + "]" * 100_000
# What is sent, and code and pointer of the first fault.
BAD: dict[str, tuple[bytes, str, str | None]] = {
    "nothing": (b"", "invalid_input", ""),
    "blanks": (b"   \n", "invalid_input", ""),
    "half a body": (order()[:-20], "invalid_input", ""),
    "two bodies": (order() + order(), "invalid_input", ""),
    "a word": (b"hello", "invalid_input", ""),
    "bytes that are no text": (b"\xff\xfe\x00", "invalid_input", ""),
    "a model that is no text": (b'{"model": "\xff", "inputs": [{}]}', "invalid_input", None),
    "a row that is no text": (_one(loan_intent='"VENTURE"').replace(b"VENTURE", b"\xff"), "invalid_input", None),
    "UTF-16": (order().decode().encode("utf-16"), "invalid_input", ""),
    "a list": (b"[]", "invalid_input", ""),
    "a number": (b"7", "invalid_input", ""),
    "null": (b"null", "invalid_input", ""),
    "an empty object": (b"{}", "invalid_input", "/model"),
    "no inputs": (b'{"model": "credit-catboost"}', "invalid_input", "/inputs"),
    "no model": (f'{{"inputs": [{_ROW}]}}'.encode(), "invalid_input", "/model"),
    "a model that is a number, in half a body": (b'{"model": 7, "inputs": [', "invalid_input", ""),
    "an unknown member, then bytes that are no text": (b'{"tip": 1, "x": "\xff"}', "invalid_input", None),
    "a model that is a number": (_body(f"[{_ROW}]", "7"), "invalid_input", "/model"),
    "a model that is null": (_body(f"[{_ROW}]", "null"), "invalid_input", "/model"),
    "an unknown member": (order()[:-1] + b', "tip": 1}', "invalid_input", "/tip"),
    "a surrogate as a member": (order()[:-1] + b', "\\ud800": 1}', "invalid_input", ""),
    "a format as a member": (order()[:-1] + b', "{0.__class__}": 1}', "invalid_input", "/{0.__class__}"),
    "an explanation that is text": (order()[:-1] + b', "explain": "no"}', "invalid_input", "/explain"),
    "an unknown model": (_body(f"[{_ROW}]", '"nothing"'), "model_not_found", None),
    "an unknown version": (_body(f"[{_ROW}]", '"credit-catboost@77"'), "model_not_found", None),
    "an unknown alias": (_body(f"[{_ROW}]", '"credit-catboost@best"'), "model_not_found", None),
    "an endless model": (_body(f"[{_ROW}]", '"' + "x" * 100_000 + '"'), "model_not_found", None),
    "a model with NUL": (_body(f"[{_ROW}]", '"credit\\u0000"'), "model_not_found", None),
    "a model with a surrogate": (_body(f"[{_ROW}]", '"\\ud800"'), "invalid_input", None),
    "a model with a path": (_body(f"[{_ROW}]", '"../../etc/passwd"'), "model_not_found", None),
    "an empty model": (_body(f"[{_ROW}]", '""'), "model_not_found", None),
    "a version of many digits": (_body(f"[{_ROW}]", '"credit-catboost@' + "9" * 64 + '"'), "model_not_found", None),
    "inputs that are null": (_body("null"), "invalid_input", "/inputs"),
    "inputs that are one row": (_body(_ROW), "invalid_input", "/inputs"),
    "inputs that are text": (_body('"rows"'), "invalid_input", "/inputs"),
    "no rows": (_body("[]"), "invalid_input", "/inputs"),
    "a row too many": (order("credit-catboost", 1001), "invalid_input", "/inputs"),
    "a row that is null": (_body("[null]"), "invalid_input", "/inputs/0"),
    "a row that is a list": (_body("[[1]]"), "invalid_input", "/inputs/0"),
    "an empty row": (_body("[{}]"), "invalid_input", "/inputs/0/person_home_ownership"),
    "NaN": (_one(person_income="NaN"), "invalid_input", None),
    "Infinity": (_one(person_income="Infinity"), "invalid_input", None),
    "minus Infinity": (_one(person_income="-Infinity"), "invalid_input", None),
    "1e999": (_one(person_income="1e999"), "invalid_input", "/inputs/0/person_income"),
    "a number of 4,000 digits": (_one(person_income="9" * 4_000), "invalid_input", "/inputs/0/person_income"),
    "a number of 5,000 digits": (_one(person_income="9" * 5_000), "invalid_input", None),
    "a fraction of 5,000 digits": (_one(loan_int_rate="101." + "9" * 5_000), "invalid_input", "/inputs/0/loan_int_rate"),
    "a number of 31 digits": (_one(person_income="1" + "0" * 30), "invalid_input", "/inputs/0/person_income"),
    "an unknown field": (_one(person_pet='"cat"'), "invalid_input", "/inputs/0/person_pet"),
    "an unknown field of two lines": (_one(**{"a\\nb": "1"}), "invalid_input", None),
    "a surrogate as a field": (_body(f'[{_ROW[:-1]}, "\\ud800": 1}}]'), "invalid_input", None),
    "a missing field": (_body(f'[{_ROW.replace("loan_grade", "loan_class")}]'), "invalid_input", None),
    "a number as text": (_one(person_age='"30"'), "invalid_input", "/inputs/0/person_age"),
    "true as a number": (_one(person_age="true"), "invalid_input", "/inputs/0/person_age"),
    "false as a number": (_one(loan_amnt="false"), "invalid_input", "/inputs/0/loan_amnt"),
    "a number as a category": (_one(loan_grade="1"), "invalid_input", "/inputs/0/loan_grade"),
    "true as a category": (_one(cb_person_default_on_file="true"), "invalid_input", "/inputs/0/cb_person_default_on_file"),
    "a list as a category": (_one(loan_grade='["A"]'), "invalid_input", "/inputs/0/loan_grade"),
    "null as a category": (_one(loan_grade="null"), "invalid_input", "/inputs/0/loan_grade"),
    "an unknown category": (_one(loan_grade='"H"'), "invalid_input", "/inputs/0/loan_grade"),
    "a category in other letters": (_one(loan_grade='"a"'), "invalid_input", "/inputs/0/loan_grade"),
    "a category with NUL": (_one(loan_grade='"A\\u0000"'), "invalid_input", "/inputs/0/loan_grade"),
    "a category with a surrogate": (_one(loan_grade='"\\udfff"'), "invalid_input", None),
    "an endless category": (_one(loan_grade='"' + "A" * 100_000 + '"'), "invalid_input", "/inputs/0/loan_grade"),
    "half a year": (_one(person_age="30.5"), "invalid_input", "/inputs/0/person_age"),
    "nearly a whole year": (_one(person_age="30.00000001"), "invalid_input", "/inputs/0/person_age"),
    "too young": (_one(person_age="17"), "invalid_input", "/inputs/0/person_age"),
    "too old": (_one(person_age="144"), "invalid_input", "/inputs/0/person_age"),
    "no amount": (_one(loan_amnt="0"), "invalid_input", "/inputs/0/loan_amnt"),
    "a negative amount": (_one(loan_amnt="-5"), "invalid_input", "/inputs/0/loan_amnt"),
    "deep inputs": (_body(_DEEP), "invalid_input", None),
    "a deep value": (_one(person_income=_DEEP), "invalid_input", None),
    "a deep body": (_DEEP.encode(), "invalid_input", None),
    "a deep end": (b"[" * 100_000, "invalid_input", None),
    "deep objects": (b'{"a":' * 100_000, "invalid_input", None),
    "a deep unknown member": (order()[:-1] + b', "x": ' + _DEEP.encode() + b"}", "invalid_input", None),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("path", ["/v1/predictions", "/v1/quotes"])
def test_bad_input_is_refused(
    client: TestClient, checked: dict[str, str], path: str, bad: str
) -> None:
    """Each kind of bad input has its code and names its place, for a sale and for a quote."""
    body, code, pointer = BAD[bad]
    answer = client.post(path, content=body, headers=checked | JSON)
    problem = is_problem(answer)
    assert (answer.status_code, problem["code"]) == (
        404 if code == "model_not_found" else 422,
        code,
    )
    if pointer is not None:
        assert problem["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("bad", BAD)
def test_bad_input_with_a_key_is_refused_alike(
    client: TestClient, checked: dict[str, str], bad: str
) -> None:
    """An Idempotency-Key makes no difference, and a refusal does not use the key up."""
    body, code, _ = BAD[bad]
    for _ in range(2):
        answer = client.post(
            "/v1/predictions", content=body, headers=checked | JSON | {"Idempotency-Key": "one"}
        )
        assert is_problem(answer)["code"] == code


@pytest.mark.parametrize(
    "key", ["", "x" * 256, "tab\there", "ключ".encode(), b"caf\xe9", b"\x7f", b"\x01"]
)
def test_an_invalid_key_is_refused(client: TestClient, checked: dict[str, str], key: Any) -> None:
    """A key has 1 to 255 printable ASCII characters; a good order with a bad key is not sold."""
    headers = [*(checked | JSON).items(), ("Idempotency-Key", key)]
    answer = client.post("/v1/predictions", content=order(), headers=headers)
    problem = is_problem(answer)
    assert (answer.status_code, problem["code"]) == (422, "invalid_input")
    assert [fault["pointer"] for fault in problem["errors"]] == ["/idempotency-key"]


@pytest.mark.parametrize(
    "media_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/xml",
        "application/jsonp",
        "json",
    ],
)
@pytest.mark.parametrize("path", ["/v1/predictions", "/v1/quotes"])
def test_another_media_type_is_refused(
    client: TestClient, checked: dict[str, str], path: str, media_type: str
) -> None:
    """A body that does not call itself JSON is 415, whatever is in it."""
    answer = client.post(path, content=order(), headers=checked | {"Content-Type": media_type})
    assert (answer.status_code, is_problem(answer)["code"]) == (415, "unsupported_media_type")


def test_json_with_a_charset_is_json(client: TestClient, checked: dict[str, str]) -> None:
    """Parameters and letters of another case do not matter."""
    for media_type in ("application/json; charset=utf-8", "Application/JSON"):
        answer = client.post(
            "/v1/quotes", content=order(), headers=checked | {"Content-Type": media_type}
        )
        assert answer.status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        None, "", "Bearer", "Bearer ", "Bearer nonsense", "Basic YW5uYTphbm5h", "Bearer a.b.c",
        b"Bearer \xff\xfe", "Bearer " + "x" * 50_000, "Token x", "Bearer aug_nothing",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/predictions"), ("POST", "/v1/quotes"), ("GET", "/v1/me"), ("GET", "/v1/balance"),
        ("GET", "/v1/predictions"), ("GET", "/v1/predictions/x"), ("GET", "/v1/transactions"),
        ("POST", "/v1/auth/logout"), ("POST", "/v1/admin/users/x/adjustments"),
    ],
)  # fmt: skip
def test_nobody_gets_in_without_a_token(
    client: TestClient, method: str, path: str, authorization: Any
) -> None:
    """Every private address asks for a valid token, before it looks at anything else."""
    headers: Any = [("Content-Type", "application/json")]
    if authorization is not None:
        headers.append(("Authorization", authorization))
    content = b'{"amount": 5, "reason": "because"}' if "admin" in path else order()
    answer = client.request(
        method, path, headers=headers, content=content if method == "POST" else None
    )
    assert (answer.status_code, is_problem(answer)["code"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_all_faults_of_all_rows_are_listed(client: TestClient, checked: dict[str, str]) -> None:
    """Several faults in several rows come in one answer, each with its pointer."""
    rows = [
        {**APPLICANT, "person_age": 5, "loan_grade": "Z", "pet/cat": 1},
        APPLICANT,
        {**APPLICANT, "loan_amnt": "much", "cb_person_cred_hist_length": None},
    ]
    body = json.dumps({"model": "credit-catboost", "inputs": rows}).encode()
    problem = is_problem(client.post("/v1/predictions", content=body, headers=checked | JSON))
    assert sorted(fault["pointer"] for fault in problem["errors"]) == [
        "/inputs/0/loan_grade",
        "/inputs/0/person_age",
        "/inputs/0/pet~1cat",
        "/inputs/2/cb_person_cred_hist_length",
        "/inputs/2/loan_amnt",
    ]


def test_the_last_of_two_members_counts(client: TestClient, checked: dict[str, str]) -> None:
    """A member that comes twice means what it says last, the same in every part of the body."""
    twice = f'{{"model": "nothing", "model": "credit-catboost", "inputs": [], "inputs": [{_ROW}]}}'
    told = client.post("/v1/quotes", content=twice.encode(), headers=checked | JSON)
    assert (told.status_code, told.json()["rows"]) == (200, 1)
    for first, status in (("30", 200), ('"x"', 200)):
        body = _body(f'[{{"person_age": {first}, {_ROW[1:]}]')
        assert client.post("/v1/quotes", content=body, headers=checked | JSON).status_code == status


def test_an_oversized_body_is_refused_unread(client: TestClient, checked: dict[str, str]) -> None:
    """Fifty megabytes that are announced are refused at once, at every address."""
    huge = b" " * (50 * 1024 * 1024)
    for path in ("/v1/predictions", "/v1/quotes", "/v1/auth/register", "/v1/auth/token"):
        answer = client.post(path, content=huge, headers=checked | JSON)
        assert (answer.status_code, is_problem(answer)["code"]) == (413, "payload_too_large"), path
    announced = checked | JSON | {"Content-Length": "52428800"}
    answer = client.post("/v1/predictions", content=b"", headers=announced)
    assert answer.status_code == 413


@pytest.mark.parametrize("path", ["/v1/predictions", "/v1/transactions"])
@pytest.mark.parametrize(
    "query",
    [
        "cursor=", "cursor=x", "cursor=%00", "cursor=%ff", "cursor=MTIz!", "cursor=" + "A" * 300,
        "cursor=LTU", "limit=0", "limit=201", "limit=-1", "limit=x", "limit=1.5", "limit=true",
        "limit=" + "9" * 5000, "limit=NaN", "limit=", "limit=%00",
    ],
)  # fmt: skip
def test_an_invalid_page_is_refused(
    client: TestClient, checked: dict[str, str], path: str, query: str
) -> None:
    """Limits out of range and things that are no cursor are faults with a pointer."""
    answer = client.get(f"{path}?{query}", headers=checked)
    problem = is_problem(answer)
    assert (answer.status_code, problem["code"]) == (422, "invalid_input")
    assert [fault["pointer"] for fault in problem["errors"]] == ["/" + query.partition("=")[0]]


@pytest.mark.parametrize(
    "query",
    [
        "model=A", "model=%00", "model=" + "a" * 65, "status=unknown", "status=", "from=yesterday",
        "to=2022-13-01", "from=%00", "from=" + "9" * 400, "to=NaN", "to=Infinity", "from=99999-01-01T00:00:00Z",
    ],
)  # fmt: skip
def test_an_invalid_filter_is_refused(
    client: TestClient, checked: dict[str, str], query: str
) -> None:
    """A filter of the wrong form is a fault with a pointer."""
    answer = client.get(f"/v1/predictions?{query}", headers=checked)
    problem = is_problem(answer)
    assert (answer.status_code, problem["code"]) == (422, "invalid_input")
    assert [fault["pointer"] for fault in problem["errors"]] == ["/" + query.partition("=")[0]]


@pytest.mark.parametrize(
    "query",
    ["from=0001-01-01T00:00:00Z", "from=0001-01-01T00:00:00%2B14:00", "to=9999-12-31T23:59:59.999999-14:00",
     "from=2022-01-01", "to=0", "from=-1", "unknown=1"],
)  # fmt: skip
def test_far_moments_are_moments(client: TestClient, checked: dict[str, str], query: str) -> None:
    """The beginning and the end of time are filters like others."""
    answer = client.get(f"/v1/predictions?{query}", headers=checked)
    assert (answer.status_code, answer.json()["items"]) == (200, [])


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b"7", b'"x"', _DEEP.encode(), b"[" * 100_000, b"\xff", b'{"username": NaN}',
        b'{"username": 1e999, "email": [], "password": {}}', b'{"username": ' + b"9" * 5000 + b"}",
        b'{"username": "\\ud800", "email": "\\ud800", "password": "\\ud800\\ud800\\ud800\\ud800"}',
        b'{"username": "fine", "email": "f@example.com", "password": "\\ud800aaaaaaaaaaaaa"}',
        b'{"\\ud800": 1}', b'{"\\u0000": 1}', b'{"a/b": 1}',
        b'{"username": "a\\u0000b", "email": "a\\u0000@b.c", "password": "\\u0000"}',
        b'{"username": true, "email": false, "password": null}',
    ],
)  # fmt: skip
def test_a_bad_registration_is_refused(client: TestClient, body: bytes) -> None:
    """The same kinds of bad input, at an address that the framework parses."""
    answer = client.post("/v1/auth/register", content=body, headers=JSON)
    assert (answer.status_code, is_problem(answer)["code"]) == (422, "invalid_input")


def test_pointers_of_forms_escape_names(client: TestClient) -> None:
    """An unknown member with a slash in it has a JSON pointer like any other."""
    answer = client.post("/v1/auth/register", content=b'{"a/b~c": 1}', headers=JSON)
    assert "/a~1b~0c" in [fault["pointer"] for fault in is_problem(answer)["errors"]]


@pytest.mark.parametrize(
    "path",
    ["/v1/predictions/%00", "/v1/predictions/%ff", "/v1/predictions/" + "a" * 65, "/v1/predictions/x%2Fy",
     "/v1/models/%00", "/v1/models/%ff", "/v1/models/x@y", "/v1/models/" + "a" * 5000, "/nothing", "/", "//",
     "/v1/predictions/", "/v1/models/..%2f..%2fetc"],
)  # fmt: skip
def test_odd_addresses_are_not_found(
    client: TestClient, checked: dict[str, str], path: str
) -> None:
    """What does not exist is 404, or 422 where its name is too long, as a problem."""
    answer = client.get(path, headers=checked)
    assert answer.status_code in {404, 422}
    is_problem(answer)


def test_somebody_elses_prediction_is_not_found(client: TestClient) -> None:
    """Whoever guesses an id of another customer learns nothing."""
    boris, vera = sign_up(client, "boris"), sign_up(client, "vera")
    sold = client.post("/v1/predictions", content=order(), headers=boris | JSON).json()
    answer = client.get(f"/v1/predictions/{sold['id']}", headers=vera)
    nothing = client.get("/v1/predictions/01a20067-451f-7740-aa85-87548a634f43", headers=vera)
    first, second = is_problem(answer), is_problem(nothing)
    assert first | {"request_id": ""} == second | {"request_id": ""}
    assert first["code"] == "not_found"
