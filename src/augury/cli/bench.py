"""`augury bench`: what paying costs, measured beside what does not charge."""

import json
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import SecretStr

from augury.bench import growth
from augury.bench.load import NoLoadGenerator, require_wrk
from augury.bench.suite import plan, run, table
from augury.cli.common import load_settings
from augury.settings import Settings

command = typer.Typer()


@command.command()
def bench(
    seconds: Annotated[int, typer.Option(min=1, max=60, help="Length of one run.")] = 4,
    repeat: Annotated[int, typer.Option(min=1, max=20, help="Runs of each; medians count.")] = 3,
    out: Annotated[Path | None, typer.Option(help="Write the figures as JSON here.")] = None,
    history: Annotated[
        int | None,
        typer.Option(min=100, help="Measure in a database with so many predictions instead."),
    ] = None,
    database_url: Annotated[
        str, typer.Option(help="An empty PostgreSQL database for that; SQLite without.")
    ] = "",
) -> None:
    """Measure paid, durable, authenticated sales against free peers, side by side in one run."""
    if history is not None:
        _keep(_measure_history(history, database_url), growth.table, out)
        return
    try:
        require_wrk()
    except NoLoadGenerator as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    models_dir = load_settings().models_dir
    runs = plan(seconds, repeat)
    with (
        tempfile.TemporaryDirectory(prefix="augury-bench-") as folder,
        typer.progressbar(length=len(runs), label="measuring", show_pos=True) as bar,
    ):
        figures = run(runs, models_dir, Path(folder), lambda: bar.update(1))
    _keep(figures, table, out)


def _measure_history(predictions: int, database_url: str) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory(prefix="augury-bench-") as folder,
        typer.progressbar(length=predictions, label="filling", show_pos=True) as bar,
    ):
        settings = Settings(
            data_dir=Path(folder),
            models_dir=load_settings().models_dir,
            database_url=database_url,
            secret_key=SecretStr(secrets.token_urlsafe(48)),
            rate_limits="off",
        )
        try:
            return growth.run(settings, predictions, bar.update)
        except growth.NotEmpty:
            typer.echo("This database has predictions; name an empty one.", err=True)
            raise typer.Exit(2) from None


def _keep(figures: Any, table_of: Callable[[Any], str], out: Path | None) -> None:
    typer.echo(table_of(figures))
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(figures, indent=2) + "\n")
