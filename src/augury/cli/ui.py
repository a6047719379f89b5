"""`augury ui`: the web cabinet alone."""

import hashlib
import hmac
import os
import signal
import threading
from typing import Annotated

import typer

from augury.cli.common import DataDir, Host, UiPort, load_settings
from augury.settings import Settings
from augury.ui.main import run

command = typer.Typer()


@command.command()
def ui(
    host: Host = "127.0.0.1",
    port: UiPort = 8001,
    api_url: Annotated[str, typer.Option(help="Where the API answers.")] = "http://127.0.0.1:8000",
    data_dir: DataDir = None,
    with_parent: Annotated[
        bool, typer.Option(hidden=True, help="Stop when standard input closes.")
    ] = False,
) -> None:
    """Serve the web cabinet alone; it speaks only HTTP to the API."""
    settings = load_settings(data_dir)
    if with_parent:
        threading.Thread(target=_stop_with_parent, daemon=True).start()
    # The cabinet's server takes this from the environment only.
    os.environ.setdefault("FORWARDED_ALLOW_IPS", settings.trusted_proxies)
    run(host, port, api_url, sealing_secret(settings), public_api_url=settings.public_url)


def sealing_secret(settings: Settings) -> str:
    """Return the secret by which the cabinet of this house seals its cookies."""
    secret = settings.secret_key.get_secret_value().encode()
    return hmac.digest(secret, b"augury cabinet sessions", hashlib.sha256).hex()


def _stop_with_parent() -> None:
    """Stop this process when the one that started it has gone, however it went."""
    # Not through `sys.stdin`: its lock, held while waiting, would make the interpreter's end abort.
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
