"""Faults of an input: all of them are told at once, and a flood of them is cut short."""

import json

from starlette.testclient import TestClient

from support.houses import APPLICANT
from support.problems import is_problem

JSON = {"Content-Type": "application/json"}
_ROW = json.dumps(APPLICANT)


def test_all_faults_of_a_body_are_listed(client: TestClient, checked: dict[str, str]) -> None:
    """Unknown members, missing ones and wrong ones are told at once, each with its own pointer."""
    for body, pointers in (
        (b'{"tip": 1, "a/b": 2}', ["/tip", "/a~1b", "/model", "/inputs"]),
        (b'{"model": 7, "explain": "no", "tip": 1}', ["/tip", "/inputs", "/model", "/explain"]),
    ):
        answer = client.post("/v1/predictions", content=body, headers=checked | JSON)
        problem = is_problem(answer)
        assert [fault["pointer"] for fault in problem["errors"]] == pointers


def test_half_a_surrogate_as_raw_bytes_is_refused(
    client: TestClient, checked: dict[str, str]
) -> None:
    """Bytes of half a surrogate, in a member that a later one overrides, are no text: 422."""
    row = _ROW.encode().replace(b"{", b'{"person_age": "\xed\xa0\x80", ', 1)
    body = b'{"model": "credit-catboost", "inputs": [' + row + b"]}"
    for key in ({}, {"Idempotency-Key": "half a surrogate"}):
        for path in ("/v1/predictions", "/v1/quotes"):
            answer = client.post(path, content=body, headers=checked | JSON | key)
            assert (answer.status_code, is_problem(answer)["code"]) == (422, "invalid_input")


def test_a_row_of_unknown_names_gets_a_short_answer(
    client: TestClient, checked: dict[str, str]
) -> None:
    """Fifty thousand unknown names in one row, or in the body, are told by the first hundred."""
    names = ", ".join(f'"x{number}": 1' for number in range(50_000))
    for body in (
        f'{{"model": "credit-catboost", "inputs": [{{{names}}}]}}'.encode(),
        f"{{{names}}}".encode(),
    ):
        answer = client.post("/v1/predictions", content=body, headers=checked | JSON)
        problem = is_problem(answer)
        assert (answer.status_code, problem["code"]) == (422, "invalid_input")
        assert 1 <= len(problem["errors"]) <= 102, "the missing members may come on top"
