"""What every refusal of the API looks like."""

from typing import Any


def is_problem(answer: Any) -> dict[str, Any]:
    """Return the problem of a refusal after looking at its form."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text[:500]
    problem: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "code", "request_id"} <= problem.keys()
    assert problem["status"] == answer.status_code
    assert problem["code"] in problem["type"]
    assert problem["request_id"] == answer.headers["X-Request-ID"]
    assert problem["title"]
    assert problem["detail"]
    if problem["code"] == "invalid_input":
        assert problem["errors"]
        for fault in problem["errors"]:
            assert fault.keys() == {"pointer", "message"}
            assert fault["pointer"] == "" or fault["pointer"].startswith("/")
            assert fault["message"]
    assert len(answer.content) < 50_000, "a refusal is not longer than what it refuses"
    return problem
