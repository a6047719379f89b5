"""`augury ledger audit`: derives the books again and says whether they are right."""

import typer

from augury import bootstrap
from augury.cli.common import DataDir, load_settings
from augury.cli.progress import bars

command = typer.Typer(no_args_is_help=True, help="Look after the books.")


@command.callback()
def ledger() -> None:
    """Look after the books."""


@command.command("audit")
def audit_command(data_dir: DataDir = None) -> None:
    """Derive every balance again from the transfers; exit 1 when anything does not add up."""
    db = bootstrap.open_database(load_settings(data_dir))
    try:
        with db.read() as tx, bars() as tell:
            report = bootstrap.audit_books(tx, tell=tell)
    finally:
        db.close()
    typer.echo(f"accounts   {report.accounts}")
    typer.echo(f"transfers  {report.transfers}")
    typer.echo(f"customers  {report.credits_with_customers:+d} credits")
    for name, credits_ in sorted(report.counterparties.items()):
        typer.echo(f"{name:<10} {credits_:+d} credits")
    for finding in report.findings:
        typer.echo(f"{finding.kind}: {finding.subject}: {finding.detail}", err=True)
    typer.echo("The books are right." if not report.findings else "The books are WRONG.")
    if report.findings:
        raise typer.Exit(1)
