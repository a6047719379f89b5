"""What several commands share: reading settings, and saying what is wrong with them."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from augury.kit import log
from augury.payments.providers import KNOWN
from augury.settings import Settings

DataDir = Annotated[
    Path | None,
    typer.Option(help="Folder of the SQLite file, artefacts and secrets. [AUGURY_DATA_DIR]"),
]
ApiPort = Annotated[int, typer.Option(min=1, max=65535, help="Port of the API.")]
UiPort = Annotated[int, typer.Option(min=1, max=65535, help="Port of the web cabinet.")]
Host = Annotated[str, typer.Option(help="Address to listen on.")]


def addresses(host: str, api_port: int, ui_port: int | None = None) -> dict[str, str]:
    """Return the settings of where customers reach us, as far as the environment leaves them out.

    Somebody who listens on every address of the machine is reached at least on its own.
    """
    reached = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 -- compared, not bound
    found = {"AUGURY_PUBLIC_URL": f"http://{reached}:{api_port}"}
    if ui_port is not None:
        found["AUGURY_UI_URL"] = f"http://{reached}:{ui_port}"
    return {
        name.removeprefix("AUGURY_").lower(): value
        for name, value in found.items()
        if name not in os.environ
    }


def _take_secrets() -> None:
    """Make variables of the files in `AUGURY_SECRETS_DIR`, where containers are given secrets."""
    folder = os.environ.get("AUGURY_SECRETS_DIR")
    if not folder:
        return
    try:
        # Kubernetes has folders of its own in there, and names are not in capitals everywhere.
        files = [path for path in Path(folder).iterdir() if path.is_file()]
        found = {path.name.upper(): path.read_text().strip() for path in files}
    except (OSError, UnicodeDecodeError) as error:
        typer.echo(f"AUGURY_SECRETS_DIR: {error}", err=True)
        raise typer.Exit(2) from None
    for name, value in found.items():
        if name.startswith("AUGURY_"):
            os.environ.setdefault(name, value)


def load_settings(data_dir: Path | None = None, **values: Any) -> Settings:
    """Return the settings of the environment, or leave with a sentence about what is wrong."""
    # What this process creates, its owner alone may read: the database holds what customers sent.
    os.umask(0o077)
    _take_secrets()
    if data_dir is not None:
        values["data_dir"] = data_dir
    try:
        settings = Settings(**values)
    except ValidationError as error:
        for fault in error.errors():
            name = ".".join(str(part) for part in fault["loc"])
            where = f"AUGURY_{name.upper()}: " if name else ""
            typer.echo(f"{where}{fault['msg']}", err=True)
        raise typer.Exit(2) from None
    unknown = [name for name in settings.payment_providers if name not in KNOWN]
    if unknown:
        known = ", ".join(KNOWN)
        typer.echo(
            f"AUGURY_PAYMENT_PROVIDERS: there is no {', '.join(unknown)}; known are {known}",
            err=True,
        )
        raise typer.Exit(2)
    if settings.broker_url.get_secret_value() and find_spec("celery") is None:
        typer.echo(
            "AUGURY_BROKER_URL: a broker needs Celery; install the extra: pip install"
            " 'augury[worker]'",
            err=True,
        )
        raise typer.Exit(2)
    log.configure(pretty=settings.log_format == "text")
    return settings
