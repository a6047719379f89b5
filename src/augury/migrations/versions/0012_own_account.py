"""Links for forgotten passwords, sessions that can be told apart, accounts that are closed."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

ID = sa.String(length=36).with_variant(sa.UUID(as_uuid=False), "postgresql")


def upgrade() -> None:
    """Apply."""
    # Accounts first: a sale takes its account, and asks after its user while it has it.
    op.add_column("accounts", sa.Column("closed_at", sa.BigInteger(), nullable=True))
    op.add_column("users", sa.Column("closed_at", sa.BigInteger(), nullable=True))
    op.add_column("users", sa.Column("last_seen_at", sa.BigInteger(), nullable=True))
    op.add_column("sessions", sa.Column("address", sa.String(length=64), nullable=True))
    op.add_column("sessions", sa.Column("agent", sa.String(length=64), nullable=True))
    op.create_table(
        "password_resets",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("spent_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_password_resets_user_id")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_password_resets")),
    )
    op.create_index("ix_password_resets_user_id", "password_resets", ["user_id"], unique=False)
    op.create_index(
        "ix_password_resets_expires_at", "password_resets", ["expires_at"], unique=False
    )
    op.create_table(
        "ended_sessions",
        sa.Column("session_id", ID, nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_ended_sessions")),
    )
    op.create_index("ix_ended_sessions_ended_at", "ended_sessions", ["ended_at"], unique=False)
