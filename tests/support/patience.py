"""As much patience as a test needs that is not about patience: machines stand still for seconds."""

from typing import Any

import pytest
from sqlalchemy import create_engine

from augury.kit import db, sqlite
from augury.predictions import batch_leases, job_leases
from augury.worker.embedded import Worker

_BUSY_SECONDS = 60
_LEASE_SECONDS = 3600


def be_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse no transaction, and end no lease, because somebody was not let run for a while.

    It is for what runs in this process; processes that a test starts keep their own patience.
    """
    for module in (sqlite, db):
        monkeypatch.setattr(module, "BUSY_SECONDS", _BUSY_SECONDS)
    options = [f"-c lock_timeout={_BUSY_SECONDS}s", *db._POSTGRES_OPTIONS[1:]]
    assert "lock_timeout" in db._POSTGRES_OPTIONS[0]
    monkeypatch.setattr(db, "_POSTGRES_OPTIONS", tuple(options))

    def patient(*given: Any, connect_args: dict[str, Any], **options: Any) -> Any:
        more = {"connect_timeout": _BUSY_SECONDS}
        return create_engine(*given, connect_args=connect_args | more, **options)

    monkeypatch.setattr(db, "create_engine", patient)
    for leases in (job_leases, batch_leases):
        monkeypatch.setattr(leases, "LEASE_SECONDS", _LEASE_SECONDS)
    # A duty that outlives its house would work in the database of the next test.
    monkeypatch.setattr(Worker.stop, "__defaults__", (_BUSY_SECONDS,))


def was_busy(answer: Any) -> bool:
    """Tell whether a process did nothing, since for seconds it could not get at its database.

    That is free, and whoever is told so asks again.
    """
    return bool(answer.status_code == 503 and answer.json()["code"] == "ledger_unavailable")
