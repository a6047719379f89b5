"""`augury admin reset-link`: what an operator does for people where no e-mail is sent."""

from typing import Annotated

import typer

from augury import bootstrap
from augury.cli.common import DataDir, load_settings
from augury.kit.errors import NotFound
from augury.users import recovery

command = typer.Typer(no_args_is_help=True, help="Help people in.")


@command.callback()
def admin() -> None:
    """Help people in."""


@command.command("reset-link")
def reset_link_command(
    name: Annotated[str, typer.Argument(help="User name or e-mail address.")],
    data_dir: DataDir = None,
) -> None:
    """Print a link by which a user sets a new password, once, within half an hour."""
    settings = load_settings(data_dir)
    db = bootstrap.open_database(settings)
    try:
        link = recovery.make_link(db, name, settings.ui_url)
    except NotFound:
        typer.echo("There is no such user, or the user is blocked.", err=True)
        raise typer.Exit(1) from None
    finally:
        db.close()
    typer.echo(link)
