"""Who is signed in at this terminal: tokens in the user's own folder, renewed as they run out."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
import typer
from msgspec import Struct

from augury.client import ApiError, Client, Patience, Tokens, Unreachable
from augury.kit.decoding import decode

REFUSED: Final = 1
UNREACHABLE: Final = 3
# A server that is started anew is back before these run out.
_PATIENCE: Final = Patience(attempts=8)


class Kept(Struct, frozen=True):
    """A sign-in as it is kept."""

    url: str
    username: str
    access_token: str
    refresh_token: str


def kept() -> Kept | None:
    """Return the sign-in of this terminal's user, or None."""
    try:
        return decode(_place().read_bytes(), Kept)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def keep(url: str, username: str, tokens: Tokens) -> Path:
    """Keep a sign-in, readable by its owner alone, and return where."""
    place = _place()
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Never half written, and by `mkstemp` never readable by others, not even at first.
    handle, partial = tempfile.mkstemp(dir=place.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(
            msgspec.json.encode(Kept(url, username, tokens.access_token, tokens.refresh_token))
        )
    return Path(partial).replace(place)


def forget() -> None:
    """Forget the sign-in."""
    _place().unlink(missing_ok=True)


def api(url: str, token: str | None = None) -> Client:
    """Return a client of the API at `url`; one with a token renews it when it has run out."""
    return Client(
        url, token, language="en", patience=_PATIENCE, renew=_renew if token is not None else None
    )


@contextmanager
def refusals_told() -> Iterator[None]:
    """Leave with the API's own sentence when it refuses, or when there is none to ask."""
    try:
        yield
    except ApiError as error:
        tell_refusal(error)
        raise typer.Exit(REFUSED) from None
    except Unreachable as error:
        typer.echo(f"The API cannot be reached: {error}", err=True)
        raise typer.Exit(UNREACHABLE) from None
    except OSError as error:  # of a file that is read or written meanwhile
        typer.echo(str(error), err=True)
        raise typer.Exit(REFUSED) from None


def tell_refusal(error: ApiError) -> None:
    """Tell what the API refused, field by field, and what to do about it where that is known."""
    typer.echo(error.detail, err=True)
    for fault in error.errors:
        typer.echo(f"  {fault.pointer}: {fault.message}", err=True)
    if error.top_up_url:
        typer.echo(f"Top up: {error.top_up_url}", err=True)
    if error.code == "unauthenticated":
        typer.echo("Sign in again: augury login", err=True)


@contextmanager
def customer() -> Iterator[Client]:
    """Give a client that the user of this terminal is signed in by, or leave with a sentence."""
    found = kept()
    if found is None:
        typer.echo("Nobody is signed in at this terminal. Sign in first: augury login", err=True)
        raise typer.Exit(REFUSED)
    with refusals_told(), api(found.url, found.access_token) as client:
        yield client


def _renew(refused: str) -> str | None:
    """Return a token in place of one that was refused, or None when nobody is signed in any more.

    A refresh token works once, and twice looks stolen: commands that run at once take turns, and
    whoever comes second takes what the first got.
    """
    with _turn():
        found = kept()
        if found is None:
            return None
        if found.access_token != refused:
            return found.access_token
        try:
            with api(found.url) as guest:
                tokens = guest.refresh(found.refresh_token)
        except ApiError:
            return None
        keep(found.url, found.username, tokens)
        return tokens.access_token


@contextmanager
def _turn() -> Iterator[None]:
    with _place().with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _place() -> Path:
    return Path(typer.get_app_dir("augury")) / "session.json"
