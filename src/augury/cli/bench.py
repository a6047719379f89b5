"""`augury bench`: what paying costs, measured beside what does not charge."""

import json
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from augury.bench.load import NoLoadGenerator, require_wrk
from augury.bench.suite import plan, run, table
from augury.cli.common import load_settings

command = typer.Typer()


@command.command()
def bench(
    seconds: Annotated[int, typer.Option(min=1, max=60, help="Length of one run.")] = 4,
    repeat: Annotated[int, typer.Option(min=1, max=20, help="Runs of each; medians count.")] = 3,
    out: Annotated[Path | None, typer.Option(help="Write the figures as JSON here.")] = None,
) -> None:
    """Measure paid, durable, authenticated sales against free peers, side by side in one run."""
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
    typer.echo(table(figures))
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(figures, indent=2) + "\n")
