"""`augury batch`: has a file of rows predicted."""

import shlex
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from augury.cli.progress import bars
from augury.cli.session import REFUSED, customer
from augury.client import ApiError, Batch, Client, Unreachable

command = typer.Typer()

_MISUSED = 2
_INTERRUPTED = 130
_ENDS = {"failed": "failed", "cancelled": "been cancelled"}


@command.command()
def batch(
    file: Annotated[
        Path | None,
        typer.Argument(exists=True, dir_okay=False, help="Rows: CSV, Parquet or JSON Lines."),
    ] = None,
    model: Annotated[str | None, typer.Option(help="name, name@alias or name@version")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Buy reasons too.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(help="Where the results go; beside the file, unless told.", dir_okay=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite old results.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Buy without asking.")] = False,
    resume: Annotated[
        str | None, typer.Option(metavar="ID", help="Go on with a batch that was ordered before.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(help="Idempotency key: with the same one, a repeated command buys nothing."),
    ] = None,
) -> None:
    """Have every row of a file predicted: tell the price, send it, wait, fetch the results."""
    if resume is None and (file is None or model is None):
        _misused("Name a file and its --model, or a batch with --resume.")
    target = output or (file and file.with_name(f"{file.stem}-results{file.suffix}"))
    if target is None:
        _misused("Say where the results go: --output")
    if target.exists() and not force:
        _misused(f"{target} is there already. Choose another --output, or --force.")
    with customer() as client:
        if resume is None and file is not None and model is not None:
            order = {"explain": explain, "idempotency_key": key or str(uuid.uuid4())}
            if not yes:
                _ask(client, file, model, explain=explain)
            resume = _buy(client, file, model, order)
        _finish(client, str(resume), target)


def _ask(client: Client, file: Path, model: str, *, explain: bool) -> None:
    with _bar("Checking") as tell:
        quote = client.batches.quote(file, model, explain=explain, on_bytes=tell)
    faulty = f", {quote.rows_failed} of them with faults, which are free" * bool(quote.rows_failed)
    available = f" of {quote.balance.available} available" if quote.balance else ""
    typer.echo(
        f"{quote.rows} rows{faulty}: {quote.price} credits{available}, {quote.price_per_row} a row."
    )
    if quote.missing_columns:
        typer.echo(f"Columns are missing: {', '.join(quote.missing_columns)}", err=True)
        raise typer.Exit(REFUSED)
    typer.confirm("Buy?", abort=True)


def _buy(client: Client, file: Path, model: str, order: dict[str, Any]) -> str:
    again = f"Repeat the command with --key {order['idempotency_key']}: it is not bought twice."
    with _advice(again), _bar("Upload") as tell:
        bought = client.batches.create(file, model, on_bytes=tell, **order)
    typer.echo(f"Batch {bought.id}: {bought.rows} rows, {bought.credits_held} credits held.")
    return bought.id


def _finish(client: Client, batch_id: str, target: Path) -> None:
    go_on = f"augury batch --resume {batch_id} --output {shlex.quote(str(target))}"
    with _advice(f"The batch goes on without you. Its results: {go_on}"):
        with _bar("Predicting") as tell:
            done = client.batches.await_batch(
                batch_id, on_progress=lambda now: tell(now.rows_done + now.rows_failed, now.rows)
            )
        fetched = _fetch(client, batch_id, target)
    _tell_end(done, target if fetched else None)


def _fetch(client: Client, batch_id: str, target: Path) -> bool:
    """Fetch what there is, however it has ended: what was cancelled half-way is half paid."""
    try:
        with _bar("Download") as tell:
            client.batches.save_results(batch_id, target, on_bytes=tell)
    except ApiError as error:
        if error.code != "no_results":
            raise
        return False
    return True


def _tell_end(done: Batch, target: Path | None) -> None:
    if done.status != "succeeded":
        why = f": {done.error.message or done.error.code}" if done.error else "."
        typer.echo(f"The batch has {_ENDS.get(done.status, done.status)}{why}", err=True)
    failed = f", {done.rows_failed} with an error and free" if done.rows_failed else ""
    typer.echo(f"{done.rows_done} rows predicted{failed}: {done.credits_captured} credits.")
    if target is not None:
        typer.echo(f"Results: {target}")
    if done.status != "succeeded":
        raise typer.Exit(REFUSED)


@contextmanager
def _bar(stage: str) -> Iterator[Callable[[int, int], None]]:
    with bars() as tell:
        yield partial(tell, stage)


@contextmanager
def _advice(what_next: str) -> Iterator[None]:
    """Say how to go on when somebody interrupts, or the line breaks."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(f"\n{what_next}", err=True)
        raise typer.Exit(_INTERRUPTED) from None
    except Unreachable:
        typer.echo(what_next, err=True)
        raise


def _misused(why: str) -> NoReturn:
    typer.echo(why, err=True)
    raise typer.Exit(_MISUSED)
