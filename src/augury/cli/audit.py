"""`augury audit verify`: follows the audit log's chain and says whether it is whole."""

import re
from typing import Annotated

import typer

from augury import bootstrap
from augury.audit_log import chain
from augury.audit_log.chain import Head
from augury.cli.common import DataDir, load_settings
from augury.cli.progress import bars

command = typer.Typer(no_args_is_help=True, help="Look after the audit log.")

_HEAD = re.compile(r"(\d{1,18}):([0-9a-f]{64})")


@command.callback()
def audit() -> None:
    """Look after the audit log."""


@command.command("verify")
def verify_command(
    known: Annotated[
        str | None,
        typer.Option(help="The end of the chain as it was before, NUMBER:LINK; it must be in it."),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Follow the chain from its first event; exit 1 when an event was changed or taken away."""
    expected = None if known is None else _head(known)
    db = bootstrap.open_database(load_settings(data_dir))
    try:
        with db.read() as tx, bars() as tell:
            verdict = chain.verify(tx, expected, tell)
    finally:
        db.close()
    typer.echo(f"events  {verdict.head.number}, and {verdict.waiting} that wait for their link")
    typer.echo(f"head    {verdict.head.number}:{verdict.head.link}")
    for fault in verdict.faults:
        typer.echo(f"{fault.kind}: {fault.subject}: {fault.detail}", err=True)
    typer.echo("The audit log is whole." if not verdict.faults else "The audit log is NOT whole.")
    if verdict.faults:
        raise typer.Exit(1)


def _head(text: str) -> Head:
    found = _HEAD.fullmatch(text)
    if found is None:
        typer.echo("--known: NUMBER:LINK, as `augury audit verify` prints it", err=True)
        raise typer.Exit(2)
    return Head(int(found[1]), found[2])
