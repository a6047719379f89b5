"""`augury logout`: ends the session of this terminal."""

import typer

from augury.cli import session
from augury.client import ApiError, Client

command = typer.Typer()


@command.command()
def logout() -> None:
    """Sign out: the session is ended at the server, and its tokens are removed from here."""
    found = session.kept()
    if found is None:
        typer.echo("Nobody is signed in at this terminal.")
        return
    try:
        with session.refusals_told(), session.api(found.url, found.access_token) as client:
            _end(client)
    finally:
        session.forget()
    typer.echo(f"Signed out {found.username}.")


def _end(client: Client) -> None:
    try:
        client.sign_out()
    except ApiError as error:
        # A session that has ended already is what was wanted.
        if error.code != "unauthenticated":
            raise
