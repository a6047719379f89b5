"""A bar for each stage of a long command, on a terminal only: cron mails what it reads."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TimeRemainingColumn

from augury.kit.progress import Tell


@contextmanager
def bars() -> Iterator[Tell]:
    """Give a function that is told a stage, what is done of it, and how much it is in all.

    0 in all says that nobody knows how much it is. What is done may become less: after a broken
    line an upload begins anew.
    """
    columns = ("{task.description}", BarColumn(), "{task.fields[amount]}", TimeRemainingColumn())
    shown = Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty())
    stages: dict[str, TaskID] = {}

    def tell(stage: str, done: int, total: int) -> None:
        if stage not in stages:
            stages[stage] = shown.add_task(f"{stage.capitalize():<10}", total=None, amount="")
        amount = f"{done:,} of {total:,}" if total else f"{done:,}"
        shown.update(stages[stage], completed=done, total=total or None, amount=amount)

    with shown:
        yield tell
