"""`augury login`: signs a customer in at this terminal."""

import sys
from typing import Annotated

import typer

from augury.cli import session

command = typer.Typer()


@command.command()
def login(
    url: Annotated[str, typer.Option(help="Where the API answers.")] = "http://127.0.0.1:8000",
    username: Annotated[
        str | None, typer.Option(help="User name or e-mail address; asked for, unless told.")
    ] = None,
) -> None:
    """Sign in; the password is asked for, or is the first line of standard input."""
    terminal = sys.stdin.isatty()
    if username is None and not terminal:
        typer.echo("Without a terminal to ask at, name the user: --username", err=True)
        raise typer.Exit(2)
    username = username or typer.prompt("User name")
    password = typer.prompt("Password", hide_input=True) if terminal else _first_line()
    with session.refusals_told(), session.api(url) as guest:
        tokens = guest.sign_in(username, password)
        me = guest.me()
    session.keep(url, me.username, tokens)
    typer.echo(f"Signed in as {me.username}: {me.balance.available} credits.")


def _first_line() -> str:
    return sys.stdin.readline().rstrip("\r\n")
