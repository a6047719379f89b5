"""OpenAPI of what FastAPI does not describe by itself: the routes that msgspec serves."""

from typing import Any

import msgspec
from fastapi import FastAPI

from augury.api.errors import MEDIA_TYPE
from augury.api.responses import answers, refusals
from augury.predictions.schemas import PredictionAnswer, PredictionDetails, PredictionPage, Quote
from augury.registry.catalogue import Catalogue
from augury.registry.examples import example_row

_REFERENCE = "#/components/schemas/{name}"


def describe(app: FastAPI, catalogue: Catalogue) -> None:
    """Make the application's OpenAPI complete; it is built once, at the first question."""
    build = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = build()
            _, components = msgspec.json.schema_components(
                [PredictionAnswer, PredictionDetails, PredictionPage, Quote],
                ref_template=_REFERENCE,
            )
            schema["components"]["schemas"] |= components
            schema["components"]["schemas"]["PredictionRequest"] = _request(catalogue)
            paths = schema["paths"]
            paths["/v1/predictions"]["post"] = _sale()
            paths["/v1/quotes"] = {"post": _quotation()}
            _drop_success_type_of_refusals(paths)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _drop_success_type_of_refusals(paths: dict[str, Any]) -> None:
    """Take out `application/json` that FastAPI adds to every response that names a model."""
    for operations in paths.values():
        for operation in operations.values():
            for response in operation["responses"].values():
                if MEDIA_TYPE in response.get("content", {}):
                    response["content"].pop("application/json", None)


def _request(catalogue: Catalogue) -> dict[str, Any]:
    offered = catalogue.champions()
    example = {
        "model": offered[0].version.model if offered else "model-name",
        "inputs": [example_row(offered[0].version.manifest)] if offered else [],
    }
    return {
        "type": "object",
        "title": "PredictionRequest",
        "properties": {
            "model": {
                "type": "string",
                "description": "`name`, `name@alias` or `name@version`.",
                "examples": [offer.version.model for offer in offered],
            },
            "inputs": {
                "type": "array",
                "minItems": 1,
                "maxItems": 1000,
                "items": {"type": "object"},
                "description": "Rows by the model's `input_schema`.",
            },
            "explain": {
                "type": "boolean",
                "default": False,
                "description": "Adds `reasons` to each output, for the model's `explain.price`.",
            },
        },
        "required": ["model", "inputs"],
        "additionalProperties": False,
        "examples": [example],
    }


def _operation(summary: str, name: str, responses: dict[int | str, Any]) -> dict[str, Any]:
    return {
        "tags": ["predictions"],
        "summary": summary,
        "operationId": name,
        "security": [{"OAuth2PasswordBearer": []}],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/PredictionRequest"}}
            },
        },
        "responses": {
            str(status): {key: value for key, value in response.items() if key != "model"}
            for status, response in sorted(responses.items(), key=lambda pair: str(pair[0]))
        },
    }


def _sale() -> dict[str, Any]:
    responses = answers(201, PredictionAnswer) | refusals(
        "unauthenticated",
        "account_closed",
        "insufficient_credits",
        "model_not_found",
        "idempotency_conflict",
        "unsupported_media_type",
        "model_unavailable",
        "overloaded",
        "too_many_jobs",
    )
    for status, when in (
        (200, "The same key again, for a prediction that has failed or was cancelled"),
        (202, "It is made in the background; `Location` tells where it can be read"),
    ):
        responses |= {status: answers(status, PredictionAnswer)[status] | {"description": when}}
    return _operation("Buy a prediction", "buy_prediction", responses) | {
        "description": "Runs the model, takes the price and stores the outputs, or does none.",
        "parameters": [_IDEMPOTENCY_KEY, _PREFER],
    }


_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and the same input give the first answer again.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": 255,
        "pattern": "^[\\x20-\\x7e]+$",
    },
}
_PREFER = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`respond-async` holds the price and makes the prediction in the background.",
    "schema": {"type": "string", "examples": ["respond-async"]},
}


def _quotation() -> dict[str, Any]:
    responses = answers(200, Quote) | refusals(
        "unauthenticated", "model_not_found", "unsupported_media_type", "model_unavailable"
    )
    return _operation("Ask for the price", "quote_prediction", responses) | {
        "description": "Answers price and balance; charges nothing and runs no model."
    }
