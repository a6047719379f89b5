"""The live API against its own description: no server error, and nothing undocumented."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.result import Ok

from support.databases import sqlite_database
from support.houses import Server, findings, servers, sign_in, sign_up
from support.scale import SOAKS, times

_EXAMPLES = times(2, 60)
# How long an answer may take; nothing here is about that.
_SECONDS = 60


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Server, dict[str, dict[str, str]]]]:
    """A real server with a customer and an administrator signed in."""
    folder = tmp_path_factory.mktemp("server")
    url = sqlite_database(folder)
    with (
        servers(url, folder, 1) as (server,),
        httpx2.Client(base_url=server.address, timeout=_SECONDS) as client,
    ):
        yield server, {"customer": sign_up(client), "admin": sign_in(client, "admin")}
    assert findings(url) == []


load_all_checks()
_CHECKS = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
    ]
)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("role", ["customer", "admin"])
def test_the_api_is_what_its_description_says(
    served: tuple[Server, dict[str, dict[str, str]]], role: str, mode: GenerationMode
) -> None:
    """Generated requests, good and bad, never meet a server error or an undescribed answer."""
    server, headers = served
    schema = schemathesis.openapi.from_url(f"{server.address}/openapi.json", timeout=_SECONDS)
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) > 10
    for operation in operations:
        # A customer is refused by everything of the administrators before it looks at anything.
        if SOAKS or (role == "admin") == operation.path.startswith("/v1/admin/"):
            _drive(operation, headers[role], mode)


def _drive(operation: Any, headers: dict[str, str], mode: GenerationMode) -> None:
    if mode is GenerationMode.NEGATIVE and not (
        operation.body or list(operation.iter_parameters())
    ):
        return  # nothing can be wrong with a request that has no parts

    seen: list[Any] = []

    @settings(
        max_examples=_EXAMPLES,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def drive(case: Any) -> None:
        seen.append(case)
        case.call_and_validate(headers=headers, checks=_CHECKS, timeout=_SECONDS)

    with suppress(Unsatisfiable):  # when everything generated is ruled out, nothing was seen
        drive()
    assert seen or mode is GenerationMode.NEGATIVE, operation.label
