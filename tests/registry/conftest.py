"""An open house with an administrator, and no notice to wait for."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from augury.bootstrap import House
from augury.registry import change
from support.houses import open_house, settings_for
from support.quick import quicken_quarantine
from support.uploads import Registrar


@pytest.fixture(autouse=True)
def _quick_quarantine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not start a process for every version, but where quarantine is what is tested."""
    if request.path.stem not in {"test_publishing", "test_documents"}:
        quicken_quarantine(monkeypatch)


@pytest.fixture
def opened(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[TestClient, House]]:
    """An open house on either database, without the shipped models: they take a second to load."""
    monkeypatch.setattr(change, "NOTICE", 1000)
    (tmp_path / "no-models").mkdir()
    settings = settings_for(database_url, tmp_path, models_dir=tmp_path / "no-models")
    with open_house(settings) as pair:
        yield pair


@pytest.fixture
def client(opened: tuple[TestClient, House]) -> TestClient:
    """The house's API."""
    return opened[0]


@pytest.fixture
def house(opened: tuple[TestClient, House]) -> House:
    """The house itself."""
    return opened[1]


@pytest.fixture
def admin(client: TestClient) -> Registrar:
    """An administrator at the door."""
    return Registrar(client)
