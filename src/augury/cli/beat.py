"""`augury beat`: rings the workers for what has to be done every so many seconds."""

from importlib import import_module
from typing import Annotated, Literal

import typer

from augury.broker.address import without_password
from augury.cli.common import DataDir, load_settings

command = typer.Typer()


@command.command()
def beat(
    loglevel: Annotated[
        Literal["debug", "info", "warning", "error"],
        typer.Option(help="What is logged of Celery itself."),
    ] = "warning",
    data_dir: DataDir = None,
) -> None:
    """Ring the workers for what is due: one such process for the whole house."""
    settings = load_settings(data_dir)
    url = settings.broker_url.get_secret_value()
    if not url:
        typer.echo("AUGURY_BROKER_URL: without a broker there is nobody to ring", err=True)
        raise typer.Exit(2)
    typer.echo(f"beat     rings through {without_password(url)}")
    import_module("augury.worker.celery_beat").run(settings, loglevel)
