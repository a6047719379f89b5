"""Predictions whose contents are removed after a while."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ID = sa.String(length=36).with_variant(sa.UUID(as_uuid=False), "postgresql")
EMPTY = "CONSTRAINT ck_predictions_expired_is_empty CHECK (expired_at IS NULL OR outputs = 'null')"


def upgrade() -> None:
    """Apply."""
    # In the order in which a job becomes a prediction, so that neither waits for the other.
    op.add_column("jobs", sa.Column("expired_at", sa.BigInteger(), nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        op.add_column("predictions", sa.Column("expired_at", sa.BigInteger(), nullable=True))
        # 0008 looks at the rows that are there; what comes is looked at from now on.
        op.execute(f"ALTER TABLE predictions ADD {EMPTY} NOT VALID")
    else:
        op.execute(f"ALTER TABLE predictions ADD COLUMN expired_at BIGINT {EMPTY}")
    expiries = op.create_table(
        "expiries",
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("up_to", ID, nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_expiries")),
    )
    start = "00000000-0000-0000-0000-000000000000"
    op.bulk_insert(
        expiries,
        [{"subject": "jobs", "up_to": start}, {"subject": "predictions", "up_to": start}],
    )
