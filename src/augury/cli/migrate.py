"""`augury migrate`: prepares a database."""

import typer

from augury import bootstrap
from augury.cli.common import DataDir, load_settings
from augury.settings import Settings

command = typer.Typer()


@command.command()
def migrate(data_dir: DataDir = None) -> None:
    """Bring the database up to date, put shipped models on sale, make the first admin."""
    prepare(load_settings(data_dir))


def prepare(settings: Settings) -> None:
    """Prepare the database and say on the terminal what was new."""
    first = bootstrap.prepare(settings)
    for name in first.models:
        typer.echo(f"on sale: {name}")
    if first.admin_password is not None:
        typer.echo(f"administrator: {bootstrap.ADMIN}   password: {first.admin_password}")
        typer.echo("This password is shown once. Keep it now.")
