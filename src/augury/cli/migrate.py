"""`augury migrate`: prepares a database."""

import typer

from augury import bootstrap
from augury.cli.common import DataDir, load_settings
from augury.kit.errors import InvalidInput
from augury.kit.texts import texts
from augury.settings import Settings

command = typer.Typer()


@command.command()
def migrate(data_dir: DataDir = None) -> None:
    """Bring the database up to date, put shipped models on sale, make the first admin."""
    prepare(load_settings(data_dir))


def prepare(settings: Settings) -> None:
    """Prepare the database and say on the terminal what was new."""
    try:
        first = bootstrap.prepare(settings)
    except InvalidInput as refusal:  # the only input here is the administrator's password
        for fault in refusal.faults:
            reason = texts("api", "en").text(fault.key, **fault.values)
            typer.echo(f"AUGURY_ADMIN_PASSWORD: {reason}", err=True)
        raise typer.Exit(2) from None
    for name in first.models:
        typer.echo(f"on sale: {name}")
    if first.admin_password is not None:
        typer.echo(f"administrator: {bootstrap.ADMIN}   password: {first.admin_password}")
        typer.echo("This password is shown once. Keep it now.")
