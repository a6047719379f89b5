"""Models whose inputs are documents: which of them has which page, and what their parts say."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from augury.client import Model
from augury.ui.reader import Reader

Page = Literal["risk", "portfolio"]
_SIGNS: Final[Mapping[Page, frozenset[str]]] = {
    "portfolio": frozenset({"positions", "constraints"}),
    "risk": frozenset({"symbol", "prices", "horizon_days"}),
}


def page_of(model: Model) -> str:
    """Return the place where predictions of a model are bought.

    By what it takes and not by its name: an operator may sell another one of the same family.
    """
    names = properties_of(model.input_schema).keys()
    return next((page for page, signs in _SIGNS.items() if signs <= names), "predict")


def of_page(models: Sequence[Model], page: Page) -> list[Model]:
    """Return the models that are sold on a page."""
    return [model for model in models if page_of(model) == page]


def properties_of(schema: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """Return the members of one row of a schema."""
    row = schema.get("items", schema) if schema.get("type") == "array" else schema
    properties: Mapping[str, Mapping[str, Any]] = row.get("properties", {})
    return properties


def title_of(schema: Mapping[str, Any], name: str, reader: Reader) -> str:
    """Return what people call a member of a document."""
    rules = properties_of(schema).get(name, {})
    return reader.pick(rules.get("x-title")) or reader.named("field", name)


def help_of(schema: Mapping[str, Any], name: str, reader: Reader) -> str | None:
    """Return what a member of a document means, if its schema tells."""
    return reader.pick(properties_of(schema).get(name, {}).get("x-description")) or None


def titles_of(schema: Mapping[str, Any], reader: Reader) -> dict[str, str]:
    """Return what people call each member, by its name."""
    return {name: title_of(schema, name, reader) for name in properties_of(schema)}
