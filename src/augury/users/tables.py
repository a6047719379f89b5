"""Tables of the users. Only this room reads or writes them."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, String, Table

from augury.kit.db import Id, Int64, metadata

users = Table(
    "users",
    metadata,
    Column("id", Id, primary_key=True),
    Column("username", String(64), nullable=False),
    Column("email", String(254), nullable=False),
    # Case-folded, so that "Анна" and "АННА" are one person.
    Column("username_key", String(128), nullable=False, unique=True),
    Column("email_key", String(508), nullable=False, unique=True),
    Column("password_hash", String(128), nullable=False),
    Column("role", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("created_at", Int64, nullable=False),
    # For what is sent without a request that says it: e-mail and papers.
    Column("language", String(8), nullable=False, server_default="en"),
    CheckConstraint("role IN ('customer', 'admin')", name="role"),
    CheckConstraint("status IN ('active', 'blocked')", name="status"),
)

# A session is a family of refresh tokens of which only the newest counts.
sessions = Table(
    "sessions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", Id, ForeignKey("users.id"), nullable=False, index=True),
    # How often it was refreshed: the refresh token of an earlier generation is a copy.
    Column("generation", Int64, nullable=False),
    Column("created_at", Int64, nullable=False),
    Column("expires_at", Int64, nullable=False),
    Column("revoked_at", Int64),
    Column("revoked_because", String(16)),
)
