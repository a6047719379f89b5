"""Tables of the payments. Only this room reads or writes them."""

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table
from sqlalchemy import Text as LongText

from augury.kit.db import Id, Int64, metadata

# Credits that a customer buys. The row is made before the provider hears of it, so that whatever
# the provider says later finds it.
top_ups = Table(
    "top_ups",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", Id, nullable=False),
    Column("origin", String(16), nullable=False),
    Column("provider", String(32), nullable=False),
    Column("status", String(16), nullable=False),
    Column("credits", Int64, nullable=False),
    Column("amount_minor", Int64, nullable=False),
    Column("currency", String(3), nullable=False),
    # The saved payment method of an automatic top-up; a checkout may ask to save one.
    Column("method_id", Id),
    Column("save_method", Boolean, nullable=False),
    # The provider's own name of the payment; nothing until the provider has answered.
    Column("reference", String(255)),
    Column("checkout_url", LongText),
    Column("key", String(255)),
    Column("fingerprint", String(64)),
    # What went back, or is on its way back, of credits and of money.
    Column("refunded_credits", Int64, nullable=False),
    Column("refunded_minor", Int64, nullable=False),
    Column("transfer_id", Id),
    # Why it failed, and why an administrator should look at it: stable codes.
    Column("reason", String(64)),
    Column("attention", String(64)),
    # When to ask the provider about it next; nothing when there is nothing to ask any more.
    Column("check_at", Int64),
    Column("checks", Integer, nullable=False),
    Column("created_at", Int64, nullable=False),
    Column("expires_at", Int64, nullable=False),
    Column("completed_at", Int64),
    CheckConstraint(
        "status IN ('pending', 'succeeded', 'failed', 'expired', 'refunded')", name="status"
    ),
    CheckConstraint("origin IN ('customer', 'automatic')", name="origin"),
    CheckConstraint("credits > 0 AND amount_minor > 0", name="positive"),
    CheckConstraint(
        "refunded_credits BETWEEN 0 AND credits AND refunded_minor BETWEEN 0 AND amount_minor",
        name="refunded_in_bounds",
    ),
    # Credited if and only if it succeeded, whatever the code does.
    CheckConstraint(
        "(status IN ('succeeded', 'refunded')) = (transfer_id IS NOT NULL)", name="credited"
    ),
    Index("ix_top_ups_user_id", "user_id", "id"),
)
Index(
    "uq_top_ups_reference",
    top_ups.c.provider,
    top_ups.c.reference,
    unique=True,
    sqlite_where=top_ups.c.reference.is_not(None),
    postgresql_where=top_ups.c.reference.is_not(None),
)
Index(
    "uq_top_ups_key",
    top_ups.c.user_id,
    top_ups.c.key,
    unique=True,
    sqlite_where=top_ups.c.key.is_not(None),
    postgresql_where=top_ups.c.key.is_not(None),
)
Index(
    "ix_top_ups_check",
    top_ups.c.check_at,
    sqlite_where=top_ups.c.check_at.is_not(None),
    postgresql_where=top_ups.c.check_at.is_not(None),
)
# A customer never has two automatic top-ups under way.
_automatic_pending = (top_ups.c.origin == "automatic") & (top_ups.c.status == "pending")
Index(
    "uq_top_ups_automatic",
    top_ups.c.user_id,
    unique=True,
    sqlite_where=_automatic_pending,
    postgresql_where=_automatic_pending,
)

