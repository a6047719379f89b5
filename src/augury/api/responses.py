"""How refusals appear in OpenAPI: from the refusal classes themselves."""

from typing import Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from augury.api.errors import MEDIA_TYPE
from augury.kit.errors import all_refusals


class FaultOut(BaseModel):
    """One thing wrong with the input."""

    pointer: str = Field(
        description="JSON pointer to the value.", examples=["/inputs/0/person_age"]
    )
    message: str


class ProblemOut(BaseModel):
    """A refusal (RFC 9457). `code` is stable; `detail` is in the reader's language."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[FaultOut] | None = None


def answers(status: int, wire_class: type[msgspec.Struct]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI response for an answer that msgspec encodes."""
    schema = {"$ref": f"#/components/schemas/{wire_class.__name__}"}
    return {
        status: {
            "description": "Success",
            "content": {"application/json": {"schema": schema}},
        }
    }


def refusals(*codes: str) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses for refusals, by status, besides those any request can meet."""
    known = {refusal.code: refusal for refusal in all_refusals()}
    common = ("invalid_input", "payload_too_large", "ledger_unavailable", "internal_error")
    by_status: dict[int, list[str]] = {}
    # An API key without the scope for it, where a token is asked for.
    scope = {"forbidden"} if "unauthenticated" in codes and "forbidden" not in codes else set()
    for code in (*codes, *sorted(scope), *common):
        by_status.setdefault(known[code].status, []).append(code)
    return {
        status: {
            "description": ", ".join(f"`{code}`" for code in found),
            "model": ProblemOut,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemOut"}}},
        }
        for status, found in sorted(by_status.items())
    }
