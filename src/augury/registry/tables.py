"""Tables of the registry. Only this room reads or writes them."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from augury.kit.db import Id, Int64, metadata

models = Table(
    "models",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("status", String(16), nullable=False),
    # JSON, both languages: what an administrator wrote instead of the manifest's texts.
    Column("title", Text),
    Column("description", Text),
    Column("created_at", Int64, nullable=False),
    CheckConstraint("status IN ('draft', 'active', 'retired')", name="status"),
)

# A version never changes but for its price and whether it is retired.
versions = Table(
    "versions",
    metadata,
    Column("model", String(64), ForeignKey("models.name"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("status", String(16), nullable=False),
    # SHA-256 over manifest and artefact: the same content is the same version.
    Column("digest", String(64), nullable=False),
    Column("price", Int64, nullable=False),
    # The price from that moment on, once one has been announced.
    Column("next_price", Int64),
    Column("next_price_from", Int64),
    Column("artifact_sha256", String(64), nullable=False),
    Column("manifest", Text, nullable=False),
    # The model card, Markdown, by language.
    Column("card_en", Text, nullable=False),
    Column("card_ru", Text, nullable=False),
    # JSON: what quarantine found; none for models that ship with the program.
    Column("verdict", Text),
    Column("created_by", Id),
    Column("created_at", Int64, nullable=False),
    CheckConstraint("price > 0", name="price_positive"),
    CheckConstraint("next_price > 0", name="next_price_positive"),
    CheckConstraint("status IN ('active', 'retired')", name="status"),
    UniqueConstraint("model", "digest", name="uq_versions_digest"),
)

aliases = Table(
    "aliases",
    metadata,
    Column("model", String(64), ForeignKey("models.name"), primary_key=True),
    Column("alias", String(64), primary_key=True),
    Column("version", Integer, nullable=False),
    # Where it points from that moment on: every process turns at the same instant.
    Column("next_version", Integer),
    Column("next_from", Int64),
)

# A version that is tried beside the champion, at most one for each model.
challengers = Table(
    "challengers",
    metadata,
    Column("model", String(64), ForeignKey("models.name"), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("mode", String(16), nullable=False),
    Column("share_percent", Integer, nullable=False),
    Column("started_at", Int64, nullable=False),
    Column("started_by", Id, nullable=False),
    CheckConstraint("mode IN ('shadow', 'canary')", name="mode"),
    CheckConstraint("share_percent BETWEEN 1 AND 100", name="share_percent"),
    ForeignKeyConstraint(
        ["model", "version"], ["versions.model", "versions.version"], name="fk_challengers_version"
    ),
)

# One row. Whoever changes what is on sale counts it up, and every process looks at it often.
registry_state = Table(
    "registry_state",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("revision", Int64, nullable=False),
)
