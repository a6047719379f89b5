"""A bar for each stage of a long command, on a terminal only: cron mails what it reads."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import typer


@contextmanager
def bars() -> Iterator[Callable[[str, int, int], None]]:
    """Give a function that is told a stage, what is done of it, and how much it is in all."""
    with ExitStack() as stack:
        shown: dict[str, Any] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in shown:
                stack.close()  # ends the line of the stage before
                shown.clear()
                shown[stage] = stack.enter_context(
                    typer.progressbar(
                        length=max(total, 1),
                        label=f"{stage:<10}",
                        file=sys.stderr,
                        hidden=not sys.stderr.isatty(),
                    )
                )
            bar = shown[stage]
            bar.update(done - bar.pos)

        yield tell
