"""What travels over the wire about models on sale."""

from typing import Any

import msgspec
from pydantic import BaseModel, Field

from augury.inference.manifest import InputField, Localised, Manifest
from augury.inference.reasons import MOST_REASONS
from augury.registry.service import Version

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class Text(BaseModel):
    """A text in both languages."""

    en: str
    ru: str


class ExplainOut(BaseModel):
    """Reasons that a model gives with a prediction when it is asked to `explain`."""

    price: int = Field(description="Credits per input row, on top of the price of the row.")


class ModelOut(BaseModel):
    """A model on sale."""

    name: str
    title: Text
    description: Text
    task: str
    price: int = Field(description="Credits per input row.")
    explain: ExplainOut | None = Field(description="What reasons cost; null if it gives none.")
    version: int
    input_schema: dict[str, Any] = Field(description="JSON Schema 2020-12 of one input row.")
    output_schema: dict[str, Any] = Field(description="JSON Schema 2020-12 of one output.")
    metrics: dict[str, Any]
    card: Text = Field(description="The model card, Markdown.")

    @classmethod
    def of(cls, version: Version) -> "ModelOut":
        """Return a version on sale for the wire."""
        manifest = version.manifest
        return cls(
            name=version.model,
            title=_text(manifest.title),
            description=_text(manifest.description),
            task=manifest.task,
            price=version.price,
            explain=ExplainOut(price=manifest.explain.price) if manifest.explain else None,
            version=version.version,
            input_schema=input_schema(manifest),
            output_schema=output_schema(manifest),
            metrics=msgspec.to_builtins(manifest.metrics) or {},
            card=Text(en=version.card_en, ru=version.card_ru),
        )


class ModelPage(BaseModel):
    """Models on sale."""

    items: list[ModelOut]
    next_cursor: str | None


def _text(localised: Localised) -> Text:
    return Text(en=localised.en, ru=localised.ru)


def input_schema(manifest: Manifest) -> dict[str, Any]:
    """Return the JSON Schema of one input row; texts in both languages stand under `x-` names."""
    return {
        "$schema": _DIALECT,
        "type": "object",
        "properties": {field.name: _property(field) for field in manifest.inputs},
        "required": [field.name for field in manifest.inputs if not field.nullable],
        "additionalProperties": False,
        "examples": [{field.name: field.example for field in manifest.inputs}],
    }


def _property(field: InputField) -> dict[str, Any]:
    kind = "string" if field.type == "category" else field.type
    values = None if field.categories is None else [*field.categories]
    described = {
        "type": [kind, "null"] if field.nullable else kind,
        "title": field.title.en,
        "description": field.description.en,
        "minimum": field.minimum,
        "maximum": field.maximum,
        "enum": [*values, None] if values and field.nullable else values,
        "examples": [field.example],
        "x-title": msgspec.to_builtins(field.title),
        "x-description": msgspec.to_builtins(field.description),
        "x-unit": msgspec.to_builtins(field.unit),
        "x-enum-titles": msgspec.to_builtins(field.category_titles),
    }
    return {name: value for name, value in described.items() if value is not None}


def output_schema(manifest: Manifest) -> dict[str, Any]:
    """Return the JSON Schema of one output."""
    names = manifest.outputs
    probability = {"type": "number", "minimum": 0, "maximum": 1}
    decision = {"type": "string", "enum": ["approve", "review", "decline"]}
    named = (
        (names.probability, probability),
        (names.complement, probability),
        (names.decision, decision),
    )
    members = {name: schema for name, schema in named if name is not None}
    explained = _explained(manifest) if manifest.explain else {}
    return {
        "$schema": _DIALECT,
        "type": "object",
        "properties": {
            **members,
            **explained,
        },
        "required": [*members],
        "additionalProperties": False,
        "x-decision": msgspec.to_builtins(manifest.decision),
    }


def _explained(manifest: Manifest) -> dict[str, Any]:
    """Return the members that an output has when it was asked to be explained."""
    names = [field.name for field in manifest.inputs]
    number = {"type": "number"}
    reason = {
        "feature": {"type": "string", "enum": names},
        "value": {"type": ["number", "string", "null"], "description": "As it was sent."},
        "contribution": number | {"description": "Shapley value in log-odds."},
        "text": {"type": "string", "description": "The reason in the language of the request."},
    }
    explanation = {
        "log_odds": number | {"description": "Of the probability: base and contributions added."},
        "base": number,
        "contributions": _closed(dict.fromkeys(names, number)),
        "error": number | {"minimum": 0, "description": "Three standard errors; 0 when exact."},
    }
    return {
        "reasons": {"type": "array", "maxItems": MOST_REASONS, "items": _closed(reason)},
        "explanation": _closed(explanation),
    }


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }
