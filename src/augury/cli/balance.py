"""`augury balance`: what can be spent."""

import typer

from augury.cli.screen import AsJson, show_json
from augury.cli.session import customer

command = typer.Typer()


@command.command()
def balance(as_json: AsJson = False) -> None:
    """Show the credits that can be spent, and those held for work under way."""
    with customer() as client:
        me = client.me()
    if as_json:
        show_json(me.balance)
        return
    held = f", and {me.balance.held} held for work under way" if me.balance.held else ""
    typer.echo(f"{me.username}: {me.balance.available} credits{held}")
