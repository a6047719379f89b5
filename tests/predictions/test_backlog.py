"""What waits, as operators' machines ask it: jobs, holds, deliveries, drift."""

from sqlalchemy import text

from augury.kit.clock import SECOND, now
from augury.kit.db import Database
from augury.ledger.audit import SWEEP_SECONDS
from augury.ledger.held import count_holds
from augury.notices.backlog import due_deliveries
from augury.predictions import job_outcomes
from augury.predictions.backlog import backlogs
from augury.predictions.closing import DEADLINE_SECONDS
from augury.predictions.drift import drifted
from support.jobs import change, claimed, customer, ordered


def test_nothing_waits_where_nothing_was_ordered(db: Database) -> None:
    with db.read() as tx:
        found = backlogs(tx)["prediction"]
        assert (found.unfinished, found.due, found.oldest_seconds) == (0, 0, 0)
        assert count_holds(tx) == (0, 0)
        assert due_deliveries(tx) == {"webhook": 0, "mail": 0}
        assert drifted(tx, [("m", 1)]) == {}


def test_what_is_being_worked_on_or_postponed_is_unfinished_and_not_due(db: Database) -> None:
    first, *_ = ordered(db, customer(db), 4)
    change(db, first, deadline_at=now() + (DEADLINE_SECONDS - 600) * SECOND)
    claimed(db)
    later = claimed(db)
    job_outcomes.postpone(db, later, 60, 1)
    with db.read() as tx:
        found = backlogs(tx)["prediction"]
        holds = count_holds(tx)
    assert (found.unfinished, found.due) == (4, 2)
    assert 600 <= found.oldest_seconds < 660
    assert holds == (4, 0)


def test_a_finished_job_waits_no_longer_and_its_hold_is_resolved(db: Database) -> None:
    ordered(db, customer(db))
    assert job_outcomes.succeed(db, claimed(db), "[]")
    with db.read() as tx:
        assert backlogs(tx)["prediction"].unfinished == 0
        assert count_holds(tx) == (0, 0)


def test_a_hold_is_overdue_a_minute_after_its_end(db: Database) -> None:
    ordered(db, customer(db), 2)
    late = text(
        "UPDATE holds SET expires_at = :moment"
        " WHERE id = (SELECT id FROM holds ORDER BY id LIMIT 1)"
    )
    for seconds, overdue in ((SWEEP_SECONDS - 30, 0), (SWEEP_SECONDS + 1, 1)):
        with db.write() as tx:
            tx.execute(late, {"moment": now() - seconds * SECOND})
        with db.read() as tx:
            assert count_holds(tx) == (2, overdue)


def test_drift_is_counted_for_champions_only(db: Database) -> None:
    states = [("m", 1, "a", "alert"), ("m", 2, "a", "alert"), ("m", 2, "b", "calm")]
    insert = text(
        "INSERT INTO drift_states (model, version, subject, level, stability_index, changed_at)"
        " VALUES (:model, :version, :subject, :level, 0, 0)"
    )
    names = ("model", "version", "subject", "level")
    with db.write() as tx:
        tx.execute(insert, [dict(zip(names, one, strict=True)) for one in states])
    with db.read() as tx:
        assert drifted(tx, [("m", 2), ("other", 1)]) == {("m", "alert"): 1, ("m", "calm"): 1}


def test_the_counting_goes_along_indexes(db: Database) -> None:
    """A table of finished work, however long, is never read through."""
    if db.dialect != "sqlite":
        return  # its planner reads a table of a few rows through whatever indexes there are
    wanted = {
        "SELECT next_at FROM jobs WHERE status IN ('queued', 'running')": "ix_jobs_",
        "SELECT MIN(deadline_at) FROM jobs WHERE status IN ('queued', 'running')": "ix_jobs_deadline",
        "SELECT expires_at FROM holds WHERE resolved_by IS NULL": "ix_holds_open",
        "SELECT id FROM deliveries WHERE status = 'pending' AND next_at <= 5": "ix_deliveries_due",
    }
    with db.read() as tx:
        for statement, index in wanted.items():
            plan = str(tx.execute(text(f"EXPLAIN QUERY PLAN {statement}")).all())
            assert index in plan, plan
