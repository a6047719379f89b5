"""Brings a database to the newest revision."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from augury.kit.db import Database, ReadTx

# Any number that nobody else uses: whoever holds it migrates, the others wait their turn.
_ADVISORY_LOCK = 0x41756775


def migrate(db: Database) -> None:
    """Apply every missing migration in one transaction; several processes may call it at once."""
    config = _config()
    with db.write() as tx:
        if tx.dialect.name == "postgresql":
            tx.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
        config.attributes["connection"] = tx
        command.upgrade(config, "head")


def revision_of(tx: ReadTx) -> str | None:
    """Return the revision that a database is at; none when it was never migrated."""
    return MigrationContext.configure(tx).get_current_revision()


def known_revisions() -> list[str]:
    """Return the revisions that this program knows, the newest first."""
    return [one.revision for one in ScriptDirectory.from_config(_config()).walk_revisions()]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config
