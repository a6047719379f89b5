"""Tables of the notices. Only this room reads or writes them."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text

from augury.kit.db import Id, Int64, metadata

# An address of a customer's server that wants to hear of events.
endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", Id, nullable=False, index=True),
    Column("url", Text, nullable=False),
    # Event types with a space on both sides of each, so that none is found inside another.
    Column("events", String(500), nullable=False),
    # Encrypted: whoever reads the database alone cannot sign in our name.
    Column("sealed_secret", Text, nullable=False),
    Column("status", String(16), nullable=False),
    # Deliveries that were given up in a row; too many disable the endpoint.
    Column("failures", Integer, nullable=False),
    # Since when nothing has got through; too long disables it as well.
    Column("failing_since", Int64),
    Column("created_at", Int64, nullable=False),
    Column("removed_at", Int64),
    CheckConstraint("status IN ('active', 'disabled')", name="status"),
)

# The outbox: one event for one recipient. Written in the transaction that makes the event true.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", Id, nullable=False),
    Column("channel", String(16), nullable=False),
    Column("endpoint_id", Id, ForeignKey("webhook_endpoints.id")),
    # The same for every delivery of one event: the receiver's protection against doubles.
    Column("event_id", Id, nullable=False),
    Column("event_type", String(64), nullable=False),
    Column("body", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    # The moment of the next attempt; whoever makes one moves it first, and that is its lease.
    Column("next_at", Int64, nullable=False),
    Column("answer_status", Integer),
    Column("answer", String(500)),
    Column("created_at", Int64, nullable=False),
    Column("completed_at", Int64),
    CheckConstraint("status IN ('pending', 'succeeded', 'failed')", name="status"),
    CheckConstraint("channel IN ('webhook', 'mail')", name="channel"),
    Index("ix_deliveries_user_id", "user_id", "id"),
)
# An endpoint's own queue: one that does not answer must not stand in front of the others.
Index(
    "ix_deliveries_due",
    deliveries.c.endpoint_id,
    deliveries.c.next_at,
    sqlite_where=deliveries.c.status == "pending",
    postgresql_where=deliveries.c.status == "pending",
)
