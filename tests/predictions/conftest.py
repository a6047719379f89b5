"""What is tested here is who gets what and who pays, not for how long anybody waits."""

import pytest

from support.patience import be_patient


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a process that stood still find its leases and its turn to write as they were."""
    be_patient(monkeypatch)
