"""A customer's server that listens on loopback."""

from collections.abc import Iterator

import pytest

from notices.receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that answers 200 at once."""
    with receiving() as listening:
        yield listening
