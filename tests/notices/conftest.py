"""A customer's server that listens on loopback."""

from collections.abc import Iterator

import pytest

from augury.notices import deliver
from notices.receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that answers 200 at once."""
    with receiving() as listening:
        yield listening


@pytest.fixture
def _long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing that failed be due again within the test: the first pause is five seconds."""
    monkeypatch.setattr(deliver, "RETRY_SECONDS", (3600,) * len(deliver.RETRY_SECONDS))
