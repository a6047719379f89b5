"""The command line: `augury`, everything an operator starts or asks.

One file for each command, imported when it is called: training pulls in libraries that take
seconds to load and that a server never needs.
"""

from importlib import import_module

import click
import typer
from typer.core import TyperGroup
from typer.main import get_command

_COMMANDS = ("serve", "api", "ui", "migrate", "ledger", "train", "bench")


class _Commands(TyperGroup):
    """Finds a command in the module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, imported now."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = get_command(import_module(f"augury.cli.{cmd_name}").command)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=_Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)


@app.callback()
def main() -> None:
    """Augury sells machine-learning predictions for prepaid credits."""
