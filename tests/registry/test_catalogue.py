"""The catalogue of a process: what it sells while it loads, when loading fails, when held up."""

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from augury.audit_log.service import HOUSE
from augury.bootstrap import House
from augury.inference.model import Model
from augury.kit.clock import SECOND, now
from augury.registry import catalogue as catalogue_module
from augury.registry import change, current
from augury.registry.catalogue import Catalogue
from augury.registry.revision import changing
from support.houses import sign_up
from support.problems import is_problem
from support.uploads import NAME, Registrar, buy, version


@pytest.fixture
def two(admin: Registrar, tmp_path: Path) -> Registrar:
    """A model on sale with two versions, the second dearer."""
    admin.publish(version(tmp_path))
    admin.add(version(tmp_path, 2.0, price=50))
    admin.patch(status="active")
    return admin


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        """Begin at the present."""
        self.moment = now()


@pytest.fixture
def neighbour(house: House, two: Registrar) -> Catalogue:
    """The catalogue of another process on the same database, as it opens."""
    other = Catalogue(house.db, house.settings.artifacts_dir, 1)
    other.open()
    return other


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """What every part of the registry takes for the present."""
    stopped = Clock()
    for module in (catalogue_module, change, current):
        monkeypatch.setattr(module, "now", lambda: stopped.moment)
    return stopped


def test_another_process_turns_at_the_announced_moment(
    house: House, neighbour: Catalogue, clock: Clock
) -> None:
    """It has looked in time, and needs no further look when the moment comes."""
    begins = change.move_alias(house.db, NAME, "champion", 2, HOUSE, notice=SECOND // 5)
    neighbour.refresh()
    clock.moment = begins - 1
    assert neighbour.resolve(NAME).version.version == 1
    clock.moment = begins
    offer = neighbour.resolve(NAME)
    assert (offer.version.version, offer.price) == (2, 50)


def test_announcements_are_read_while_a_model_is_loading(
    house: House, two: Registrar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow one holds up its own version and nothing else."""
    other = Catalogue(house.db, house.settings.artifacts_dir, 1)
    other.open()
    may_go, entered = threading.Event(), threading.Event()

    def slow(*arguments: Any) -> Model:
        entered.set()
        assert may_go.wait(90)
        return Model(*arguments)

    two.add(version(tmp_path, 3.0))
    monkeypatch.setattr(catalogue_module, "Model", slow)
    other.refresh()
    loading = threading.Thread(target=other.load)
    loading.start()
    assert entered.wait(90)
    change.move_alias(house.db, NAME, "champion", 2, HOUSE, notice=0)
    assert other.refresh()
    assert other.resolve(NAME).version.version == 2
    # Until the third is there, whoever moved to it is answered by the one before.
    change.move_alias(house.db, NAME, "champion", 3, HOUSE, notice=0)
    other.refresh()
    assert other.resolve(NAME).version.version == 2
    may_go.set()
    loading.join(90)
    assert other.resolve(NAME).version.version == 3
    other.close()


def test_a_version_that_cannot_be_loaded_is_unavailable_and_others_are_sold(
    client: TestClient,
    house: House,
    two: Registrar,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever it throws: nobody is sold another version in its place, nor at another price."""

    def broken(*_arguments: Any) -> Model:
        raise MemoryError

    two.publish(version(tmp_path, 5.0, name="other"))
    two.patch("other", status="active")
    anna = sign_up(client)
    assert buy(client, anna, "other").status_code == 201
    two.add(version(tmp_path, 3.0, price=9))
    other = Catalogue(house.db, house.settings.artifacts_dir, 1)
    monkeypatch.setattr(catalogue_module, "Model", broken)
    other.open()
    assert other.resolve(NAME).lane is None
    assert other.unavailable() == ["other", NAME]
    other.close()
    assert buy(client, anna).status_code == 201


def test_a_manifest_that_cannot_be_read_keeps_no_other_model_from_sale(
    client: TestClient, house: House, two: Registrar, tmp_path: Path
) -> None:
    """As another edition of the program may have stored it: it is not found, the others sell."""
    two.publish(version(tmp_path, 5.0, name="other"))
    two.patch("other", status="active")
    with house.db.write() as tx:
        changing(tx)
        tx.execute(text("UPDATE versions SET manifest = '{}', digest = 'x' WHERE model = 'other'"))
    anna = sign_up(client)
    fresh = Catalogue(house.db, house.settings.artifacts_dir, 1)
    fresh.open()
    assert fresh.resolve(NAME).lane is not None
    fresh.close()
    house.shop.catalogue.refresh()
    assert is_problem(buy(client, anna, "other"))["code"] == "model_not_found"
    assert buy(client, anna).status_code == 201
    assert two.patch(price=8).status_code == 200
    assert [one["name"] for one in two.ask("GET", "").json()["items"]] == [NAME]


def test_a_process_that_was_held_up_looks_before_it_sells(
    client: TestClient, house: House, two: Registrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has looked for longer than changes are announced, so the sale itself does."""
    anna = sign_up(client)
    catalogue = house.shop.catalogue
    honest = catalogue.refresh
    held_up = threading.Event()

    def look() -> bool:
        held_up.set()
        return False

    monkeypatch.setattr(catalogue, "refresh", look)
    assert held_up.wait(90)  # a look that was under way is over, too
    change.move_alias(house.db, NAME, "champion", 2, HOUSE, notice=0)
    assert buy(client, anna).json()["version"] == 1
    until = time.monotonic() + 90
    while not catalogue.is_stale() and time.monotonic() < until:
        time.sleep(0.02)
    monkeypatch.setattr(catalogue, "refresh", honest)
    assert buy(client, anna).json()["version"] == 2


def test_a_second_change_waits_for_the_first_to_begin(
    house: House, neighbour: Catalogue, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No process is ever taken back to the version before the first move."""
    monkeypatch.setattr(change, "NOTICE", SECOND // 2)
    seen: list[int] = []

    def look() -> None:
        neighbour.refresh()
        number = neighbour.resolve(NAME).version.version
        if seen[-1:] != [number]:
            seen.append(number)

    def pass_by(seconds: float) -> None:
        until = clock.moment + round(seconds * SECOND)
        while clock.moment < until:
            clock.moment = min(until, clock.moment + SECOND // 200)
            look()

    monkeypatch.setattr(change, "time", SimpleNamespace(sleep=pass_by))
    first = change.move_alias(house.db, NAME, "champion", 2, HOUSE)
    look()
    second = change.move_alias(house.db, NAME, "champion", 1, HOUSE)
    assert second >= first + change.NOTICE
    pass_by((second - clock.moment) / SECOND)
    neighbour.close()
    assert seen == [1, 2, 1]
