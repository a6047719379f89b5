"""Batches: files that are predicted row by row."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ID = sa.String(length=36).with_variant(sa.UUID(as_uuid=False), "postgresql")
UNFINISHED = sa.text("status IN ('queued', 'running')")
NOT_PURGED = sa.text("purged_at IS NULL")
MADE = sa.text("part_digest IS NOT NULL")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "batches",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("explain", sa.Boolean(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("file_digest", sa.String(length=64), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("chunks", sa.Integer(), nullable=False),
        sa.Column("price_per_row", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("hold_id", ID, nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("chunks_done", sa.Integer(), nullable=False),
        sa.Column("rows_done", sa.Integer(), nullable=False),
        sa.Column("rows_failed", sa.Integer(), nullable=False),
        sa.Column("transfer_id", ID, nullable=True),
        sa.Column("captured", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.String(length=64), nullable=True),
        sa.Column("deadline_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("completed_at", sa.BigInteger(), nullable=True),
        sa.Column("purged_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')",
            name=op.f("ck_batches_status"),
        ),
        sa.CheckConstraint("rows > 0", name=op.f("ck_batches_rows_positive")),
        sa.CheckConstraint("rows_done + rows_failed <= rows", name=op.f("ck_batches_rows_counted")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
    )
    op.create_table(
        "batch_chunks",
        sa.Column("batch_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_holder", ID, nullable=True),
        sa.Column("part_digest", sa.String(length=64), nullable=True),
        sa.Column("rows_done", sa.Integer(), nullable=False),
        sa.Column("rows_failed", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'done')", name=op.f("ck_batch_chunks_status")
        ),
        sa.CheckConstraint("rows > 0", name=op.f("ck_batch_chunks_rows_positive")),
        sa.PrimaryKeyConstraint("batch_id", "number", name=op.f("pk_batch_chunks")),
    )
    op.create_table(
        "stored_files",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("puts", sa.Integer(), nullable=False),
        sa.Column("put_at", sa.BigInteger(), nullable=False),
        sa.Column("doomed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_stored_files")),
    )
    _make_indexes()


def _make_indexes() -> None:
    op.create_index("ix_batches_user_id", "batches", ["user_id", "id"], unique=False)
    for name, table, columns, where in (
        ("ix_batches_unfinished", "batches", ["user_id", "id"], UNFINISHED),
        ("ix_batches_file_digest", "batches", ["file_digest"], NOT_PURGED),
        ("ix_batch_chunks_unfinished", "batch_chunks", ["batch_id", "number"], UNFINISHED),
        ("ix_batch_chunks_part_digest", "batch_chunks", ["part_digest"], MADE),
    ):
        op.create_index(
            name, table, columns, unique=False, sqlite_where=where, postgresql_where=where
        )
