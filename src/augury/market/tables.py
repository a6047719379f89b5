"""Tables of the market room. Only this room reads or writes them."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
)

from augury.kit.db import Int64, metadata

market_series = Table(
    "market_series",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("symbol", String(32), primary_key=True),
    Column("title_en", String(120)),
    Column("title_ru", String(120)),
    Column("source", String(120), nullable=False),
    Column("licence", String(120), nullable=False),
    # A currency or what else is counted: USD, %, index.
    Column("unit", String(16), nullable=False),
    Column("frequency", String(16), nullable=False),
    # How many days after the end of its period a value becomes known.
    Column("lag_days", Integer, nullable=False),
    # Days since 1970.
    Column("first_day", Integer, nullable=False),
    Column("last_day", Integer, nullable=False),
    Column("points", Integer, nullable=False),
    # SHA-256 of the content: the same days and values are kept once.
    Column("digest", String(64), nullable=False),
    # The number of the change that brought it.
    Column("revision", Int64, nullable=False),
    Column("created_at", Int64, nullable=False),
    Column("updated_at", Int64, nullable=False),
    CheckConstraint("kind IN ('price', 'indicator')", name="kind"),
    CheckConstraint("points > 0", name="points_positive"),
    CheckConstraint("first_day <= last_day", name="days_in_order"),
    Index("ix_market_series_digest", "digest"),
)

market_contents = Table(
    "market_contents",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("points", Integer, nullable=False),
    Column("packed", LargeBinary, nullable=False),
)

# One row. Whoever changes a series counts it up, and every process looks at it often.
market_state = Table(
    "market_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("revision", Int64, nullable=False),
)
