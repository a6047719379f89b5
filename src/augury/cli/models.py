"""`augury models`: what is on sale."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from augury.cli.screen import AsJson, cell, show, show_json, table_of
from augury.cli.session import customer
from augury.client import Model

command = typer.Typer()


@command.command()
def models(
    name: Annotated[str | None, typer.Argument(help="Show the fields of this model.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the models on sale with their prices, or show what one of them wants to know."""
    with customer() as client:
        found = client.models() if name is None else client.model(name)
    if as_json:
        show_json(found)
    elif isinstance(found, Model):
        _show_model(found)
    else:
        rows = [[one.name, str(one.version), str(one.price), one.title["en"]] for one in found]
        columns = {"model": False, "version": True, "credits per row": True, "title": False}
        show(table_of(columns, rows))


def _show_model(model: Model) -> None:
    reasons = f", {model.explain.price} more with reasons" if model.explain else ""
    typer.echo(f"{model.title['en']}: {model.price} credits per row{reasons}\n")
    properties: Mapping[str, Mapping[str, Any]] = model.input_schema.get("properties", {})
    required = model.input_schema.get("required", ())
    rows = [
        [
            name,
            "yes" if name in required else "no",
            _values(field),
            cell(field.get("unit")),
            cell(next(iter(field.get("examples", ())), None)),
        ]
        for name, field in properties.items()
    ]
    columns = ("field", "required", "values", "unit", "example")
    show(table_of(dict.fromkeys(columns, False), rows))


def _values(field: Mapping[str, Any]) -> str:
    if "enum" in field:
        return ", ".join(str(one) for one in field["enum"] if one is not None)
    kinds = field.get("type", "")
    kind = kinds if isinstance(kinds, str) else " or ".join(kinds)
    low, high = field.get("minimum"), field.get("maximum")
    return f"{kind} {cell(low)}…{cell(high)}" if (low, high) != (None, None) else kind
