"""The examples of the docs work: both take what we sign and refuse what we did not."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from augury.kit.ids import new_id
from augury.notices.deliver import MOST_ATTEMPTS, RETRY_SECONDS
from augury.notices.service import PING, EventType
from augury.notices.signing import new_secret, signature_headers

PAGE = (Path(__file__).parents[2] / "docs/webhooks.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
BODY = '{"type":"ping","data":"Анна"}'.encode()


def example(source: str) -> Callable[..., Any]:
    """Return the function of an example."""
    names: dict[str, Any] = {}
    exec(source, names)  # noqa: S102 - it is our own page
    found: Callable[..., Any] = names["receive"]
    return found


def test_there_are_two_examples() -> None:
    """One with the library and one without."""
    assert ["standardwebhooks" in source for source in EXAMPLES] == [True, False]


@pytest.mark.parametrize("source", EXAMPLES)
def test_an_example_takes_what_we_sign_and_nothing_else(source: str) -> None:
    """The example in the docs is one that can be copied."""
    receive, secret = example(source), new_secret()
    moment = int(time.time())
    good = signature_headers(secret, new_id(), moment, BODY)
    assert receive(secret, good, BODY) == {"type": "ping", "data": "Анна"}
    second_key = good | {"webhook-signature": f"v1,AAAA {good['webhook-signature']}"}
    assert receive(secret, second_key, BODY) == {"type": "ping", "data": "Анна"}
    stale = signature_headers(secret, new_id(), moment - 400, BODY)
    for forged in (stale, good | {"webhook-id": "other"}, good | {"webhook-signature": "v1,AAAA"}):
        with pytest.raises(Exception, match="."):
            receive(secret, forged, BODY)
    with pytest.raises(Exception, match="."):
        receive(new_secret(), good, BODY)
    with pytest.raises(Exception, match="."):
        receive(secret, good, BODY.replace(b"ping", b"pong"))


def test_every_event_has_a_row() -> None:
    """No type of event is missing from the page, and none is made up."""
    rows = re.findall(r"^\| `([a-z_.]+)` \|.*\|.*\|$", PAGE, re.MULTILINE)
    assert rows == [*(event.value for event in EventType), PING]


def test_the_table_of_retries_is_the_schedule() -> None:
    """As many attempts as are made, with the pauses that are made."""
    (row,) = re.findall(r"^\| after \| at once \| (.*) \|$", PAGE, re.MULTILINE)
    units = {"s": 1, "min": 60, "h": 3600}
    pauses = [
        int(number) * units[unit] for number, unit in (one.split() for one in row.split(" | "))
    ]
    assert tuple(pauses) == RETRY_SECONDS
    assert len(pauses) + 1 == MOST_ATTEMPTS
