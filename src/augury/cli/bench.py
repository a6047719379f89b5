"""`augury bench`: what paying costs, measured beside what does not charge."""

import json
import secrets
import tempfile
from enum import StrEnum
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import SecretStr

from augury.bench import growth, risk
from augury.bench.load import NoLoadGenerator, require_wrk
from augury.bench.suite import MODELS, plan, run, table
from augury.cli.common import load_settings
from augury.settings import Settings

command = typer.Typer()

# People read pages: it takes longer than a run of sales to see them at work.
_CROWD_TIMES = 5


class Part(StrEnum):
    """What can be measured by itself."""

    SALES = "sales"
    BATCHES = "batches"
    RISK = "risk"
    CABINET = "cabinet"


@command.command()
def bench(
    seconds: Annotated[int, typer.Option(min=1, max=60, help="Length of one run.")] = 4,
    repeat: Annotated[int, typer.Option(min=1, max=20, help="Runs of each; medians count.")] = 3,
    batch_rows: Annotated[
        int, typer.Option(min=0, help="Rows of a batch; 0: no batches.")
    ] = 200_000,
    only: Annotated[Part | None, typer.Option(help="Measure this and nothing else.")] = None,
    risk_rows: Annotated[
        int, typer.Option(min=0, help="Questions of a batch of investment risk; 0: none.")
    ] = 100_000,
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
        found = _measure_history(history, database_url)
        typer.echo(growth.table(found))
        _write(found, out)
        return
    models_dir = load_settings().models_dir
    figures: list[dict[str, Any]] = []
    if only in {None, Part.SALES}:
        figures += _sales(models_dir, seconds, repeat)
    if batch_rows and only in {None, Part.BATCHES}:
        figures += _batches(models_dir, batch_rows, repeat)
    if risk_rows and only in {None, Part.RISK}:
        figures += _risk(models_dir, risk_rows)
    if only in {None, Part.CABINET}:
        figures += _cabinet(repeat, seconds * _CROWD_TIMES)
    _write(figures, out)


def _sales(models_dir: Path, seconds: int, repeat: int) -> list[dict[str, Any]]:
    try:
        require_wrk()
    except NoLoadGenerator as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    runs = plan(seconds, repeat)
    with (
        tempfile.TemporaryDirectory(prefix="augury-bench-") as folder,
        typer.progressbar(length=len(runs), label="measuring", show_pos=True) as bar,
    ):
        figures = run(runs, models_dir, Path(folder), lambda: bar.update(1))
    typer.echo(table(figures))
    return figures


def _batches(models_dir: Path, rows: int, repeat: int) -> list[dict[str, Any]]:
    try:
        # Batches as columns need an extra, which the rest does without.
        batches: Any = import_module("augury.bench.batches")
        sales: Any = import_module("augury.bench.batch_sales")
    except ModuleNotFoundError:
        typer.echo("batches need the extra parquet: pip install 'augury[parquet]'", err=True)
        raise typer.Exit(2) from None
    kinds = len(MODELS) * len(batches.KINDS)
    figures: list[dict[str, Any]] = []
    for part, label, steps, of in (
        (batches, "batches", kinds, rows),
        (sales, "sold batches", kinds * len(sales.WORKERS), rows),
    ):
        with (
            tempfile.TemporaryDirectory(prefix="augury-bench-") as folder,
            typer.progressbar(length=steps, label=label, show_pos=True) as bar,
        ):
            found = part.run(
                MODELS,
                models_dir,
                Path(folder),
                rows=of,
                repeat=repeat,
                progress=partial(bar.update, 1),
            )
        typer.echo(part.table(found))
        figures += found
    return figures


def _risk(models_dir: Path, rows: int) -> list[dict[str, Any]]:
    with (
        tempfile.TemporaryDirectory(prefix="augury-bench-") as folder,
        typer.progressbar(length=risk.KINDS, label="investment risk", show_pos=True) as bar,
    ):
        figures = risk.run(models_dir, Path(folder), rows=rows, progress=lambda: bar.update(1))
    typer.echo(risk.table(figures))
    return figures


def _cabinet(repeat: int, seconds: int) -> list[dict[str, Any]]:
    try:
        # The cabinet is an extra, which the rest does without.
        cabinet: Any = import_module("augury.bench.cabinet")
        ui: Any = import_module("augury.cli.ui")
        hub, cookies, sections = (
            import_module(f"augury.ui.{name}") for name in ("web.hub", "web.cookies", "places")
        )
    except ModuleNotFoundError:
        typer.echo("the cabinet needs the extra ui: pip install 'augury[ui]'", err=True)
        raise typer.Exit(2) from None

    def door(folder: Path) -> Any:
        sealer = hub.session_sealer(ui.sealing_secret(Settings(data_dir=folder)))
        return cabinet.Door(
            cookies.SESSION_COOKIE,
            lambda token: cookies.sealed(sealer, secrets.token_urlsafe(24), token),
        )

    places = [
        cabinet.Place("" if one is sections.FRONT else one.path, one.role == sections.ADMIN)
        for section in sections.SECTIONS.values()
        for one in section
        if not one.is_for_guests
    ]
    with (
        tempfile.TemporaryDirectory(prefix="augury-bench-") as folder,
        typer.progressbar(length=cabinet.STEPS, label="cabinet", show_pos=True) as bar,
    ):
        figures: list[dict[str, Any]] = cabinet.run(
            Path(folder),
            places,
            door,
            repeat=repeat,
            seconds=seconds,
            progress=lambda: bar.update(1),
        )
    typer.echo(cabinet.table(figures))
    return figures


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


def _write(figures: Any, out: Path | None) -> None:
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(figures, indent=2) + "\n")
