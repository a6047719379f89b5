"""As much patience as a test needs that is not about patience: machines stand still for seconds."""

from typing import Any

import pytest

from augury.predictions import batch_leases, job_leases
from augury.worker.embedded import Worker

_STOP_SECONDS = 60
_LEASE_SECONDS = 3600


def be_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """End no lease, and leave no duty behind, because somebody was not let run for a while.

    It is for what runs in this process; processes that a test starts keep their own patience.
    """
    for leases in (job_leases, batch_leases):
        monkeypatch.setattr(leases, "LEASE_SECONDS", _LEASE_SECONDS)
    # A duty that outlives its house would work in the database of the next test.
    monkeypatch.setattr(Worker.stop, "__defaults__", (_STOP_SECONDS,))


def was_busy(answer: Any) -> bool:
    """Tell whether a process did nothing, since for seconds it could not get at its database.

    That is free, and whoever is told so asks again.
    """
    return bool(answer.status_code == 503 and answer.json()["code"] == "ledger_unavailable")
