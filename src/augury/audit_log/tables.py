"""Table of the audit log. Only this room reads or writes it; the database refuses changes."""

from sqlalchemy import Column, Index, String, Table, Text

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
