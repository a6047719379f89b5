"""Models go on sale: immutable versions, announced changes, challengers, outcomes, audit log."""

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ID = sa.String(length=36).with_variant(sa.UUID(as_uuid=False), "postgresql")


def upgrade() -> None:
    """Apply."""
    op.add_column("models", sa.Column("title", sa.Text(), nullable=True))
    op.add_column("models", sa.Column("description", sa.Text(), nullable=True))
    op.add_column("aliases", sa.Column("next_version", sa.Integer(), nullable=True))
    op.add_column("aliases", sa.Column("next_from", sa.BigInteger(), nullable=True))
    _change_versions()
    op.create_table(
        "challengers",
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("share_percent", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("started_by", ID, nullable=False),
        sa.CheckConstraint("mode IN ('shadow', 'canary')", name=op.f("ck_challengers_mode")),
        sa.CheckConstraint(
            "share_percent BETWEEN 1 AND 100", name=op.f("ck_challengers_share_percent")
        ),
        sa.ForeignKeyConstraint(["model"], ["models.name"], name=op.f("fk_challengers_model")),
        sa.ForeignKeyConstraint(
            ["model", "version"],
            ["versions.model", "versions.version"],
            name=op.f("fk_challengers_version"),
        ),
        sa.PrimaryKeyConstraint("model", name=op.f("pk_challengers")),
    )
    state = op.create_table(
        "registry_state",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registry_state")),
    )
    op.bulk_insert(state, [{"id": 1, "revision": 1}])
    _create_observations()
    op.create_table(
        "audit_events",
        sa.Column("id", ID, nullable=False),
        sa.Column("actor_id", ID, nullable=True),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=True),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
    )
    op.create_index("ix_audit_events_subject", "audit_events", ["subject", "id"], unique=False)
    _make_immutable("audit_events")


def _change_versions() -> None:
    """Give every version its digest; what was published so far is active."""
    op.add_column("versions", sa.Column("status", sa.String(length=16), nullable=True))
    op.add_column("versions", sa.Column("digest", sa.String(length=64), nullable=True))
    op.add_column("versions", sa.Column("next_price", sa.BigInteger(), nullable=True))
    op.add_column("versions", sa.Column("next_price_from", sa.BigInteger(), nullable=True))
    op.add_column("versions", sa.Column("verdict", sa.Text(), nullable=True))
    op.add_column("versions", sa.Column("created_by", ID, nullable=True))
    connection = op.get_bind()
    rows = connection.execute(
        sa.text("SELECT model, version, artifact_sha256, manifest FROM versions")
    ).all()
    for row in rows:
        manifest = _renamed(row.manifest)
        digest = hashlib.sha256(f"{row.artifact_sha256}\n{manifest}".encode()).hexdigest()
        connection.execute(
            sa.text(
                "UPDATE versions SET status = 'active', manifest = :manifest, digest = :digest"
                " WHERE model = :model AND version = :version"
            ),
            {
                "manifest": manifest,
                "digest": digest,
                "model": row.model,
                "version": row.version,
            },
        )
    with op.batch_alter_table("versions") as batch:
        batch.alter_column("status", existing_type=sa.String(length=16), nullable=False)
        batch.alter_column("digest", existing_type=sa.String(length=64), nullable=False)
        batch.create_check_constraint(op.f("ck_versions_status"), "status IN ('active', 'retired')")
        batch.create_check_constraint(op.f("ck_versions_next_price_positive"), "next_price > 0")
        batch.create_unique_constraint(op.f("uq_versions_digest"), ["model", "digest"])


def _renamed(manifest: str) -> str:
    """Return a manifest whose self-test has `probabilities`, as they are called from now on."""
    told = json.loads(manifest)
    test = told["self_test"]
    if "default_probability" not in test:
        return manifest
    test["probabilities"] = test.pop("default_probability")
    return json.dumps(told, ensure_ascii=False, indent=2) + "\n"


def _create_observations() -> None:
    op.create_table(
        "outcomes",
        sa.Column("prediction_id", ID, nullable=False),
        sa.Column("row_index", sa.Integer(), nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.Column("sold_at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Integer(), nullable=False),
        sa.Column("reported_by", ID, nullable=False),
        sa.Column("reported_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("outcome IN (0, 1)", name=op.f("ck_outcomes_outcome")),
        sa.CheckConstraint("row_index >= 0", name=op.f("ck_outcomes_row_index_not_negative")),
        sa.PrimaryKeyConstraint("prediction_id", "row_index", name=op.f("pk_outcomes")),
    )
    op.create_index(
        "ix_outcomes_version", "outcomes", ["model", "version", "sold_at"], unique=False
    )
    op.create_table(
        "shadow_scores",
        sa.Column("prediction_id", ID, nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("champion", sa.Integer(), nullable=False),
        sa.Column("scores", sa.Text(), nullable=True),
        sa.Column("champion_scores", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("champion_seconds", sa.Double(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("prediction_id", "version", name=op.f("pk_shadow_scores")),
    )
    op.create_index("ix_shadow_scores_version", "shadow_scores", ["model", "version", "created_at"])
    op.create_table(
        "drift_states",
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("stability_index", sa.Double(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "level IN ('calm', 'watch', 'alert')", name=op.f("ck_drift_states_level")
        ),
        sa.PrimaryKeyConstraint("model", "version", "subject", name=op.f("pk_drift_states")),
    )


def _make_immutable(table: str) -> None:
    """Refuse to change or delete rows of a table, whoever asks."""
    refusal = f"rows of {table} are never changed or deleted"
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE FUNCTION refuse_change_of_{table}() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN RAISE EXCEPTION '{refusal}'; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {table}_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_{table}()"
        )
    else:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, '{refusal}'); END"
            )
