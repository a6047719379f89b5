"""What customers' commands show: tables for people, JSON for programs."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console, RenderableType
from rich.table import Table

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
# What is no terminal has no width: a line of a table stays a line.
_WIDTH_OF_FILES = 1000


def show(table: Table) -> None:
    """Print a table."""
    Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH_OF_FILES).print(table)


def table_of(columns: Mapping[str, bool], rows: Iterable[Sequence[RenderableType]]) -> Table:
    """Return a table; `columns` are its headings, and whether they stand over numbers."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading, numbers in columns.items():
        table.add_column(heading, justify="right" if numbers else "left")
    for row in rows:
        table.add_row(*row)
    return table


def show_json(value: Any) -> None:
    """Print a value as JSON."""
    plain = msgspec.to_builtins(value)
    typer.echo(json.dumps(plain, indent=2, ensure_ascii=False))


def cell(value: Any) -> str:
    """Return a value as one cell of a table: numbers short, what is nested as JSON."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
