"""Brings a database to the newest revision."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from augury.kit.db import Database

# Any number that nobody else uses: whoever holds it migrates, the others wait their turn.
_ADVISORY_LOCK = 0x41756775


def migrate(db: Database) -> None:
    """Apply every missing migration in one transaction; several processes may call it at once."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    with db.write() as tx:
        if tx.dialect.name == "postgresql":
            tx.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
        config.attributes["connection"] = tx
        command.upgrade(config, "head")
