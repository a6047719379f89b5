"""Which columns of a file are inputs of a model, and which the file lacks."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from augury.files.cells import Field
from augury.files.forms import Form
from augury.inference.documents import DOCUMENTS
from augury.inference.documents.protocol import DocumentModel
from augury.inference.manifest import InputField, Manifest

_KINDS: Mapping[str, Literal["integer", "number", "category"]] = {
    "integer": "integer",
    "number": "number",
    "string": "category",
}


class Columns(NamedTuple):
    """The inputs that a file has to have, or has, in the model's order; and names it lacks."""

    fields: list[Field]
    missing: list[str]


def columns_for(manifest: Manifest, form: Form) -> Columns:
    """Return which columns a model takes from a file of this form."""
    present = {column.strip() for column in form.columns}
    family = DOCUMENTS.get(manifest.runtime)
    if family is None:
        fields = [_field(one) for one in manifest.inputs]
        return Columns(fields, [one.name for one in fields if one.name not in present])
    # Members that are left out have no column; of those that say what is asked, there is one.
    missing = [*family.subjects[:1]] if present.isdisjoint(family.subjects) else []
    return Columns(fields_of_documents(family, form), missing)


def fields_of_documents(family: type[DocumentModel], form: Form) -> list[Field]:
    """Return the columns of a file that are members of a document."""
    present = {column.strip() for column in form.columns}
    members = family.input_schema()["properties"].items()
    return [Field(name, _kind(rules)) for name, rules in members if name in present]


def outputs_of_documents(family: type[DocumentModel]) -> list[Field]:
    """Return the members of an output as columns: what is no number is told as text."""
    members = family.output_schema()["properties"].items()
    return [
        Field(name, "number" if "number" in rules["type"] else "category")
        for name, rules in members
    ]


def _field(one: InputField) -> Field:
    return Field(one.name, one.type, frozenset(one.categories or ()))


def _kind(rules: Mapping[str, Any]) -> Literal["integer", "number", "category", "json"]:
    types = rules["type"] if isinstance(rules["type"], list) else [rules["type"]]
    return _KINDS.get(types[0], "json")