# Credits are held while the provider gives the money back, and both are settled together.
refunds = Table(
    "top_up_refunds",
    metadata,
    Column("id", Id, primary_key=True),
    Column("top_up_id", Id, ForeignKey("top_ups.id"), nullable=False, index=True),
    Column("status", String(16), nullable=False),
    Column("credits", Int64, nullable=False),
    Column("amount_minor", Int64, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("reason", LongText, nullable=False),
    Column("actor_id", Id, nullable=False),
    Column("hold_id", Id, nullable=False, unique=True),
    Column("transfer_id", Id),
    Column("key", String(255)),
    Column("fingerprint", String(64)),
    Column("check_at", Int64),
    Column("checks", Integer, nullable=False),
    Column("created_at", Int64, nullable=False),
    Column("completed_at", Int64),
    CheckConstraint("status IN ('pending', 'succeeded', 'failed')", name="status"),
    CheckConstraint("credits > 0 AND amount_minor > 0", name="positive"),
    CheckConstraint("(status = 'succeeded') = (transfer_id IS NOT NULL)", name="settled"),
)
Index(
    "uq_top_up_refunds_key",
    refunds.c.actor_id,
    refunds.c.key,
    unique=True,
    sqlite_where=refunds.c.key.is_not(None),
    postgresql_where=refunds.c.key.is_not(None),
)
Index(
    "ix_top_up_refunds_check",
    refunds.c.check_at,
    sqlite_where=refunds.c.check_at.is_not(None),
    postgresql_where=refunds.c.check_at.is_not(None),
)

# Every verified notification, once; what came of it is kept for whoever has to explain it.
notifications = Table(
    "payment_notifications",
    metadata,
    Column("provider", String(32), primary_key=True),
    Column("event_id", String(255), primary_key=True),
    Column("top_up_id", Id),
    Column("outcome", String(32), nullable=False),
    Column("received_at", Int64, nullable=False),
    Index("ix_payment_notifications_top_up_id", "top_up_id"),
)

# What a provider may charge again without the customer being there. `reference` is worth nothing
# without the operator's own key at the provider.
methods = Table(
    "payment_methods",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", Id, nullable=False),
    Column("provider", String(32), nullable=False),
    Column("reference", String(255), nullable=False),
    Column("title", String(64), nullable=False),
    Column("created_at", Int64, nullable=False),
    Column("removed_at", Int64),
    Index("uq_payment_methods_reference", "user_id", "provider", "reference", unique=True),
)

automatic = Table(
    "automatic_top_ups",
    metadata,
    Column("user_id", Id, primary_key=True),
    Column("method_id", Id, ForeignKey("payment_methods.id"), nullable=False),
    Column("below", Int64, nullable=False),
    Column("credits", Int64, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("monthly_cap_minor", Int64, nullable=False),
    # Declined payments in a row, and the moment before which nothing is tried again.
    Column("declines", Integer, nullable=False),
    Column("not_before", Int64, nullable=False),
    Column("updated_at", Int64, nullable=False),
    CheckConstraint("below > 0 AND credits > 0 AND monthly_cap_minor > 0", name="positive"),
)

# The sandbox bank's own books, as far from ours as another company's would be.
sandbox_payments = Table(
    "sandbox_payments",
    metadata,
    Column("reference", String(64), primary_key=True),
    Column("top_up_id", Id, nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    Column("amount_minor", Int64, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("description", String(200), nullable=False),
    Column("return_url", LongText, nullable=False),
    Column("save_method", Boolean, nullable=False),
    Column("method", String(64)),
    Column("language", String(8), nullable=False),
    Column("created_at", Int64, nullable=False),
    Column("expires_at", Int64, nullable=False),
    CheckConstraint("state IN ('pending', 'succeeded', 'failed')", name="state"),
)
sandbox_refunds = Table(
    "sandbox_refunds",
    metadata,
    Column("refund_id", Id, primary_key=True),
    Column(
        "reference",
        String(64),
        ForeignKey("sandbox_payments.reference"),
        nullable=False,
        index=True,
    ),
    Column("amount_minor", Int64, nullable=False),
    Column("created_at", Int64, nullable=False),
    CheckConstraint("amount_minor > 0", name="positive"),
)

# Invoices for those who pay by bank transfer. The number is counted within a year, without gaps.
invoices = Table(
    "invoices",
    metadata,
    Column("number", String(32), primary_key=True),
    Column("year", Integer, nullable=False),
    Column("serial", Integer, nullable=False),
    Column("top_up_id", Id, nullable=False, unique=True),
    Column("amount_minor", Int64, nullable=False),
    Column("currency", String(3), nullable=False),
    # Both parties as they were then: a paper that was sent out does not change.
    Column("seller", LongText, nullable=False),
    Column("buyer", LongText, nullable=False),
    Column("language", String(8), nullable=False),
    Column("created_at", Int64, nullable=False),
    Column("due_at", Int64, nullable=False),
    Column("paid_at", Int64),
    # The line of a bank statement that paid it, or the administrator who says so.
    Column("paid_by_line", String(64), unique=True),
    Column("paid_by_actor", Id),
    Index("uq_invoices_year_serial", "year", "serial", unique=True),
)
invoice_refunds = Table(
    "invoice_refunds",
    metadata,
    Column("refund_id", Id, primary_key=True),
    Column("number", String(32), ForeignKey("invoices.number"), nullable=False, index=True),
    Column("amount_minor", Int64, nullable=False),
    Column("created_at", Int64, nullable=False),
    CheckConstraint("amount_minor > 0", name="positive"),
)
bank_lines = Table(
    "bank_statement_lines",
    metadata,
    # A hash of what the bank says of the line, so that importing a file again finds it known.
    Column("id", String(64), primary_key=True),
    Column("booked_on", String(10), nullable=False),
    Column("amount_minor", Int64, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("payer", String(200), nullable=False),
    Column("purpose", LongText, nullable=False),
    Column("invoice_number", String(32)),
    Column("outcome", String(32), nullable=False),
    Column("imported_by", Id, nullable=False),
    Column("imported_at", Int64, nullable=False),
    Index("ix_bank_statement_lines_imported_at", "imported_at", "id"),
    Index("ix_bank_statement_lines_outcome", "outcome", "imported_at", "id"),
)
