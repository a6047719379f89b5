"""The command as a publisher types it."""

from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

import augury.cli
from support.houses import PASSWORD

# Nothing listens there: whoever gets so far has tried to upload.
NOWHERE = "http://127.0.0.1:1"


def typed(path: Path, *options: Any, url: str = NOWHERE, password: str = PASSWORD) -> Result:
    """Return what became of `augury publish path ...`."""
    arguments = ["publish", str(path), "--url", url, *map(str, options)]
    return CliRunner().invoke(augury.cli.app, arguments, env={"AUGURY_PASSWORD": password})
