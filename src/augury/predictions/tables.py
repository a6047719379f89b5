"""Tables of the predictions. Only this room reads or writes them."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Double,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)

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
    # When `expiry.py` removed inputs, outputs and warnings: then they are EXPIRED.
    Column("expired_at", Int64),
    CheckConstraint("status IN ('succeeded')", name="status"),
    CheckConstraint("rows > 0", name="rows_positive"),
    CheckConstraint("expired_at IS NULL OR outputs = 'null'", name="expired_is_empty"),
    # By customer and time. With the model, so that a filter by it looks into the index alone, and
    # there at no more than `bought.py` says.
    Index("ix_predictions_user_model", "user_id", "id", "model"),
)

# Predictions that are made in the background, until they are sold: a job that succeeds is moved to
# `predictions` by the transaction that charges for it, so an id stands in one of the tables only.
jobs = Table(
    "jobs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", Id, nullable=False),
    Column("model", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("explain", Boolean, nullable=False),
    # Of the reasons.
    Column("language", String(8), nullable=False),
    Column("rows", Integer, nullable=False),
    # What is held for it in all, frozen.
    Column("price", Int64, nullable=False),
    Column("inputs", Text, nullable=False),
    Column("warnings", Text, nullable=False),
    Column("hold_id", Id, nullable=False),
    Column("status", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    # When somebody may take it up: when it is due, or when the lease of who has it ends.
    Column("next_at", Int64, nullable=False),
    Column("lease_holder", Id),
    Column("deadline_at", Int64, nullable=False),
    Column("error", String(64)),
    Column("created_at", Int64, nullable=False),
    Column("started_at", Int64),
    Column("completed_at", Int64),
    Column("expired_at", Int64),
    # The API key that ordered it, whose credit limit it counts against.
    Column("api_key_id", Id),
    CheckConstraint(
        "status IN ('queued', 'running', 'failed', 'cancelled')",
        name="status",
    ),
    CheckConstraint("rows > 0", name="rows_positive"),
    Index("ix_jobs_user_id", "user_id", "id"),
)
# Up to which identifier the contents of a table have been removed, so that nobody looks for the
# oldest that are left among all that are not.
expiries = Table(
    "expiries",
    metadata,
    Column("subject", String(32), primary_key=True),
    Column("up_to", Id, nullable=False),
)

# As statements say it too; a parameter would hide from the planner that the index serves them.
UNFINISHED = "status IN ('queued', 'running')"
Index(
    "ix_jobs_due",
    jobs.c.user_id,
    jobs.c.next_at,
    sqlite_where=text(UNFINISHED),
    postgresql_where=text(UNFINISHED),
)
Index(
    "ix_jobs_deadline",
    jobs.c.deadline_at,
    sqlite_where=text(UNFINISHED),
    postgresql_where=text(UNFINISHED),
)

# Files that are predicted row by row in the background, each paid for once, when it has ended.
batches = Table(
    "batches",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", Id, nullable=False),
    Column("model", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("explain", Boolean, nullable=False),
    # Of the reasons and of what is said about bad rows.
    Column("language", String(8), nullable=False),
    Column("file_name", String(200), nullable=False),
    Column("file_digest", String(64), nullable=False),
    # JSON: what the file was found to be.
    Column("form", Text, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("chunks", Integer, nullable=False),
    # Frozen, and what was held in all: for every row that can be read.
    Column("price_per_row", Int64, nullable=False),
    Column("held", Int64, nullable=False),
    Column("hold_id", Id, nullable=False),
    Column("status", String(16), nullable=False),
    # Of the chunks that are done.
    Column("chunks_done", Integer, nullable=False),
    Column("rows_done", Integer, nullable=False),
    Column("rows_failed", Integer, nullable=False),
    # The capture that paid, and how much; nothing until the batch has ended.
    Column("transfer_id", Id),
    Column("captured", Int64, nullable=False),
    Column("error", String(64)),
    Column("deadline_at", Int64, nullable=False),
    Column("created_at", Int64, nullable=False),
    Column("started_at", Int64),
    Column("completed_at", Int64),
    # When its files were given up: there are no chunks any more.
    Column("purged_at", Int64),
    Column("api_key_id", Id),
    CheckConstraint(
        "status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')",
        name="status",
    ),
    CheckConstraint("rows > 0", name="rows_positive"),
    CheckConstraint("rows_done + rows_failed <= rows", name="rows_counted"),
    Index("ix_batches_user_id", "user_id", "id"),
)
UNFINISHED_BATCH = "batches.status IN ('queued', 'running')"
Index(
    "ix_batches_unfinished",
    batches.c.user_id,
    batches.c.id,
    sqlite_where=text(UNFINISHED),
    postgresql_where=text(UNFINISHED),
)
NOT_PURGED = "purged_at IS NULL"
Index(
    "ix_batches_file_digest",
    batches.c.file_digest,
    sqlite_where=text(NOT_PURGED),
    postgresql_where=text(NOT_PURGED),
)

# What is leased and done at once: some rows of a batch's file, and the part of its results.
batch_chunks = Table(
    "batch_chunks",
    metadata,
    Column("batch_id", Id, nullable=False),
    Column("number", Integer, nullable=False),
    # The mark at which it begins.
    Column("row", Integer, nullable=False),
    Column("line", Integer, nullable=False),
    Column("position", Int64, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    # As of a job.
    Column("next_at", Int64, nullable=False),
    Column("lease_holder", Id),
    Column("part_digest", String(64)),
    Column("rows_done", Integer, nullable=False),
    Column("rows_failed", Integer, nullable=False),
    PrimaryKeyConstraint("batch_id", "number"),
    CheckConstraint("status IN ('queued', 'running', 'done')", name="status"),
    CheckConstraint("rows > 0", name="rows_positive"),
)
# Of a batch that has ended before, some stay in it until they are purged: nobody looks there.
UNFINISHED_CHUNK = "batch_chunks.status IN ('queued', 'running')"
Index(
    "ix_batch_chunks_unfinished",
    batch_chunks.c.batch_id,
    batch_chunks.c.number,
    sqlite_where=text(UNFINISHED),
    postgresql_where=text(UNFINISHED),
)
_MADE = "part_digest IS NOT NULL"
Index(
    "ix_batch_chunks_part_digest",
    batch_chunks.c.part_digest,
    sqlite_where=text(_MADE),
    postgresql_where=text(_MADE),
)

# What may be in the store: a row is there before its file and until it is gone. See `batch_store`.
stored_files = Table(
    "stored_files",
    metadata,
    Column("digest", String(64), primary_key=True),
    # How often, and when last, somebody put this content.
    Column("puts", Integer, nullable=False),
    Column("put_at", Int64, nullable=False),
    # Since when somebody deletes it.
    Column("doomed_at", Int64),
)

# What became of the cases that were predicted, as customers report it: 1 when the event happened.
outcomes = Table(
    "outcomes",
    metadata,
    Column("prediction_id", Id, nullable=False),
    Column("row_index", Integer, nullable=False),
    # Copied from the prediction, so that a version is judged without reading its answers again.
    Column("model", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("probability", Double, nullable=False),
    Column("sold_at", Int64, nullable=False),
    Column("outcome", Integer, nullable=False),
    Column("reported_by", Id, nullable=False),
    Column("reported_at", Int64, nullable=False),
    PrimaryKeyConstraint("prediction_id", "row_index"),
    CheckConstraint("outcome IN (0, 1)", name="outcome"),
    CheckConstraint("row_index >= 0", name="row_index_not_negative"),
    Index("ix_outcomes_version", "model", "version", "sold_at"),
)

# What a challenger would have answered to rows that the champion was asked; nobody pays for it.
shadow_scores = Table(
    "shadow_scores",
    metadata,
    Column("prediction_id", Id, nullable=False),
    Column("model", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("champion", Integer, nullable=False),
    # JSON: one probability for each row; none when the challenger failed.
    Column("scores", Text),
    Column("champion_scores", Text, nullable=False),
    # Of one call with these rows, one model after the other.
    Column("seconds", Double, nullable=False),
    Column("champion_seconds", Double, nullable=False),
    Column("created_at", Int64, nullable=False),
    PrimaryKeyConstraint("prediction_id", "version"),
    Index("ix_shadow_scores_version", "model", "version", "created_at"),
)

# How far the rows of late are from the training rows, when it was last looked at.
drift_states = Table(
    "drift_states",
    metadata,
    Column("model", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    # A field's name, or empty for the score.
    Column("subject", String(64), nullable=False),
    Column("level", String(16), nullable=False),
    Column("stability_index", Double, nullable=False),
    Column("changed_at", Int64, nullable=False),
    PrimaryKeyConstraint("model", "version", "subject"),
    CheckConstraint("level IN ('calm', 'watch', 'alert')", name="level"),
)

# What was sold of each model in each hour that is closed: see `hours.py`.
prediction_hours = Table(
    "prediction_hours",
    metadata,
    Column("hour", Int64, nullable=False),
    Column("model", String(64), nullable=False),
    Column("predictions", Int64, nullable=False),
    Column("rows", Int64, nullable=False),
    Column("credits", Int64, nullable=False),
    # JSON: how many were made within each limit of latency.
    Column("latencies", Text, nullable=False),
    PrimaryKeyConstraint("hour", "model"),
)
# One row: up to when hours are closed.
sums_state = Table(
    "sums_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("up_to", Int64, nullable=False),
)

# In which months a customer bought predictions of a model, and between which identifiers: see
# `bought.py`.
bought_months = Table(
    "bought_months",
    metadata,
    Column("user_id", Id, nullable=False),
    Column("model", String(64), nullable=False),
    # Like `2026-03`.
    Column("month", String(7), nullable=False),
    Column("first_id", Id, nullable=False),
    Column("last_id", Id, nullable=False),
    PrimaryKeyConstraint("user_id", "model", "month"),
)
# One row: up to when months are noted.
bought_state = Table(
    "bought_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("up_to", Int64, nullable=False),
)
# The processes that work in the background, each with when it last said so: see `workers.py`.
workers = Table(
    "workers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("host", String(255), nullable=False),
    Column("pid", Int64, nullable=False),
    Column("started_at", Int64, nullable=False),
    Column("seen_at", Int64, nullable=False),
    CheckConstraint("kind IN ('embedded', 'apart', 'rung')", name="kind"),
)
