"""Tables of the vouchers. Only this room reads or writes them."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, String, Table

from augury.kit.db import Id, Int64, metadata

batches = Table(
    "voucher_batches",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("credits", Int64, nullable=False),
    Column("codes", Integer, nullable=False),
    Column("uses_per_code", Integer, nullable=False),
    Column("uses_per_user", Integer, nullable=False),
    Column("total_uses", Int64, nullable=False),
    # What is left of the limit of the whole batch; counted down by compare-and-swap.
    Column("uses_left", Int64, nullable=False),
    Column("expires_at", Int64),
    Column("stopped_at", Int64),
    Column("stopped_by", Id),
    Column("key", String(255)),
    Column("fingerprint", String(64), nullable=False),
    Column("created_by", Id, nullable=False),
    Column("created_at", Int64, nullable=False),
    CheckConstraint("credits > 0", name="credits_positive"),
    CheckConstraint("uses_left >= 0", name="uses_left_not_negative"),
)
Index(
    "uq_voucher_batches_key",
    batches.c.created_by,
    batches.c.key,
    unique=True,
    sqlite_where=batches.c.key.is_not(None),
    postgresql_where=batches.c.key.is_not(None),
)
vouchers = Table(
    "vouchers",
    metadata,
    Column("code_hash", String(64), primary_key=True),
    Column("batch_id", Id, ForeignKey("voucher_batches.id"), nullable=False, index=True),
    Column("uses_left", Integer, nullable=False),
    CheckConstraint("uses_left >= 0", name="uses_left_not_negative"),
)
# How often a user has redeemed codes of a batch.
uses = Table(
    "voucher_uses",
    metadata,
    Column("batch_id", Id, ForeignKey("voucher_batches.id"), primary_key=True),
    Column("user_id", Id, primary_key=True),
    Column("uses", Integer, nullable=False),
)
# Each redemption with the transfer that it made.
redemptions = Table(
    "voucher_redemptions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("batch_id", Id, ForeignKey("voucher_batches.id"), nullable=False),
    Column("code_hash", String(64), ForeignKey("vouchers.code_hash"), nullable=False),
    Column("user_id", Id, nullable=False),
    Column("transfer_id", Id, nullable=False, unique=True),
    Column("created_at", Int64, nullable=False),
    Index("ix_voucher_redemptions_batch_id", "batch_id", "id"),
)
