"""Tables of the registry. Only this room reads or writes them."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, String, Table, Text

from augury.kit.db import Int64, metadata

models = Table(
    "models",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("status", String(16), nullable=False),
    Column("created_at", Int64, nullable=False),
    CheckConstraint("status IN ('draft', 'active', 'retired')", name="status"),
)

versions = Table(
    "versions",
    metadata,
    Column("model", String(64), ForeignKey("models.name"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("price", Int64, nullable=False),
    Column("artifact_sha256", String(64), nullable=False),
    Column("manifest", Text, nullable=False),
    # The model card, Markdown, by language.
    Column("card_en", Text, nullable=False),
    Column("card_ru", Text, nullable=False),
    Column("created_at", Int64, nullable=False),
    CheckConstraint("price > 0", name="price_positive"),
)

aliases = Table(
    "aliases",
    metadata,
    Column("model", String(64), ForeignKey("models.name"), primary_key=True),
    Column("alias", String(64), primary_key=True),
    Column("version", Integer, nullable=False),
)
