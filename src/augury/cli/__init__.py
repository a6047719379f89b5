"""The command line: `augury`, everything an operator starts or asks, and what a customer buys.

One file for each command, imported when it is called: training pulls in libraries that take
seconds to load and that a server never needs.
"""

import signal
from typing import Any, cast

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from augury.kit.memory import import_for_good

COMMANDS = (
    "serve",
    "api",
    "worker",
    "beat",
    "inference",
    "ui",
    "migrate",
    "ledger",
    "audit",
    "admin",
    "market",
    "backup",
    "restore",
    "train",
    "backtest",
    "publish",
    "bench",
    "login",
    "logout",
    "models",
    "predict",
    "batch",
    "usage",
    "balance",
)
# They run until they are told to stop, which is no error, however early it comes.
_LASTING = {"api", "worker", "beat", "inference"}


def _leave(_number: int, _frame: Any) -> None:
    raise SystemExit(0)


class _Commands(TyperGroup):
    """Finds a command in the module of its name."""

    def list_commands(self, ctx: object) -> list[str]:  # noqa: ARG002 - the library gives it
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: object, cmd_name: str) -> TyperCommand | TyperGroup | None:  # noqa: ARG002 - the library gives it
        """Return a command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        if cmd_name in _LASTING:
            signal.signal(signal.SIGTERM, _leave)  # before the imports, which take seconds
        found = get_command(import_for_good(f"augury.cli.{cmd_name}").command)
        found.name = cmd_name
        return cast("TyperCommand | TyperGroup", found)


app = typer.Typer(
    cls=_Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)


@app.callback()
def main() -> None:
    """Augury sells machine-learning predictions for prepaid credits."""
