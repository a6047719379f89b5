"""`augury api`: the API alone."""

import signal
import sys
from typing import Any

import typer
import uvicorn

from augury import bootstrap
from augury.api.app import create_app
from augury.api.protocol import KEEP_ALIVE_SECONDS, OneWriteProtocol
from augury.cli.common import ApiPort, DataDir, Host, addresses, load_settings
from augury.kit import memory
from augury.settings import Settings

command = typer.Typer()

# Time for requests that run when the server is told to stop; the promise is ten seconds in all.
_DRAIN_SECONDS = 5


@command.command()
def api(host: Host = "127.0.0.1", port: ApiPort = 8000, data_dir: DataDir = None) -> None:
    """Serve the API alone, on a database that is prepared already."""
    run_api(load_settings(data_dir, **addresses(host, port)), host, port)


def run_api(settings: Settings, host: str, port: int) -> None:
    """Serve until told to stop, then finish what runs; returns normally after SIGTERM."""
    # Before the server listens, and again when it has drained and passes the signal on.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    house = bootstrap.build(settings)
    memory.settle()
    # The till's thread needs the interpreter many times a commit, each time for a moment. With the
    # usual 5 ms it would wait that long each time while the event loop is busy.
    sys.setswitchinterval(0.0001)
    uvicorn.run(
        create_app(house),
        host=host,
        port=port,
        loop="uvloop",
        http=OneWriteProtocol,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )


def _leave(_number: int, _frame: Any) -> None:
    raise SystemExit(0)
