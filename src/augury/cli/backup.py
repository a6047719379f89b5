"""`augury backup`: the house in one file, while it sells."""

import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from augury.backup.inventory import Inventory
from augury.backup.make import make_backup
from augury.backup.trouble import BackupTrouble
from augury.cli.common import DataDir, load_settings
from augury.cli.progress import bars
from augury.kit.errors import LedgerUnavailable

command = typer.Typer()

PgBin = Annotated[
    Path | None,
    typer.Option(help="Folder of pg_dump and pg_restore, when those on PATH do not fit."),
]


@command.command()
def backup(
    path: Annotated[
        Path, typer.Argument(help="The file to write, or a folder that gets a file by the time.")
    ],
    data_dir: DataDir = None,
    pg_bin: PgBin = None,
) -> None:
    """Write database, artefacts and generated key to one file; exit 1 if something is wrong."""
    signal.signal(signal.SIGTERM, _leave)  # clean up as after Ctrl-C
    settings = load_settings(data_dir)
    try:
        with bars() as tell:
            target, inventory = make_backup(settings, path, pg_bin, tell)
    except BackupTrouble as trouble:
        typer.echo(str(trouble), err=True)
        raise typer.Exit(1) from None
    except LedgerUnavailable:
        typer.echo("The database cannot be reached; the log says why.", err=True)
        raise typer.Exit(1) from None
    except OSError as error:
        typer.echo(f"The backup cannot be written: {error}.", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{target}   {target.stat().st_size} bytes")
    if not _say(inventory):
        raise typer.Exit(1)


def _say(inventory: Inventory) -> bool:
    """Say what is in a backup; return whether all is well."""
    books = inventory.books
    if books is None:
        typer.echo(f"Not audited: the database is at the older revision {inventory.revision}.")
    else:
        typer.echo(f"{books.accounts} accounts, {books.transfers} transfers")
        for finding in books.findings:
            typer.echo(f"{finding.kind}: {finding.subject}: {finding.detail}", err=True)
        typer.echo("The books are right." if not books.findings else "The books are WRONG.")
    for digest in inventory.missing_artifacts:
        typer.echo(f"Missing or altered, and not in the backup: artefact {digest}", err=True)
    for digest in inventory.missing_files:
        typer.echo(f"Missing or altered, and not in the backup: file of a batch {digest}", err=True)
    missing = inventory.missing_artifacts or inventory.missing_files
    return not (missing or (books is not None and books.findings))


def _leave(_number: int, _frame: Any) -> None:
    raise SystemExit(1)
