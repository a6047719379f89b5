"""As much patience as tests need that are not about patience: machines stand still for seconds.

It is for what runs in this process; processes that a test starts keep their own.
"""

from typing import Any

import pytest
from sqlalchemy import URL, Engine, create_engine

from augury.kit import db, sqlite
from augury.papers import render
from augury.predictions import batch_leases, job_leases
from augury.worker.embedded import Worker

_SECONDS = 60
_LEASE_SECONDS = 3600


def await_databases() -> None:
    """Let threads wait long for a database before they are refused.

    The product's few seconds pass when the disk or the whole process stands still while somebody
    writes, or when all threads of a house open their connections on a machine that is busy.
    """
    sqlite.BUSY_SECONDS = db.BUSY_SECONDS = _SECONDS  # type: ignore[attr-defined] # what it imports is replaced
    lock_timeout, *others = db._POSTGRES_OPTIONS
    assert "lock_timeout" in lock_timeout
    db._POSTGRES_OPTIONS = (f"-c lock_timeout={_SECONDS}s", *others)  # type: ignore[assignment] # as many as before
    db.create_engine = _patient_engine  # type: ignore[assignment,attr-defined] # what it imports is replaced


def _patient_engine(url: URL, *, connect_args: dict[str, Any], **options: Any) -> Engine:
    more = {"connect_timeout": _SECONDS}
    return create_engine(url, connect_args=connect_args | more, **options)


def await_papers() -> None:
    """Wait long for a paper: on a busy machine the longest takes half of the product's patience."""
    render._MOST_SECONDS = 120.0


def await_duties() -> None:
    """End a house with its duties: one that outlives it would work in the next test's database."""
    Worker.stop.__defaults__ = (_SECONDS,)


def keep_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    """End no lease because somebody was not let run for a while."""
    for leases in (job_leases, batch_leases):
        monkeypatch.setattr(leases, "LEASE_SECONDS", _LEASE_SECONDS)


def was_busy(answer: Any) -> bool:
    """Tell whether a process did nothing, since for seconds it could not get at its database.

    That is free, and whoever is told so asks again.
    """
    return bool(answer.status_code == 503 and answer.json()["code"] == "ledger_unavailable")
