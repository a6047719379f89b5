"""Money comes in: top-ups, their providers and refunds, vouchers, notices to customers."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.String(length=36).with_variant(sa.UUID(as_uuid=False), "postgresql")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "payment_methods",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.String(length=255), nullable=False),
        sa.Column("title", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("removed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_methods")),
    )
    op.create_index(
        "uq_payment_methods_reference",
        "payment_methods",
        ["user_id", "provider", "reference"],
        unique=True,
    )
    op.create_table(
        "payment_notifications",
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("event_id", sa.String(length=255), nullable=False),
        sa.Column("top_up_id", ID, nullable=True),
        sa.Column("outcome", sa.String(length=32), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "event_id", name=op.f("pk_payment_notifications")),
    )
    op.create_index(
        "ix_payment_notifications_top_up_id", "payment_notifications", ["top_up_id"], unique=False
    )
    op.create_table(
        "sandbox_payments",
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("top_up_id", ID, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("description", sa.String(length=200), nullable=False),
        sa.Column("return_url", sa.Text(), nullable=False),
        sa.Column("save_method", sa.Boolean(), nullable=False),
        sa.Column("method", sa.String(length=64), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'succeeded', 'failed')", name=op.f("ck_sandbox_payments_state")
        ),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_sandbox_payments")),
        sa.UniqueConstraint("top_up_id", name=op.f("uq_sandbox_payments_top_up_id")),
    )
    op.create_table(
        "top_ups",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("method_id", ID, nullable=True),
        sa.Column("save_method", sa.Boolean(), nullable=False),
        sa.Column("reference", sa.String(length=255), nullable=True),
        sa.Column("checkout_url", sa.Text(), nullable=True),
        sa.Column("key", sa.String(length=255), nullable=True),
        sa.Column("fingerprint", sa.String(length=64), nullable=True),
        sa.Column("refunded_credits", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("transfer_id", ID, nullable=True),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("attention", sa.String(length=64), nullable=True),
        sa.Column("check_at", sa.BigInteger(), nullable=True),
        sa.Column("checks", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("completed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(status IN ('succeeded', 'refunded')) = (transfer_id IS NOT NULL)",
            name=op.f("ck_top_ups_credited"),
        ),
        sa.CheckConstraint("origin IN ('customer', 'automatic')", name=op.f("ck_top_ups_origin")),
        sa.CheckConstraint(
            "status IN ('pending', 'succeeded', 'failed', 'expired', 'refunded')",
            name=op.f("ck_top_ups_status"),
        ),
        sa.CheckConstraint("credits > 0 AND amount_minor > 0", name=op.f("ck_top_ups_positive")),
        sa.CheckConstraint(
            "refunded_credits BETWEEN 0 AND credits AND refunded_minor BETWEEN 0 AND amount_minor",
            name=op.f("ck_top_ups_refunded_in_bounds"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_top_ups")),
    )
    op.create_index(
        "ix_top_ups_check",
        "top_ups",
        ["check_at"],
        unique=False,
        sqlite_where=sa.text("check_at IS NOT NULL"),
        postgresql_where=sa.text("check_at IS NOT NULL"),
    )
    op.create_index("ix_top_ups_user_id", "top_ups", ["user_id", "id"], unique=False)
    op.create_index(
        "uq_top_ups_automatic",
        "top_ups",
        ["user_id"],
        unique=True,
        sqlite_where=sa.text("origin = 'automatic' AND status = 'pending'"),
        postgresql_where=sa.text("origin = 'automatic' AND status = 'pending'"),
    )
    op.create_index(
        "uq_top_ups_key",
        "top_ups",
        ["user_id", "key"],
        unique=True,
        sqlite_where=sa.text("key IS NOT NULL"),
        postgresql_where=sa.text("key IS NOT NULL"),
    )
    op.create_index(
        "uq_top_ups_reference",
        "top_ups",
        ["provider", "reference"],
        unique=True,
        sqlite_where=sa.text("reference IS NOT NULL"),
        postgresql_where=sa.text("reference IS NOT NULL"),
    )
    op.create_table(
        "voucher_batches",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("codes", sa.Integer(), nullable=False),
        sa.Column("uses_per_code", sa.Integer(), nullable=False),
        sa.Column("uses_per_user", sa.Integer(), nullable=False),
        sa.Column("total_uses", sa.BigInteger(), nullable=False),
        sa.Column("uses_left", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("stopped_at", sa.BigInteger(), nullable=True),
        sa.Column("stopped_by", ID, nullable=True),
        sa.Column("key", sa.String(length=255), nullable=True),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("created_by", ID, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("credits > 0", name=op.f("ck_voucher_batches_credits_positive")),
        sa.CheckConstraint(
            "uses_left >= 0", name=op.f("ck_voucher_batches_uses_left_not_negative")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_voucher_batches")),
    )
    op.create_index(
        "uq_voucher_batches_key",
        "voucher_batches",
        ["created_by", "key"],
        unique=True,
        sqlite_where=sa.text("key IS NOT NULL"),
        postgresql_where=sa.text("key IS NOT NULL"),
    )
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", sa.String(length=500), nullable=False),
        sa.Column("sealed_secret", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("removed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "status IN ('active', 'disabled')", name=op.f("ck_webhook_endpoints_status")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoints")),
    )
    op.create_index(
        op.f("ix_webhook_endpoints_user_id"), "webhook_endpoints", ["user_id"], unique=False
    )
    op.create_table(
        "automatic_top_ups",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("method_id", ID, nullable=False),
        sa.Column("below", sa.BigInteger(), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("monthly_cap_minor", sa.BigInteger(), nullable=False),
        sa.Column("declines", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "below > 0 AND credits > 0 AND monthly_cap_minor > 0",
            name=op.f("ck_automatic_top_ups_positive"),
        ),
        sa.ForeignKeyConstraint(
            ["method_id"], ["payment_methods.id"], name=op.f("fk_automatic_top_ups_method_id")
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_automatic_top_ups")),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("endpoint_id", ID, nullable=True),
        sa.Column("event_id", ID, nullable=False),
        sa.Column("event_type", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("answer_status", sa.Integer(), nullable=True),
        sa.Column("answer", sa.String(length=500), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("completed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("channel IN ('webhook', 'mail')", name=op.f("ck_deliveries_channel")),
        sa.CheckConstraint(
            "status IN ('pending', 'succeeded', 'failed')", name=op.f("ck_deliveries_status")
        ),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["webhook_endpoints.id"], name=op.f("fk_deliveries_endpoint_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
    )
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["endpoint_id", "next_at"],
        unique=False,
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index("ix_deliveries_user_id", "deliveries", ["user_id", "id"], unique=False)
    op.create_table(
        "sandbox_refunds",
        sa.Column("refund_id", ID, nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_sandbox_refunds_positive")),
        sa.ForeignKeyConstraint(
            ["reference"], ["sandbox_payments.reference"], name=op.f("fk_sandbox_refunds_reference")
        ),
        sa.PrimaryKeyConstraint("refund_id", name=op.f("pk_sandbox_refunds")),
    )
    op.create_index(
        op.f("ix_sandbox_refunds_reference"), "sandbox_refunds", ["reference"], unique=False
    )
    op.create_table(
        "top_up_refunds",
        sa.Column("id", ID, nullable=False),
        sa.Column("top_up_id", ID, nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor_id", ID, nullable=False),
        sa.Column("hold_id", ID, nullable=False),
        sa.Column("transfer_id", ID, nullable=True),
        sa.Column("key", sa.String(length=255), nullable=True),
        sa.Column("fingerprint", sa.String(length=64), nullable=True),
        sa.Column("check_at", sa.BigInteger(), nullable=True),
        sa.Column("checks", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("completed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(status = 'succeeded') = (transfer_id IS NOT NULL)",
            name=op.f("ck_top_up_refunds_settled"),
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'succeeded', 'failed')", name=op.f("ck_top_up_refunds_status")
        ),
        sa.CheckConstraint(
            "credits > 0 AND amount_minor > 0", name=op.f("ck_top_up_refunds_positive")
        ),
        sa.ForeignKeyConstraint(
            ["top_up_id"], ["top_ups.id"], name=op.f("fk_top_up_refunds_top_up_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_top_up_refunds")),
        sa.UniqueConstraint("hold_id", name=op.f("uq_top_up_refunds_hold_id")),
    )
    op.create_index(
        "ix_top_up_refunds_check",
        "top_up_refunds",
        ["check_at"],
        unique=False,
        sqlite_where=sa.text("check_at IS NOT NULL"),
        postgresql_where=sa.text("check_at IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_top_up_refunds_top_up_id"), "top_up_refunds", ["top_up_id"], unique=False
    )
    op.create_index(
        "uq_top_up_refunds_key",
        "top_up_refunds",
        ["actor_id", "key"],
        unique=True,
        sqlite_where=sa.text("key IS NOT NULL"),
        postgresql_where=sa.text("key IS NOT NULL"),
    )
    op.create_table(
        "voucher_uses",
        sa.Column("batch_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["voucher_batches.id"], name=op.f("fk_voucher_uses_batch_id")
        ),
        sa.PrimaryKeyConstraint("batch_id", "user_id", name=op.f("pk_voucher_uses")),
    )
    op.create_table(
        "vouchers",
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("batch_id", ID, nullable=False),
        sa.Column("uses_left", sa.Integer(), nullable=False),
        sa.CheckConstraint("uses_left >= 0", name=op.f("ck_vouchers_uses_left_not_negative")),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["voucher_batches.id"], name=op.f("fk_vouchers_batch_id")
        ),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_vouchers")),
    )
    op.create_index(op.f("ix_vouchers_batch_id"), "vouchers", ["batch_id"], unique=False)
    op.create_table(
        "voucher_redemptions",
        sa.Column("id", ID, nullable=False),
        sa.Column("batch_id", ID, nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("transfer_id", ID, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["voucher_batches.id"], name=op.f("fk_voucher_redemptions_batch_id")
        ),
        sa.ForeignKeyConstraint(
            ["code_hash"], ["vouchers.code_hash"], name=op.f("fk_voucher_redemptions_code_hash")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_voucher_redemptions")),
        sa.UniqueConstraint("transfer_id", name=op.f("uq_voucher_redemptions_transfer_id")),
    )
    op.create_index(
        "ix_voucher_redemptions_batch_id", "voucher_redemptions", ["batch_id", "id"], unique=False
    )
    op.add_column("accounts", sa.Column("alert_below", sa.BigInteger(), nullable=True))
    op.add_column(
        "users", sa.Column("language", sa.String(length=8), server_default="en", nullable=False)
    )
