"""Tables of the users. Only this room reads or writes them."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, text

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
    # When its owner gave it up for good; then it is blocked, and has neither name nor address.
    Column("closed_at", Int64),
    # From sessions that have been deleted since.
    Column("last_seen_at", Int64),
    CheckConstraint("role IN ('customer', 'admin')", name="role"),
    CheckConstraint("status IN ('active', 'blocked')", name="status"),
)

BLOCKED = "status = 'blocked'"
Index("ix_users_blocked", users.c.id, sqlite_where=text(BLOCKED), postgresql_where=text(BLOCKED))

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
    # Of the last use: from where, and with which program and system, in short.
    Column("address", String(64)),
    Column("agent", String(64)),
)
# Sessions that were ended before their time: until their access tokens run out, the gate looks.
ended_sessions = Table(
    "ended_sessions",
    metadata,
    Column("session_id", Id, primary_key=True),
    Column("ended_at", Int64, nullable=False, index=True),
)

# One-time links for those who forgot their password. What is kept of one opens nothing.
password_resets = Table(
    "password_resets",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("user_id", Id, ForeignKey("users.id"), nullable=False, index=True),
    Column("created_at", Int64, nullable=False),
    Column("expires_at", Int64, nullable=False, index=True),
    # When it was used, or a newer one took its place.
    Column("spent_at", Int64),
)

# Keys of programs: what is kept of one tells nobody how it goes on.
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", Id, ForeignKey("users.id"), nullable=False),
    Column("name", String(100), nullable=False),
    # How the key begins, by which it is found and its owner knows it.
    Column("start", String(16), nullable=False, unique=True),
    # SHA-256 of the whole key, which is random enough that nobody can guess it from that.
    Column("digest", String(64), nullable=False),
    Column("scopes", String(64), nullable=False),
    Column("credit_limit", Int64),
    # Taken and held by sales with this key.
    Column("credits_used", Int64, nullable=False),
    Column("created_at", Int64, nullable=False),
    Column("expires_at", Int64),
    Column("last_used_at", Int64),
    Column("revoked_at", Int64),
    CheckConstraint("credits_used >= 0", name="used_not_negative"),
    CheckConstraint("credit_limit IS NULL OR credits_used <= credit_limit", name="within_limit"),
    Index("ix_api_keys_user_id", "user_id", "id"),
)
# One row. The revision goes up when somebody is blocked or a key is revoked: every process looks.
access_state = Table(
    "access_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("revision", Int64, nullable=False),
)
