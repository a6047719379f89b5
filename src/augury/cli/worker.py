"""`augury worker`: background work in processes of its own."""

import signal
import threading
from importlib import import_module
from typing import Annotated, Any, Literal

import typer

from augury import bootstrap
from augury.broker.address import without_password
from augury.cli.common import DataDir, load_settings
from augury.kit import memory
from augury.settings import Settings
from augury.worker.duties import JOBS_AT_ONCE, Workplace, duties
from augury.worker.embedded import Worker

command = typer.Typer()

# What runs when it is told to stop has so long to finish; the promise is ten seconds in all.
_FINISH_SECONDS = 7.0


@command.command()
def worker(
    concurrency: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=256,
            help="With a broker, processes; one for each processor if it is left out."
            " Without, predictions in the background at once: 4.",
        ),
    ] = None,
    loglevel: Annotated[
        Literal["debug", "info", "warning", "error"],
        typer.Option(help="What is logged of Celery itself."),
    ] = "warning",
    data_dir: DataDir = None,
) -> None:
    """Do what happens in the background, for API processes that leave it to others."""
    settings = load_settings(data_dir)
    url = settings.broker_url.get_secret_value()
    if url:
        typer.echo(f"worker   rung through {without_password(url)}")
        run = import_module("augury.worker.celery_worker").run
        raise typer.Exit(run(settings, concurrency, loglevel))
    typer.echo("worker   without a broker: it looks for work by itself")
    _work_alone(settings, concurrency)


def _work_alone(settings: Settings, concurrency: int | None) -> None:
    told = threading.Event()

    def stop(_number: int, _frame: Any) -> None:
        told.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    house = bootstrap.build(settings)
    memory.settle()
    place = Workplace(house, "apart")
    alone = Worker(duties(place, concurrency or JOBS_AT_ONCE), place.give_back)
    alone.start()
    told.wait()
    alone.stop(_FINISH_SECONDS)
    house.close()
