"""`augury serve`: everything in one command."""

import os
import subprocess
import sys
from typing import Annotated

import typer

from augury.cli.api import run_api
from augury.cli.common import ApiPort, DataDir, Host, UiPort, addresses, load_settings
from augury.cli.migrate import prepare
from augury.settings import Settings

command = typer.Typer()

# The API has had its time to drain by then; the promise is ten seconds in all.
_STOP_SECONDS = 1.5


@command.command()
def serve(
    host: Host = "127.0.0.1",
    api_port: ApiPort = 8000,
    ui_port: UiPort = 8001,
    ui: Annotated[bool, typer.Option(help="Start the web cabinet too.")] = True,
    data_dir: DataDir = None,
) -> None:
    """Prepare the database and serve API and web cabinet until told to stop."""
    settings = load_settings(data_dir, **addresses(host, api_port, ui_port))
    prepare(settings)
    typer.echo(f"API      http://{host}:{api_port}   docs at http://{host}:{api_port}/docs")
    cabinet = _start_ui(host, ui_port, api_port, settings) if ui else None
    if cabinet is not None:
        typer.echo(f"cabinet  http://{host}:{ui_port}")
    try:
        run_api(settings, host, api_port)
    finally:
        if cabinet is not None:
            _stop(cabinet)


def _start_ui(host: str, port: int, api_port: int, settings: Settings) -> subprocess.Popen[bytes]:
    """Start the cabinet as a process of its own; it ends when this one does, even by `kill -9`."""
    arguments = ["--host", host, "--port", str(port), "--data-dir", str(settings.data_dir)]
    arguments += ["--api-url", f"http://127.0.0.1:{api_port}", "--with-parent"]
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "augury.cli", "ui", *arguments],
        stdin=subprocess.PIPE,
        # Where nobody has set it, it has the port of this API, which the cabinet shows to people.
        env={**os.environ, "AUGURY_PUBLIC_URL": settings.public_url},
    )


def _stop(cabinet: subprocess.Popen[bytes]) -> None:
    cabinet.terminate()
    try:
        cabinet.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        cabinet.kill()
        cabinet.wait()
