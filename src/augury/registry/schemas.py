"""What travels over the wire about models on sale."""

from typing import Any

import msgspec
from pydantic import BaseModel, Field

from augury.inference.documents import DOCUMENTS
from augury.inference.manifest import InputField, Localised, Manifest
from augury.inference.reasons import MOST_REASONS
from augury.kit.clock import rfc3339
from augury.registry.examples import Examples, example_row, examples
from augury.registry.window import Offer

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class Text(BaseModel):
    """A text in both languages."""

    en: str
    ru: str


class ExplainOut(BaseModel):
    """Reasons that a model gives with a prediction when it is asked to `explain`."""

    price: int = Field(description="Credits per input row, on top of the price of the row.")


class PriceChange(BaseModel):
    """A price that is announced."""

    price: int
    begins_at: str = Field(description="Sales from this moment on have it.")


class ModelOut(BaseModel):
    """A model on sale."""

    name: str
    title: Text
    description: Text
    task: str
    price: int = Field(description="Credits per input row.")
    price_change: PriceChange | None = Field(description="The next price, if one is announced.")
    explain: ExplainOut | None = Field(description="What reasons cost; null if it gives none.")
    version: int
    published_at: str
    input_schema: dict[str, Any] = Field(description="JSON Schema 2020-12 of one input row.")
    output_schema: dict[str, Any] = Field(description="JSON Schema 2020-12 of one output.")
    metrics: dict[str, Any]
    card: Text = Field(description="The model card, Markdown.")
    examples: Examples

    @classmethod
    def of(cls, offer: Offer, public_url: str) -> "ModelOut":
        """Return a version on sale for the wire."""
        version, manifest = offer.version, offer.version.manifest
        return cls(
            name=version.model,
            title=text_of(offer.title),
            description=text_of(offer.description),
            task=manifest.task,
            price=offer.price,
            price_change=price_change(offer.next_price, offer.next_price_from),
            explain=ExplainOut(price=manifest.explain.price) if manifest.explain else None,
            version=version.version,
            published_at=rfc3339(version.created_at),
            input_schema=input_schema(manifest),
            output_schema=output_schema(manifest),
            metrics=msgspec.to_builtins(manifest.metrics) or {},
            card=Text(en=version.content.card_en, ru=version.content.card_ru),
            examples=examples(version.model, manifest, public_url),
        )


class VersionOut(BaseModel):
    """A version that can be bought as `name@version`."""

    version: int
    price: int
    price_change: PriceChange | None
    aliases: list[str] = Field(description="`champion` is what customers get by default.")
    published_at: str
    digest: str = Field(description="SHA-256 over artefact and manifest: what was bought.")

    @classmethod
    def of(cls, offer: Offer, aliases: dict[str, int]) -> "VersionOut":
        """Return a version with the aliases that point to it."""
        version = offer.version
        return cls(
            version=version.version,
            price=offer.price,
            price_change=price_change(offer.next_price, offer.next_price_from),
            aliases=sorted(name for name, number in aliases.items() if number == version.version),
            published_at=rfc3339(version.created_at),
            digest=version.digest,
        )


class VersionPage(BaseModel):
    """Versions of a model, newest first."""

    items: list[VersionOut]
    next_cursor: str | None


class ModelPage(BaseModel):
    """Models on sale."""

    items: list[ModelOut]
    next_cursor: str | None


def text_of(localised: Localised) -> Text:
    """Return a text for the wire."""
    return Text(en=localised.en, ru=localised.ru)


def price_change(price: int | None, begins: int | None) -> PriceChange | None:
    """Return an announced price for the wire, if there is one."""
    if price is None or begins is None:
        return None
    return PriceChange(price=price, begins_at=rfc3339(begins))


def input_schema(manifest: Manifest) -> dict[str, Any]:
    """Return the JSON Schema of one input row; texts in both languages stand under `x-` names."""
    family = DOCUMENTS.get(manifest.runtime)
    if family is not None:
        return family.input_schema()
    return {
        "$schema": _DIALECT,
        "type": "object",
        "properties": {field.name: _property(field) for field in manifest.inputs},
        "required": [field.name for field in manifest.inputs if not field.nullable],
        "additionalProperties": False,
        "examples": [example_row(manifest)],
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
    family = DOCUMENTS.get(manifest.runtime)
    if family is not None:
        return family.output_schema()
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
