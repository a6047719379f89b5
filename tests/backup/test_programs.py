"""PostgreSQL's own programs: one sentence when they are missing, too old, or fail."""

from pathlib import Path

import pytest

from augury.backup.make import make_backup
from augury.backup.postgres import find_program
from augury.backup.trouble import BackupTrouble
from backup.houses import PG_BIN, augury
from support.databases import postgres_database
from support.houses import settings_for


def _script(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_a_missing_program_is_named_with_what_to_do(postgres: str, tmp_path: Path) -> None:
    with postgres_database(postgres) as address:
        made = augury(
            "backup", tmp_path / "house.tar", "--data-dir", tmp_path,
            database_url=address, path=str(tmp_path),
        )  # fmt: skip
    assert made.returncode == 1
    assert made.stderr.startswith("There is no pg_dump on PATH. Install")
    assert list(tmp_path.iterdir()) == []


def test_a_program_older_than_the_server_is_refused(postgres: str, tmp_path: Path) -> None:
    _script(tmp_path / "old", "pg_dump", 'echo "pg_dump (PostgreSQL) 9.6.24"')
    with postgres_database(postgres) as address:
        with pytest.raises(BackupTrouble, match=r"is of PostgreSQL 9 and cannot work with \d\d"):
            make_backup(
                settings_for(address, tmp_path), tmp_path / "house.tar", tmp_path / "old",
                lambda *_: None,
            )  # fmt: skip
    assert not (tmp_path / "house.tar").exists()


def test_a_program_of_the_servers_version_is_found() -> None:
    assert find_program("pg_dump", PG_BIN, 1).major >= 16


def test_what_a_failed_dump_said_is_passed_on(postgres: str, tmp_path: Path) -> None:
    told = 'case "$1" in --version) echo "pg_dump (PostgreSQL) 99.1";; *) echo "no luck" >&2; exit 1;; esac'
    _script(tmp_path / "bad", "pg_dump", told)
    with postgres_database(postgres) as address:
        with pytest.raises(BackupTrouble, match="pg_dump failed: no luck"):
            make_backup(
                settings_for(address, tmp_path), tmp_path / "house.tar", tmp_path / "bad",
                lambda *_: None,
            )  # fmt: skip
    assert not (tmp_path / "house.tar").exists()


def test_the_password_is_not_among_the_arguments(postgres: str, tmp_path: Path) -> None:
    """Everybody on the machine can read the arguments of a program."""
    said = tmp_path / "said"
    told = (
        f'case "$1" in --version) echo "pg_dump (PostgreSQL) 99.1"; exit;; esac\n'
        f'echo "$@" > {said}; echo "$PGPASSWORD" >> {said}; exit 1'
    )
    _script(tmp_path / "spy", "pg_dump", told)
    with postgres_database(postgres) as address:
        secret = address.replace("postgres:@", "postgres:p%40ss-word@")
        assert secret != address
        with pytest.raises(BackupTrouble):
            make_backup(
                settings_for(secret, tmp_path), tmp_path / "house.tar", tmp_path / "spy",
                lambda *_: None,
            )  # fmt: skip
    arguments, password = said.read_text().splitlines()
    assert "p%40ss" not in arguments
    assert "p@ss-word" not in arguments
    assert password == "p@ss-word"
