"""Patience with providers: their servers are threads of this process, which may stand still."""

import pytest

from augury.payments.providers import stripe_client, yookassa_client


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up nobody after the product's few seconds, but where that is what is tested."""
    monkeypatch.setattr(stripe_client, "_TIMEOUT_SECONDS", (60, 60))
    monkeypatch.setattr(stripe_client, "monotonic", lambda: 0.0)
    monkeypatch.setattr(yookassa_client, "PATIENCE_SECONDS", 120)
    monkeypatch.setattr(yookassa_client, "_CONNECT_SECONDS", 60)
