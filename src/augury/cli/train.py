"""`augury train`: makes the shipped models again."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

command = typer.Typer(no_args_is_help=True, help="Make the shipped models again.")


@command.callback()
def train() -> None:
    """Make the shipped models again."""


@command.command()
def credit(
    data: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="The public CSV file of loans.")
    ],
    out: Annotated[Path, typer.Option(help="Folder that gets a folder for each model.")] = Path(
        "models"
    ),
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 7,
) -> None:
    """Train the three credit models and prove each before it is written."""
    if find_spec("sklearn") is None or find_spec("skl2onnx") is None:
        typer.echo("Training needs more libraries than serving. Run: make install-dev", err=True)
        raise typer.Exit(2)
    # Imported now: `augury --help` looks at this file, and these take seconds or are not there.
    training = import_module("augury.training.credit")
    try:
        manifests = training.train(data, out, seed=seed)
    except (training.WrongFileError, training.NotFitToShipError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    for manifest in manifests:
        typer.echo(f"{out / manifest.name}: ROC AUC {manifest.metrics.roc_auc:.4f}")


@command.command()
def risk(
    out: Annotated[Path, typer.Option(help="Folder that gets a folder for each model.")] = Path(
        "models"
    ),
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 7,
) -> None:
    """Train the two models of investment risk and judge them on what they never saw."""
    training = risk_training()
    for manifest in training.train(out, seed=seed):
        typer.echo(f"{out / manifest.name}: ROC AUC {manifest.metrics.roc_auc:.4f}")


def risk_training() -> Any:
    """Return the module that trains investment risk; ends the program if it cannot be."""
    if any(find_spec(name) is None for name in ("arch", "skfolio", "sklearn", "matplotlib")):
        typer.echo("Training needs more libraries than serving. Run: make install-dev", err=True)
        raise typer.Exit(2)
    return import_module("augury.training.risk")
