"""Tables of the ledger. Only this room reads or writes them."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, String, Table, Text, text

from augury.kit.db import Id, Int64, metadata
from augury.ledger.core import RESOLVING, Counterparty, TransferType

accounts = Table(
    "accounts",
    metadata,
    # A customer's account carries the customer's own id; system accounts have no row: what they
    # have is the sum of their transfers, so that no hot row serialises all sales.
    Column("id", Id, primary_key=True),
    Column("posted", Int64, nullable=False),
    Column("held", Int64, nullable=False),
    Column("transfers", Int64, nullable=False),
    Column("opened_at", Int64, nullable=False),
    # The customer is told when what can be spent falls below this.
    Column("alert_below", Int64),
    # Its customer has left: nothing moves any more.
    Column("closed_at", Int64),
    CheckConstraint("held >= 0", name="held_not_negative"),
    CheckConstraint("posted >= held", name="available_not_negative"),
)

_types = ", ".join(f"'{kind}'" for kind in TransferType)
_parties = ", ".join(f"'{party}'" for party in Counterparty)

transfers = Table(
    "transfers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False),
    # The place in the account's journal, from 1 without gaps.
    Column("number", Int64, nullable=False),
    Column("type", String(16), nullable=False),
    # The other side. Not a foreign key: on PostgreSQL each insert would lock the one row that
    # every sale shares.
    Column("counterparty_id", Id, nullable=False),
    # What it adds to the customer's account; the counterparty gets the opposite of `posted`.
    Column("posted", Int64, nullable=False),
    Column("held", Int64, nullable=False),
    Column("available_after", Int64, nullable=False),
    Column("reference", String(64), nullable=False),
    Column("hold_id", Id),
    Column("corrects", Id),
    Column("actor_id", Id),
    Column("reason", Text),
    Column("created_at", Int64, nullable=False),
    Column("link", String(64), nullable=False),
    CheckConstraint(f"type IN ({_types})", name="type"),
    CheckConstraint(f"counterparty_id IN ({_parties})", name="counterparty"),
    CheckConstraint("available_after >= 0", name="available_not_negative"),
    Index("uq_transfers_account_number", "account_id", "number", unique=True),
)
# A hold resolves at most once, whatever the code does.
Index(
    "uq_transfers_resolved_hold",
    transfers.c.hold_id,
    unique=True,
    sqlite_where=transfers.c.type.in_(sorted(RESOLVING)),
    postgresql_where=transfers.c.type.in_(sorted(RESOLVING)),
)

Index(
    "ix_transfers_corrects",
    transfers.c.corrects,
    sqlite_where=transfers.c.corrects.is_not(None),
    postgresql_where=transfers.c.corrects.is_not(None),
)

# A reference begins with a time, so this grows at one end like the keys.
Index("ix_transfers_reference", transfers.c.reference, transfers.c.account_id)
# For filters by type. Sales write almost nothing else than charges, and do not pay for it.
RARE = "type <> 'charge'"
Index(
    "ix_transfers_type",
    transfers.c.account_id,
    transfers.c.type,
    transfers.c.number,
    sqlite_where=text(RARE),
    postgresql_where=text(RARE),
)

holds = Table(
    "holds",
    metadata,
    Column("id", Id, primary_key=True),  # the id of the transfer that made it
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False),
    Column("amount", Int64, nullable=False),
    Column("expires_at", Int64, nullable=False),
    Column("resolved_by", Id),
    CheckConstraint("amount > 0", name="amount_positive"),
)
Index(
    "ix_holds_open",
    holds.c.expires_at,
    sqlite_where=holds.c.resolved_by.is_(None),
    postgresql_where=holds.c.resolved_by.is_(None),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("account_id", Id, ForeignKey("accounts.id"), primary_key=True),
    Column("key", String(320), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("reference", String(64), nullable=False),
    Column("created_at", Int64, nullable=False, index=True),
)
