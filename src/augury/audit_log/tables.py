"""Tables of the audit log. Only this room reads or writes them; the database refuses changes."""

from sqlalchemy import Column, Index, Integer, String, Table, Text

from augury.kit.db import Id, Int64, metadata

audit_events = Table(
    "audit_events",
    metadata,
    Column("id", Id, primary_key=True),
    # Nobody: the house itself, at a start or in a duty.
    Column("actor_id", Id),
    Column("action", String(64), nullable=False),
    Column("subject", String(200), nullable=False),
    # JSON: what it was before and is now, or what was done.
    Column("details", Text, nullable=False),
    Column("address", String(64)),
    Column("request_id", String(64)),
    Column("created_at", Int64, nullable=False),
    Index("ix_audit_events_subject", "subject", "id"),
)

# The chain over the events, in the order in which they were sealed: see `chain.py`.
audit_links = Table(
    "audit_links",
    metadata,
    # From 1 without gaps.
    Column("number", Int64, primary_key=True, autoincrement=False),
    Column("event_id", Id, nullable=False, unique=True),
    Column("link", String(64), nullable=False),
)
# Events without a link yet. A trigger writes this row with its event.
audit_unsealed = Table("audit_unsealed", metadata, Column("event_id", Id, primary_key=True))
# One row: the end of the chain, and what whoever seals locks.
audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", Int64, nullable=False),
    Column("link", String(64), nullable=False),
)
