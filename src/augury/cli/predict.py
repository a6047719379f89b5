"""`augury predict`: buys predictions for a few rows."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from augury.cli.screen import AsJson, cell, show, show_json, table_of
from augury.cli.session import customer
from augury.client import Prediction, Quote

command = typer.Typer()

_MISUSED = 2
# Of an output, shown below the table.
_LONG = frozenset({"reasons", "explanation"})


@command.command()
def predict(
    model: Annotated[str, typer.Argument(help="name, name@alias or name@version")],
    given: Annotated[str | None, typer.Option("--input", help="A row, as a JSON object.")] = None,
    file: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Rows: a JSON list, or JSON Lines."),
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Buy reasons too.")] = False,
    only_quote: Annotated[
        bool, typer.Option("--quote", help="Show the price, buy nothing.")
    ] = False,
    key: Annotated[
        str | None,
        typer.Option(help="Idempotency key: with the same one, a repeated command buys nothing."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Buy a prediction of the rows in --input, in --file, or on standard input."""
    rows = _rows(given, file)
    with customer() as client:
        if only_quote:
            quote = client.quote(model, rows, explain=explain)
            (show_json if as_json else _show_quote)(quote)
            return
        bought = client.predict(model, rows, explain=explain, idempotency_key=key)
    (show_json if as_json else _show)(bought)


def _rows(given: str | None, file: Path | None) -> list[Any]:
    if given is not None and file is not None:
        _misused("Give --input or --file, not both.")
    if given is None and file is None and sys.stdin.isatty():
        _misused("Nothing to predict: give --input, --file, or rows on standard input.")
    text = given or (file.read_text(encoding="utf-8") if file else sys.stdin.read())
    try:
        found = json.loads(text)
    except json.JSONDecodeError as whole:
        try:
            found = [json.loads(line) for line in text.splitlines() if line.strip()]
        except json.JSONDecodeError:
            _misused(f"That is no JSON: {whole}")
    return found if isinstance(found, list) else [found]


def _misused(why: str) -> NoReturn:
    typer.echo(why, err=True)
    raise typer.Exit(_MISUSED)


def _show_quote(quote: Quote) -> None:
    available = f" of {quote.balance.available} available" if quote.balance else ""
    typer.echo(f"{quote.price} credits{available}; nothing was bought")


def _show(bought: Prediction) -> None:
    outputs = bought.outputs or ()
    names = list(dict.fromkeys(name for one in outputs for name in one if name not in _LONG))
    rows = [
        [str(number), *(cell(one.get(name)) for name in names)]
        for number, one in enumerate(outputs, 1)
    ]
    show(table_of(dict.fromkeys(["row", *names], True), rows))
    for number, output in enumerate(outputs, 1):
        for reason in output.get("reasons", ()):
            typer.echo(f"row {number}: {reason['text']}")
    for warning in bought.warnings:
        typer.echo(f"{warning.pointer}: {warning.message}", err=True)
    if bought.charge is not None:
        left = bought.charge.balance_after
        rest = "" if left is None else f", {left} left"
        typer.echo(f"{bought.charge.amount} credits{rest}", err=True)
