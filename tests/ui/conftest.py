"""A cabinet in front of an API in memory."""

from collections.abc import Iterator

import httpx2
import pytest
from ui.stub_api import StubApi

from augury.client import Client, Patience
from augury.ui.hub import Hub, open_hub


@pytest.fixture
def api() -> StubApi:
    """The API that the cabinet speaks to."""
    return StubApi()


@pytest.fixture
def hub(api: StubApi) -> Iterator[Hub]:
    """A cabinet in front of `api`, with nobody signed in."""
    client = Client(
        "http://api.test", patience=Patience(attempts=1), transport=httpx2.MockTransport(api)
    )
    with client:
        yield open_hub(client, "a secret for tests")
