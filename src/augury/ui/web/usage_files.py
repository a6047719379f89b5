"""The use of some days as a CSV file."""

import csv
import io
from datetime import date
from typing import Final, Literal, get_args

from augury.client import Client
from augury.ui.parts.spending import midnight, midnight_after

Grouping = Literal["day", "model"]
GROUPS: Final[tuple[Grouping, ...]] = get_args(Grouping)
_MEASURES: Final = ("predictions", "rows", "credits")


def usage_csv(api: Client, group: Grouping, first: date, last: date) -> tuple[bytes]:
    """Return what was bought from one day of UTC to another, both included; one line a group.

    The names of the columns are those of the API: a file goes into programs.
    """
    since, until = midnight(first), midnight_after(last)
    found = api.money.usage(group_by=group, since=since, until=until)
    lines = io.StringIO(newline="")
    writer = csv.writer(lines)
    writer.writerow([group, *_MEASURES])
    for item in found.items:
        name = item.model if group == "model" else item.day
        writer.writerow([name, *(getattr(item, measure) for measure in _MEASURES)])
    return (lines.getvalue().encode(),)
