"""PostgreSQL: copies by its own programs, at a moment that the audit sees as well."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import make_url

from augury.backup.inventory import Dump
from augury.backup.trouble import BackupTrouble
from augury.kit.db import Database, ReadTx
from augury.kit.progress import Tell

_MAJOR = re.compile(r"\) (\d+)")
_LOOK_SECONDS = 0.1
_MOST_WORDS = 1000


@dataclass(frozen=True, slots=True)
class Program:
    """A program of PostgreSQL, with its major version."""

    path: str
    major: int


def find_program(name: str, folder: Path | None, major: int) -> Program:
    """Return a program from a folder, or else from PATH, that is not older than `major`."""
    found = shutil.which(name, path=None if folder is None else str(folder))
    if found is None:
        where = "on PATH" if folder is None else f"in {folder}"
        message = (
            f"There is no {name} {where}. Install PostgreSQL's client programs (on Debian and"
            " Ubuntu: apt-get install postgresql-client) or name their folder with --pg-bin."
        )
        raise BackupTrouble(message)
    told = subprocess.run([found, "--version"], check=False, capture_output=True, text=True).stdout  # noqa: S603 -- the operator's own program
    matched = _MAJOR.search(told)
    if matched is None:
        message = f"{found} does not say which version it is."
        raise BackupTrouble(message)
    if int(matched[1]) < major:
        message = (
            f"{found} is of PostgreSQL {matched[1]} and cannot work with {major}."
            f" Name the folder of the programs of {major} with --pg-bin."
        )
        raise BackupTrouble(message)
    return Program(found, int(matched[1]))


@contextmanager
def copying(
    address: str, copy: Path, folder: Path | None, tell: Tell
) -> Iterator[tuple[ReadTx, Dump]]:
    """Dump a database and give a transaction that sees what the dump holds, nothing more or less.

    When the block ends, so has the dump.
    """
    db = Database(address)
    try:
        with db.read() as tx:
            program = find_program("pg_dump", folder, _server_major(tx))
            # A large dump takes longer than an idle transaction of ours may.
            tx.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            schema = _schema(tx)
            snapshot = tx.execute(text("SELECT pg_export_snapshot()")).scalar_one()
            size = int(tx.execute(_TABLE_BYTES).scalar_one() or 0)
            command = [program.path, "--format=custom", f"--file={copy}"]
            command += [f"--snapshot={snapshot}", f"--schema={_quoted(schema)}", _dbname(address)]
            with _running(command, address, copy.with_suffix(".log")) as dump:
                yield tx, Dump(program.major, schema)
                while dump.poll() is None:
                    done = copy.stat().st_size if copy.exists() else 0
                    tell("dumping", min(done, size), size)
                    time.sleep(_LOOK_SECONDS)
                tell("dumping", size, size)
    finally:
        db.close()
    copy.chmod(0o600)
    with copy.open("rb") as file:
        os.fsync(file.fileno())


_TABLE_BYTES = text(
    "SELECT sum(pg_table_size(oid)) FROM pg_class"
    " WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
)


def require_empty(address: str, dump: Dump) -> None:
    """Raise `BackupTrouble` unless a database is there, without a table, for that dump."""
    db = Database(address)
    try:
        with db.read() as tx:
            schema = _schema(tx)
            tables = tx.execute(
                text("SELECT count(*) FROM pg_tables WHERE schemaname = :schema"),
                {"schema": schema},
            ).scalar_one()
    finally:
        db.close()
    if schema != dump.schema:
        message = f"The backup is of the schema {dump.schema}; this address leads to {schema}."
        raise BackupTrouble(message)
    if tables:
        message = (
            "This database is not empty. Make a new one (createdb), name it in"
            " AUGURY_DATABASE_URL and restore into that; the old one stays as it is."
        )
        raise BackupTrouble(message)


def find_restorer(address: str, dump: Dump, folder: Path | None) -> Program:
    """Return a pg_restore that understands the dump and the server."""
    db = Database(address)
    try:
        with db.read() as tx:
            server = _server_major(tx)
    finally:
        db.close()
    return find_program("pg_restore", folder, max(server, dump.program))


def restore(address: str, copy: Path, dump: Dump, program: Program) -> None:
    """Fill an empty database from a dump, all of it or nothing."""
    command = [program.path, "--single-transaction", "--no-owner", "--no-privileges"]
    command += [f"--schema={dump.schema}", f"--dbname={_dbname(address)}", str(copy)]
    with _running(command, address, copy.with_suffix(".log")) as running:
        running.wait()


@contextmanager
def _running(
    command: Sequence[str], address: str, words: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a program beside the block; when it has failed at the end, raise what it said."""
    with words.open("wb") as said:
        process = subprocess.Popen(  # noqa: S603 -- the operator's own program
            command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env=os.environ | _password(address),
        )
        try:
            yield process
            process.wait()
        finally:
            process.kill()
            process.wait()
    if process.returncode:
        told = words.read_text(errors="replace").strip()[-_MOST_WORDS:]
        message = f"{Path(command[0]).name} failed: {told}"
        raise BackupTrouble(message)


def _dbname(address: str) -> str:
    """Return the address for PostgreSQL's programs, without the password: `ps` shows it to all."""
    url = make_url(address)._replace(drivername="postgresql", password=None)
    return url.render_as_string(hide_password=False)


def _password(address: str) -> dict[str, str]:
    password = make_url(address).password
    return {} if password is None else {"PGPASSWORD": str(password)}


def _server_major(tx: ReadTx) -> int:
    return int(tx.execute(text("SHOW server_version_num")).scalar_one()) // 10_000


def _schema(tx: ReadTx) -> str:
    schema: str | None = tx.execute(text("SELECT current_schema()")).scalar_one()
    if schema is None:
        message = "The database has no schema on its search path."
        raise BackupTrouble(message)
    return schema


def _quoted(schema: str) -> str:
    # pg_dump reads a pattern, pg_restore a name.
    return '"' + schema.replace('"', '""') + '"'
