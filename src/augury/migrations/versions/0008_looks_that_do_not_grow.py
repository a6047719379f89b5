"""Indexes for what would otherwise be looked for in a whole journal, and the end of 0007."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# On PostgreSQL nobody waits for any of this, and no transaction may be around it.
PIECEMEAL = True

RARE = "type <> 'charge'"


def upgrade() -> None:
    """Apply; after a failure, apply again."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE predictions VALIDATE CONSTRAINT ck_predictions_expired_is_empty")
    _index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])
    _index("ix_transfers_reference", "transfers", ["reference", "account_id"])
    _index("ix_transfers_type", "transfers", ["account_id", "type", "number"], sa.text(RARE))
    _index("ix_predictions_user_model", "predictions", ["user_id", "id", "model"])
    # The one before does whatever this did, also for programs that have not been replaced.
    op.drop_index(
        "ix_predictions_user_id", "predictions", if_exists=True, postgresql_concurrently=True
    )


def _index(name: str, table: str, columns: list[str], where: sa.TextClause | None = None) -> None:
    # What an interrupted attempt leaves behind is an index that is not used and must be kept up.
    op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
    op.create_index(
        name,
        table,
        columns,
        if_not_exists=True,
        sqlite_where=where,
        postgresql_where=where,
        postgresql_concurrently=True,
    )
