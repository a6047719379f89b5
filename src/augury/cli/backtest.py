"""`augury backtest`: how good forecasts were, for anyone to find out."""

from pathlib import Path
from typing import Annotated

import typer

from augury.cli.train import risk_training

command = typer.Typer(no_args_is_help=True, help="How good forecasts were.")


@command.callback()
def backtest() -> None:
    """How good forecasts were."""


@command.command()
def risk(
    out: Annotated[Path, typer.Option(help="Folder that gets tables and pictures.")] = Path(
        "backtest-risk"
    ),
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 7,
) -> None:
    """Walk through 2015 to 2022 and write what the investment-risk model said and what came."""
    risk_training().write_backtest(out, seed=seed)
    typer.echo(f"{out}: backtest.md and backtest.ru.md")
