"""The migrations: they make what the tables say, and carry over what was on sale before."""

import json
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from augury.kit.db import Database
from augury.migrations.metadata import metadata
from augury.migrations.run import migrate
from support.databases import migrate_to


def test_the_migrations_make_the_tables_that_the_rooms_declare(database_url: str) -> None:
    """After all migrations there is nothing that the declared tables have more or less."""
    db = Database(database_url)
    migrate(db)
    with db.write() as tx:
        differences = compare_metadata(MigrationContext.configure(tx), metadata)
    db.close()
    assert differences == []


def test_models_that_were_on_sale_before_stay_on_sale(database_url: str) -> None:
    """An older version gets its digest and status, and its manifest the new name of a member."""
    db = Database(database_url)
    migrate_to(db, "0003")
    manifest = {"self_test": {"tolerance": 1e-5, "inputs": [], "default_probability": [0.5]}}
    with db.write() as tx:
        tx.execute(sa.text("INSERT INTO models VALUES ('old', 'active', 1)"))
        tx.execute(
            sa.text("INSERT INTO versions VALUES ('old', 1, 7, 'abc', :manifest, 'c', 'к', 1)"),
            {"manifest": json.dumps(manifest)},
        )
        tx.execute(sa.text("INSERT INTO aliases VALUES ('old', 'champion', 1)"))
    migrate(db)
    with db.read() as tx:
        row: Any = tx.execute(sa.text("SELECT * FROM versions")).one()
    db.close()
    assert (row.status, row.price, len(row.digest)) == ("active", 7, 64)
    assert json.loads(row.manifest)["self_test"]["probabilities"] == [0.5]
