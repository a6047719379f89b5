"""An index of the users who are blocked."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# On PostgreSQL nobody waits for it, and no transaction may be around it.
PIECEMEAL = True

BLOCKED = sa.text("status = 'blocked'")


def upgrade() -> None:
    """Apply; after a failure, apply again."""
    # What an interrupted attempt leaves behind is an index that is not used and must be kept up.
    op.drop_index("ix_users_blocked", "users", if_exists=True, postgresql_concurrently=True)
    op.create_index(
        "ix_users_blocked",
        "users",
        ["id"],
        if_not_exists=True,
        sqlite_where=BLOCKED,
        postgresql_where=BLOCKED,
        postgresql_concurrently=True,
    )
