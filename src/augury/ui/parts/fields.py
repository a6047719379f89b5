"""A model's `input_schema` (JSON Schema 2020-12) read as the fields of a form."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from msgspec import Struct

from augury.ui.reader import Reader

Kind = Literal["integer", "number", "choice", "flag", "text"]

_KINDS: Final[Mapping[str, Kind]] = {
    "integer": "integer",
    "number": "number",
    "boolean": "flag",
    "string": "text",
}


class Choice(Struct, frozen=True):
    """One value of an enumeration and what people call it."""

    value: Any
    title: str


class Field(Struct, frozen=True, kw_only=True):
    """One input of a model as a form shows it, in the reader's language."""

    name: str
    kind: Kind
    title: str
    description: str
    unit: str
    required: bool
    nullable: bool
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    choices: tuple[Choice, ...] = ()
    example: Any = None
    max_length: int | None = None


def read_fields(schema: Mapping[str, Any], reader: Reader) -> tuple[Field, ...]:
    """Return the fields of one input row, in the schema's order.

    Properties that no single widget can hold (lists, objects) are left out: the API takes them,
    the form does not offer them.
    """
    row = schema.get("items", schema) if schema.get("type") == "array" else schema
    required = frozenset(row.get("required", ()))
    examples = row.get("examples") or [{}]
    example = examples[0] if isinstance(examples[0], Mapping) else {}
    fields = (
        _field(name, rules, reader, required=name in required, example=example.get(name))
        for name, rules in row.get("properties", {}).items()
    )
    return tuple(field for field in fields if field is not None)


def field_titles(schema: Mapping[str, Any], reader: Reader) -> dict[str, str]:
    """Return what people call each input, by its name."""
    return {field.name: field.title for field in read_fields(schema, reader)}


def value_title(rules: Mapping[str, Any], value: object, reader: Reader) -> str:
    """Return what people call one value of an enumeration."""
    titles = rules.get("x-enum-titles")
    known = titles.get(str(value)) if isinstance(titles, Mapping) else None
    if isinstance(titles, Mapping) and known is None:
        by_language = titles.get(reader.language)
        known = by_language.get(str(value)) if isinstance(by_language, Mapping) else None
    return reader.pick(known) or str(value)


def _field(
    name: str, rules: Mapping[str, Any], reader: Reader, *, required: bool, example: object
) -> Field | None:
    types = _types(rules)
    options = [value for value in rules.get("enum", ()) if value is not None]
    kind = "choice" if options else next((_KINDS[t] for t in types if t in _KINDS), None)
    if kind is None:
        return None
    own_examples = [value for value in rules.get("examples", ()) if value is not None]
    return Field(
        name=name,
        kind=kind,
        title=reader.pick(rules.get("x-title")) or rules.get("title") or name,
        description=reader.pick(rules.get("x-description")) or rules.get("description", ""),
        unit=reader.pick(rules.get("x-unit")) or rules.get("unit", ""),
        required=required,
        nullable="null" in types or None in rules.get("enum", ()),
        minimum=rules.get("minimum", rules.get("exclusiveMinimum")),
        maximum=rules.get("maximum", rules.get("exclusiveMaximum")),
        step=rules.get("multipleOf"),
        choices=tuple(Choice(value, value_title(rules, value, reader)) for value in options),
        example=example if example is not None else next(iter(own_examples), rules.get("default")),
        max_length=rules.get("maxLength"),
    )


def _types(rules: Mapping[str, Any]) -> Sequence[str]:
    declared = rules.get("type")
    if isinstance(declared, str):
        return (declared,)
    if isinstance(declared, Sequence):
        return tuple(declared)
    # The other way to write "or null".
    branches = rules.get("anyOf", ())
    return tuple(name for branch in branches for name in _types(branch))
