"""Several instances that start at the same moment on an empty database."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from augury.kit.db import Database
from augury.migrations.run import known_revisions, revision_of
from augury.users.service import administrators
from support.databases import empty_postgres_database
from support.houses import SECRET, findings

_INSTANCES = 4
# `augury`, which waits for a database as long as tests do: one of four may stand still for seconds
# in the middle of a migration.
_PATIENT = """
import sys
sys.path.insert(0, {tests!r})
from augury.cli import app
from support.patience import await_databases
await_databases()
app()
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An address where nobody has made any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'augury.db'}"
    else:
        with empty_postgres_database(request.getfixturevalue("postgres")) as address:
            yield address


def test_four_processes_prepare_one_database(empty_url: str, tmp_path: Path) -> None:
    """All of them succeed; the tables, the models and the administrator are made once."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AUGURY_")},
        "AUGURY_DATABASE_URL": empty_url,
        "AUGURY_DATA_DIR": str(tmp_path / "data"),
        "AUGURY_SECRET_KEY": SECRET,
    }
    program = _PATIENT.format(tests=str(Path(__file__).parents[1]))
    running = [
        subprocess.Popen(
            [sys.executable, "-c", program, "migrate"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(_INSTANCES)
    ]
    try:
        told = [process.communicate(timeout=240) for process in running]
    finally:
        for process in running:
            process.kill()
    assert [process.returncode for process in running] == [0] * _INSTANCES, told
    said = "".join(out for out, _ in told)
    assert said.count("administrator: admin") == 1
    assert said.count("on sale: credit-catboost") == 1
    db = Database(empty_url)
    with db.read() as tx:
        assert revision_of(tx) == known_revisions()[0]
        assert len(administrators(tx)) == 1
    db.close()
    assert findings(empty_url) == []
