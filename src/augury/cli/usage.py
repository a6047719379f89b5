"""`augury usage`: what was bought."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.bar import Bar

from augury.cli.screen import AsJson, show, show_json, table_of
from augury.cli.session import customer
from augury.client import Usage

command = typer.Typer()

_BAR_WIDTH = 30


class By(StrEnum):
    """What usage is summed by."""

    DAY = "day"
    MODEL = "model"


def _moment(name: str) -> Any:
    forms = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
    return typer.Option(name, formats=forms, help="A moment of UTC.")


@command.command()
def usage(
    by: Annotated[By, typer.Option(help="Sum it up by this.")] = By.DAY,
    since: Annotated[datetime | None, _moment("--from")] = None,
    until: Annotated[datetime | None, _moment("--to")] = None,
    as_json: AsJson = False,
) -> None:
    """Show predictions, rows and credits: of the last 30 days, or between two moments."""
    with customer() as client:
        found = client.money.usage(
            group_by="day" if by is By.DAY else "model", since=_utc(since), until=_utc(until)
        )
    if as_json:
        show_json(found)
    else:
        _show(found)


def _show(found: Usage) -> None:
    most = max((one.credits for one in found.items), default=0)
    rows: list[list[str | Bar]] = [
        [
            str(one.day or one.model),
            str(one.predictions),
            str(one.rows),
            str(one.credits),
            Bar(max(most, 1), 0, one.credits, width=_BAR_WIDTH),
        ]
        for one in found.items
    ]
    totals = found.totals
    rows.append(["total", str(totals.predictions), str(totals.rows), str(totals.credits), ""])
    columns = {found.group_by: False, "predictions": True, "rows": True, "credits": True, "": False}
    show(table_of(columns, rows))


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)
