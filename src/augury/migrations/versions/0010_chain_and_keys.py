"""The audit log's chain, API keys, and what was sold in each hour."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ID = sa.String(length=36).with_variant(sa.UUID(as_uuid=False), "postgresql")
NOTE = "INSERT INTO audit_unsealed (event_id) VALUES (NEW.id)"


def upgrade() -> None:
    """Apply."""
    _chain()
    _keys()
    _hours()
    _note_events()
    # Last, because sales want these: in the order in which a sale takes them.
    op.add_column("jobs", sa.Column("api_key_id", ID, nullable=True))
    op.add_column("batches", sa.Column("api_key_id", ID, nullable=True))


def _chain() -> None:
    op.create_table(
        "audit_links",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", ID, nullable=False),
        sa.Column("link", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_links")),
        sa.UniqueConstraint("event_id", name=op.f("uq_audit_links_event_id")),
    )
    op.create_table(
        "audit_unsealed",
        sa.Column("event_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_audit_unsealed")),
    )
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("link", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    op.bulk_insert(head, [{"id": 1, "number": 0, "link": "0" * 64}])
    refusal = "rows of audit_links are never changed or deleted"
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_change_of_audit_links() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN RAISE EXCEPTION '{refusal}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_links_immutable BEFORE UPDATE OR DELETE OR TRUNCATE"
            " ON audit_links FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit_links()"
        )
    else:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_links_no_{verb.lower()} BEFORE {verb} ON audit_links"
                f" BEGIN SELECT RAISE(ABORT, '{refusal}'); END"
            )


def _note_events() -> None:
    """Note every event for the chain, also those that programs of before write, or wrote."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION note_audit_event() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN {NOTE}; RETURN NULL; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_events_noted AFTER INSERT ON audit_events"
            " FOR EACH ROW EXECUTE FUNCTION note_audit_event()"
        )
    else:
        op.execute(
            f"CREATE TRIGGER audit_events_noted AFTER INSERT ON audit_events BEGIN {NOTE}; END"
        )
    op.execute("INSERT INTO audit_unsealed (event_id) SELECT id FROM audit_events")


def _keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("start", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.String(length=64), nullable=False),
        sa.Column("credit_limit", sa.BigInteger(), nullable=True),
        sa.Column("credits_used", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("credits_used >= 0", name=op.f("ck_api_keys_used_not_negative")),
        sa.CheckConstraint(
            "credit_limit IS NULL OR credits_used <= credit_limit",
            name=op.f("ck_api_keys_within_limit"),
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_api_keys_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("start", name=op.f("uq_api_keys_start")),
    )
    op.create_index("ix_api_keys_user_id", "api_keys", ["user_id", "id"], unique=False)
    state = op.create_table(
        "access_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_state")),
    )
    op.bulk_insert(state, [{"id": 1, "revision": 0}])


def _hours() -> None:
    op.create_table(
        "prediction_hours",
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("predictions", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("latencies", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "model", name=op.f("pk_prediction_hours")),
    )
    state = op.create_table(
        "sums_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("up_to", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sums_state")),
    )
    op.bulk_insert(state, [{"id": 1, "up_to": 0}])
