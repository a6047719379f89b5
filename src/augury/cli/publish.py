"""`augury publish`: puts somebody's own model on sale."""

import json
import os
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

command = typer.Typer()


def _option(what: str, *names: str, **limits: Any) -> Any:
    return typer.Option(*names, help=what, **limits)


def _file(what: str, *names: str) -> Any:
    return _option(what, *names, exists=True, dir_okay=False)


Named = Annotated[
    Path, typer.Argument(exists=True, help="A model's file, an MLflow folder, or a ready folder.")
]
Sample = Annotated[Path | None, _file("Rows of training data, CSV or Parquet.")]
Target = Annotated[str | None, _option("Column of the sample that says what happened.")]
Unseen = Annotated[bool, _option("The sample was kept away from the training.", "--unseen")]
Positive = Annotated[
    str | None, _option("Class whose probability is sold; the second, unless told.")
]
Name = Annotated[str | None, _option("Name of the model; that of the file, unless told.")]
Text = Annotated[str | None, _option("Text for customers, English.")]
RussianText = Annotated[str | None, _option("Text for customers, Russian.")]
Task = Annotated[str | None, _option("What it is for, such as credit-scoring.")]
Price = Annotated[int | None, _option("Credits per row.", min=1)]
ExplainPrice = Annotated[int | None, _option("Credits per row for reasons, on top.", min=0)]
NoExplain = Annotated[bool, _option("Sell no reasons.", "--no-explain")]
ApproveBelow = Annotated[float | None, _option("Decide `approve` below it.", min=0, max=1)]
DeclineFrom = Annotated[float | None, _option("Decide `decline` from it on.", min=0, max=1)]
Parts = Annotated[Path | None, _file("Parts of a manifest, JSON; they win over what is learnt.")]
Card = Annotated[Path | None, _file("Model card, Markdown.")]
Out = Annotated[Path | None, _option("Write the folder here, and upload nothing.")]
Url = Annotated[str, _option("Where the API answers.")]
User = Annotated[str, _option("An administrator. The password: AUGURY_PASSWORD, or a prompt.")]
Draft = Annotated[bool, _option("Leave a new model unsold.", "--draft")]
Champion = Annotated[
    bool, _option("Sell a new version to all who ask for the model.", "--champion")
]
Try = Annotated[bool, _option("Buy one prediction of the example row.", "--try")]


@command.command()
def publish(  # noqa: PLR0913, PLR0917 -- options, each given by its name
    path: Named,
    sample: Sample = None,
    target: Target = None,
    unseen: Unseen = False,
    positive: Positive = None,
    name: Name = None,
    title: Text = None,
    title_ru: RussianText = None,
    description: Text = None,
    description_ru: RussianText = None,
    task: Task = None,
    price: Price = None,
    explain_price: ExplainPrice = None,
    no_explain: NoExplain = False,
    approve_below: ApproveBelow = None,
    decline_from: DeclineFrom = None,
    manifest: Parts = None,
    card: Card = None,
    card_ru: Card = None,
    out: Out = None,
    url: Url = "http://127.0.0.1:8000",
    user: User = "admin",
    draft: Draft = False,
    champion: Champion = False,
    buy: Try = False,
) -> None:
    """Put a model on sale: convert it, prove that nothing was lost, upload it."""
    options = {
        "name": name,
        "title": _localised(title, title_ru),
        "description": _localised(description, description_ru),
        "task": task,
        "price": price,
        "decision": _together(approve_below=approve_below, decline_from=decline_from),
        "explain": None if explain_price is None else {"price": explain_price},
    }
    wishes = {
        "path": path,
        "sample": sample,
        "target": target,
        "unseen": unseen,
        "positive": positive,
        "explain": not no_explain,
        "options": _given(options),
    }
    files = {"manifest": manifest, "out": out, "cards": _given({"en": card, "ru": card_ru})}
    delivery = {"url": url, "user": user, "draft": draft, "champion": champion, "bought": buy}
    if out is None:
        delivery["password"] = os.environ.get("AUGURY_PASSWORD") or typer.prompt(
            f"Password of {user}", hide_input=True
        )
    _run(wishes, files, None if out else delivery)


def _run(wishes: dict[str, Any], files: dict[str, Any], delivery: dict[str, Any] | None) -> None:
    try:
        # Imported now: `augury --help` looks at this file, and pandas takes a second.
        run = import_module("augury.publishing.run")
    except ModuleNotFoundError as error:
        typer.echo(
            f"Publishing needs {error.name}, which serving does not."
            " Run: pip install 'augury[publish]'",
            err=True,
        )
        raise typer.Exit(2) from None
    try:
        bought = run.publish(wishes, files, delivery, typer.echo)
    except run.NotPublishable as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    if bought is not None:
        typer.echo(json.dumps(bought, indent=2, ensure_ascii=False))


def _localised(english: str | None, russian: str | None) -> dict[str, str] | None:
    first = english or russian
    # One stands in for the other where only one is given.
    return {"en": first, "ru": russian or first} if first else None


def _together(**values: float | None) -> dict[str, float] | None:
    given = {name: value for name, value in values.items() if value is not None}
    if given and len(given) < len(values):
        message = "a decision takes both --approve-below and --decline-from"
        raise typer.BadParameter(message)
    return given or None


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
