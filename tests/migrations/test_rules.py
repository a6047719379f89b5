"""Migrations may hold up nobody: what they do is looked at, statement by statement.

From 0006 on. Before, nothing had been on sale anywhere.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from augury.kit.db import Database
from augury.migrations.run import migrate
from support.databases import migrate_to, scripts

_LAST_UNWATCHED = "0005"
_SQUAWK = Path(sys.executable).with_name("squawk")
# Taste, and what holds up nobody here: a statement is given up for its lock, not for its length.
_NOT_ASKED = (
    "prefer-bigint-over-int",
    "prefer-text-field",
    "prefer-robust-stmts",
    "require-statement-timeout",
)
# What programs that still run may need. Only a migration that says which expansion it ends may.
_ENDINGS = (
    "ban-drop-column",
    "ban-drop-table",
    "ban-drop-not-null",
    "renaming-column",
    "renaming-table",
)
# The linter knows what tables are, and not what is in them.
_SLOW = re.compile(
    r"(UPDATE|DELETE FROM|TRUNCATE|LOCK|VACUUM|CLUSTER|REINDEX)\b(?! alembic_version)"
)
# A piecemeal migration waits as long as it takes, so it may do only what nobody else waits for.
_PATIENT = re.compile(
    r"SET lock_timeout|(CREATE (UNIQUE )?|DROP )INDEX CONCURRENTLY|ALTER TABLE \w+ VALIDATE CONSTRAINT"
    r"|UPDATE alembic_version"
)


@contextmanager
def watched(db: Database) -> Iterator[list[str]]:
    """Give a list into which every statement goes that changes something."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not re.match(r"\s*(SELECT|PRAGMA|SHOW)\b", statement):
            statements.append(" ".join(statement.split()))

    event.listen(db.engine, "before_cursor_execute", note)
    yield statements
    event.remove(db.engine, "before_cursor_execute", note)


@pytest.fixture
def done(db: Database) -> dict[str, list[str]]:
    """What each migration has done, by revision."""
    migrate_to(db, _LAST_UNWATCHED)
    with watched(db) as statements:
        migrate(db)
    found: dict[str, list[str]] = {}
    some: list[str] = []
    for statement in statements:
        some.append(statement)
        reached = re.match(r"UPDATE alembic_version SET version_num='(\w+)'", statement)
        if reached:
            found[reached[1]] = some
            some = []
    assert list(found) == [revision for revision in scripts() if revision > _LAST_UNWATCHED]
    return found


def faults(
    statements: list[str], folder: Path, *, piecemeal: bool = False, ends: bool = False
) -> set[str]:
    """Return the rules that a migration on PostgreSQL breaks, by name."""
    path = folder / "migration.sql"
    path.write_text(";\n".join(re.sub(r"%\(\w+\)s(::\w+)?", "''", one) for one in statements) + ";")
    excluded = ",".join((*_NOT_ASKED, *(_ENDINGS if ends else ())))
    ran = subprocess.run(
        [
            *(_SQUAWK, "--reporter", "gcc", "--exclude", excluded),
            *(() if piecemeal else ("--assume-in-transaction",)),
            *("--pg-version", "14", path),
        ],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
    )
    found = set(re.findall(r"^\S+: (?:warning|error): (\S+)", ran.stdout, re.MULTILINE))
    assert bool(found) == bool(ran.returncode), ran.stdout + ran.stderr
    new = set(re.findall(r"CREATE TABLE (\w+)", " ".join(statements)))
    slow = {one for one in statements if _SLOW.match(one) and not new & set(one.split())}
    impatient = piecemeal and not all(_PATIENT.match(one) for one in statements)
    return (
        found
        | ({"touches-rows"} if slow else set())
        | ({"impatient-piecemeal"} if impatient else set())
    )


def test_no_migration_holds_up_who_sells(
    done: dict[str, list[str]], db: Database, tmp_path: Path
) -> None:
    """On PostgreSQL none waits long for a lock or keeps one long; on SQLite none copies a table."""
    for revision, statements in done.items():
        module = scripts()[revision].module
        ends = getattr(module, "CONTRACTS", None)
        assert ends is None or ends < revision
        if db.dialect == "postgresql":
            piecemeal = getattr(module, "PIECEMEAL", False)
            broken = faults(statements, tmp_path, piecemeal=piecemeal, ends=ends is not None)
            assert broken == set(), revision
        else:
            copies = [one for one in statements if re.search(r"_alembic_tmp_|RENAME TO", one)]
            assert copies == [], revision


BAD = {
    "CREATE INDEX i ON predictions (model)": "require-concurrent-index-creation",
    "CREATE INDEX CONCURRENTLY i ON predictions (model)": "ban-concurrent-index-creation-in-transaction",
    "ALTER TABLE predictions ADD COLUMN a BIGINT NOT NULL": "adding-required-field",
    "ALTER TABLE predictions ADD COLUMN a UUID DEFAULT gen_random_uuid()": "adding-field-with-default",
    "ALTER TABLE predictions ALTER COLUMN model TYPE TEXT": "changing-column-type",
    "ALTER TABLE predictions ALTER COLUMN expired_at SET NOT NULL": "adding-not-nullable-field",
    "ALTER TABLE predictions ADD CONSTRAINT c CHECK (rows > 0)": "constraint-missing-not-valid",
    "ALTER TABLE predictions DROP COLUMN model": "ban-drop-column",
    "ALTER TABLE predictions RENAME COLUMN model TO name": "renaming-column",
    "ALTER TABLE predictions RENAME TO sales": "renaming-table",
    "DROP TABLE predictions": "ban-drop-table",
    "UPDATE predictions SET rows = 1": "touches-rows",
    "DELETE FROM idempotency_keys WHERE created_at < 1": "touches-rows",
    "LOCK TABLE predictions": "touches-rows",
}


@pytest.mark.parametrize("statement", BAD)
def test_the_rules_find_what_would_hold_up_who_sells(statement: str, tmp_path: Path) -> None:
    """Each of these would stop sales on a large table, or programs that have not been replaced."""
    timeout = "SET LOCAL lock_timeout = 400"
    assert BAD[statement] in faults([timeout, statement], tmp_path)
    assert "require-lock-timeout" in faults(["ALTER TABLE predictions ADD a BIGINT"], tmp_path)


def test_what_is_harmless_passes(tmp_path: Path) -> None:
    """A new table may be filled and indexed; a migration that ends an expansion may drop."""
    timeout = "SET LOCAL lock_timeout = 400"
    new = ["CREATE TABLE new (a BIGINT)", "CREATE INDEX i ON new (a)", "UPDATE new SET a = 1"]
    assert faults([timeout, *new], tmp_path) == set()
    drop = "ALTER TABLE predictions DROP COLUMN model"
    assert faults([timeout, drop], tmp_path, ends=True) == set()
    index = ["SET lock_timeout = 0", "CREATE INDEX CONCURRENTLY i ON predictions (model)"]
    assert faults(index, tmp_path, piecemeal=True) == set()


def test_a_piecemeal_migration_does_only_what_nobody_waits_for(tmp_path: Path) -> None:
    """It waits without end, and behind whoever waits for a whole table everybody waits."""
    column = ["SET lock_timeout = 0", "ALTER TABLE predictions ADD COLUMN a BIGINT"]
    assert faults(column, tmp_path, piecemeal=True) == {"impatient-piecemeal"}
