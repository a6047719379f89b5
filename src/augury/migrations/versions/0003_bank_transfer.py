"""Money comes in by bank transfer: invoices, and the lines of bank statements."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.String(length=36).with_variant(sa.UUID(as_uuid=False), "postgresql")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "bank_statement_lines",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("booked_on", sa.String(length=10), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("payer", sa.String(length=200), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("invoice_number", sa.String(length=32), nullable=True),
        sa.Column("outcome", sa.String(length=32), nullable=False),
        sa.Column("imported_by", ID, nullable=False),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_statement_lines")),
    )
    op.create_index(
        "ix_bank_statement_lines_imported_at",
        "bank_statement_lines",
        ["imported_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_bank_statement_lines_outcome",
        "bank_statement_lines",
        ["outcome", "imported_at", "id"],
        unique=False,
    )
    op.create_table(
        "invoices",
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("top_up_id", ID, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("seller", sa.Text(), nullable=False),
        sa.Column("buyer", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("paid_at", sa.BigInteger(), nullable=True),
        sa.Column("paid_by_line", sa.String(length=64), nullable=True),
        sa.Column("paid_by_actor", ID, nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_invoices")),
        sa.UniqueConstraint("paid_by_line", name=op.f("uq_invoices_paid_by_line")),
        sa.UniqueConstraint("top_up_id", name=op.f("uq_invoices_top_up_id")),
    )
    op.create_index("uq_invoices_year_serial", "invoices", ["year", "serial"], unique=True)
    op.create_table(
        "invoice_refunds",
        sa.Column("refund_id", ID, nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_invoice_refunds_positive")),
        sa.ForeignKeyConstraint(
            ["number"], ["invoices.number"], name=op.f("fk_invoice_refunds_number")
        ),
        sa.PrimaryKeyConstraint("refund_id", name=op.f("pk_invoice_refunds")),
    )
    op.create_index(op.f("ix_invoice_refunds_number"), "invoice_refunds", ["number"], unique=False)
