"""Tables of the predictions. Only this room reads or writes them."""

from sqlalchemy import CheckConstraint, Column, Index, Integer, String, Table, Text

from augury.kit.db import Id, Int64, metadata

predictions = Table(
    "predictions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", Id, nullable=False),
    Column("model", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("rows", Integer, nullable=False),
    # What the sale cost in all, frozen: a later price changes nothing here.
    Column("price", Int64, nullable=False),
    # JSON: what came, without its blanks, and what was answered.
    Column("inputs", Text, nullable=False),
    Column("outputs", Text, nullable=False),
    Column("warnings", Text, nullable=False),
    # The transfer that paid, which refers back to this row. `audit.py` finds one without the other.
    Column("transfer_id", Id, nullable=False),
    Column("created_at", Int64, nullable=False),
    Column("completed_at", Int64, nullable=False),
    CheckConstraint("status IN ('succeeded')", name="status"),
    CheckConstraint("rows > 0", name="rows_positive"),
    Index("ix_predictions_user_id", "user_id", "id"),
)
