"""In which months a customer bought which models."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ID = sa.String(length=36).with_variant(sa.UUID(as_uuid=False), "postgresql")


def upgrade() -> None:
    """Apply: new tables, which a duty of the new program fills from the start of all sales."""
    op.create_table(
        "bought_months",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("first_id", ID, nullable=False),
        sa.Column("last_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "model", "month", name=op.f("pk_bought_months")),
    )
    state = op.create_table(
        "bought_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("up_to", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bought_state")),
    )
    op.bulk_insert(state, [{"id": 1, "up_to": 0}])
