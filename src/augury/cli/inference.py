"""`augury inference`: models behind the Open Inference Protocol, without database and secrets."""

import os
import signal
import sys
import threading
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
import uvicorn

from augury.api.protocol import KEEP_ALIVE_SECONDS, OneWriteProtocol
from augury.kit import log
from augury.model_server.app import InferenceApp
from augury.model_server.artifacts import Artifacts
from augury.model_server.shelf import Shelf

command = typer.Typer()

# Time for requests that run when the server is told to stop; the promise is ten seconds in all.
_DRAIN_SECONDS = 5
# What runs after that is abandoned: an inference changes nothing, so it can be asked elsewhere.
_ABANDON_SECONDS = 8.0
_MIB = 2**20


@command.command()
def inference(  # noqa: PLR0913, PLR0917 -- every one is an option of the command line
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8002,
    cache_dir: Annotated[
        Path, typer.Option(help="Folder where artefacts are kept under their SHA-256.")
    ] = Path("inference-cache"),
    artifacts_from: Annotated[
        list[str] | None,
        typer.Option(help="Address of an API that artefacts may be fetched from; repeatable."),
    ] = None,
    threads: Annotated[
        int, typer.Option(min=1, max=64, help="Threads that one call of a model may use.")
    ] = 1,
    most_models: Annotated[
        int, typer.Option(min=1, max=10_000, help="Versions that may be loaded at once.")
    ] = 200,
    most_artifact_mb: Annotated[
        int, typer.Option(min=1, max=4096, help="How large an artefact may be, in MiB.")
    ] = 100,
    log_format: Annotated[
        Literal["json", "text"], typer.Option(help="Form of log lines.")
    ] = "json",
    metrics: Annotated[
        Literal["loopback", "open"],
        typer.Option(help="Who may read /metrics: this machine, or whoever reaches the port."),
    ] = "loopback",
) -> None:
    """Run models for APIs that name this process in AUGURY_INFERENCE_URLS."""
    os.umask(0o077)
    log.configure(pretty=log_format == "text")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    artifacts = Artifacts(cache_dir, artifacts_from or [], most_artifact_mb * _MIB)
    shelf = Shelf(artifacts, threads=threads, most_models=most_models)
    app = InferenceApp(shelf, version("augury"), open_metrics=metrics == "open")
    # As for the API: a thread that needs the interpreter for a moment gets it soon.
    sys.setswitchinterval(0.0001)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=OneWriteProtocol,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    _Server(config, app).run()


class _Server(uvicorn.Server):
    """Says that it drains, and ends in time whatever a model is doing."""

    def __init__(self, config: uvicorn.Config, app: InferenceApp) -> None:
        super().__init__(config)
        self._app = app

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Begin to drain."""
        if not self._app.draining:
            self._app.draining = True
            last = threading.Timer(_ABANDON_SECONDS, os._exit, [0])
            last.daemon = True
            last.start()
        super().handle_exit(sig, frame)


def _leave(_number: int, _frame: Any) -> None:
    raise SystemExit(0)
