"""`augury restore`: a house from its backup."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from augury.backup.archive import Backup, open_backup
from augury.backup.inventory import SECRET_KEY
from augury.backup.restore import Restored, audit_copy, require_known, restore_backup
from augury.backup.trouble import BackupTrouble
from augury.cli.backup import PgBin
from augury.cli.common import DataDir, load_settings
from augury.cli.progress import bars
from augury.kit.errors import LedgerUnavailable
from augury.kit.progress import Tell
from augury.ledger.audit import Report

command = typer.Typer()


@command.command()
def restore(
    path: Annotated[Path, typer.Argument(help="A file that `augury backup` wrote.")],
    data_dir: DataDir = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Keep the SQLite file that is there under a new name.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only look whether the backup is whole and right.")
    ] = False,
    pg_bin: PgBin = None,
) -> None:
    """Restore a house into an empty place and audit it; exit 1 if the books are wrong."""
    try:
        with bars() as tell:
            found = open_backup(path, tell)
            if check:
                report = _checked(found, tell)
            else:
                settings = load_settings(data_dir, **_own_key(found))
                restored = restore_backup(
                    settings, found, replace=replace, pg_bin=pg_bin, tell=tell
                )
                report = restored.report
    except BackupTrouble as trouble:
        typer.echo(str(trouble), err=True)
        raise typer.Exit(1) from None
    except LedgerUnavailable:
        typer.echo("The database cannot be reached; the log says why.", err=True)
        raise typer.Exit(1) from None
    except OSError as error:
        typer.echo(f"The backup cannot be restored: {error}.", err=True)
        raise typer.Exit(1) from None
    if not check:
        _say(found, restored)
    if report is not None:
        _say_books(report)


def _own_key(backup: Backup) -> dict[str, Any]:
    """Return the key that will be in force, so that an empty place does not invent another one."""
    given = os.environ.get("AUGURY_SECRET_KEY") or os.environ.get("AUGURY_DATABASE_URL")
    if given or SECRET_KEY not in backup.inventory.members:
        return {}
    return {"secret_key": backup.text(SECRET_KEY)}


def _checked(backup: Backup, tell: Tell) -> Report | None:
    require_known(backup)
    if backup.inventory.dump is None:
        return audit_copy(backup, tell)
    typer.echo("Every digest is right. A copy of PostgreSQL is audited when it is restored.")
    return None


def _say(backup: Backup, restored: Restored) -> None:
    for kept in restored.kept:
        typer.echo(f"kept: {kept}")
    for digest in backup.inventory.missing_artifacts:
        typer.echo(f"Missing in the backup: artefact {digest}", err=True)
    for digest in backup.inventory.missing_files:
        typer.echo(f"Missing in the backup: file of a batch {digest}", err=True)
    if not restored.same_key:
        typer.echo(
            "The backup was made under another signing key. Everybody has to sign in again, and"
            " webhooks cannot be signed, unless that key is set as AUGURY_PREVIOUS_SECRET_KEY.",
            err=True,
        )


def _say_books(report: Report) -> None:
    typer.echo(f"{report.accounts} accounts, {report.transfers} transfers")
    for finding in report.findings:
        typer.echo(f"{finding.kind}: {finding.subject}: {finding.detail}", err=True)
    typer.echo("The books are right." if not report.findings else "The books are WRONG.")
    if report.findings:
        raise typer.Exit(1)
