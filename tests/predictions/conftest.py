"""What is tested here is who gets what and who pays, not for how long anybody waits."""

import pytest

from support.patience import keep_leases


@pytest.fixture(autouse=True)
def _long_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a process that stood still find its leases as they were."""
    keep_leases(monkeypatch)
