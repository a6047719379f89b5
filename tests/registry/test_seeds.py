"""The models that ship: newer editions take over, and an administrator's choices stand."""

import shutil
from pathlib import Path

import msgspec
import pytest

from augury.audit_log.service import HOUSE, Actor
from augury.inference.quarantine import Limits
from augury.kit.db import Database
from augury.kit.ids import new_id
from augury.registry import change
from augury.registry.catalogue import Catalogue
from augury.registry.publish import Draft, Press, publish_version
from augury.registry.seeds import seed
from augury.registry.trials import challenge
from support.tiny_models import Tiny
from support.uploads import NAME, version

ADMIN = Actor(new_id())


@pytest.fixture(autouse=True)
def _no_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else has to hear of it."""
    monkeypatch.setattr(change, "NOTICE", 0)
    monkeypatch.setattr("augury.registry.seeds.NOTICE", 0)


def ship(folder: Path, tiny: Tiny) -> Path:
    """Write the folder of shipped models with one model in it."""
    place = folder / NAME
    place.mkdir(parents=True, exist_ok=True)
    (place / "manifest.json").write_bytes(msgspec.json.encode(tiny.manifest))
    shutil.copy(tiny.path, place / tiny.manifest.artifact.file)
    for card in ("card.md", "card.ru.md"):
        (place / card).write_text("A card")
    return folder


def sold(db: Database, artifacts: Path) -> tuple[int, int]:
    """Return version and price that customers get."""
    catalogue = Catalogue(db, artifacts, 1)
    catalogue.open()
    offer = catalogue.resolve(NAME, new_id())
    catalogue.close()
    return offer.version.version, offer.price


def test_the_first_start_puts_them_on_sale_and_the_next_changes_nothing(
    db: Database, tmp_path: Path
) -> None:
    """Seeding twice is seeding once."""
    shipped = ship(tmp_path / "models", version(tmp_path))
    artifacts = tmp_path / "artifacts"
    assert seed(db, shipped, artifacts) == [NAME]
    assert seed(db, shipped, artifacts) == []
    assert sold(db, artifacts) == (1, 3)


def test_a_newer_edition_takes_over_at_the_price_in_force(db: Database, tmp_path: Path) -> None:
    """The operator's price of 77 is kept, though it is still written as an announced one."""
    artifacts = tmp_path / "artifacts"
    shipped = ship(tmp_path / "models", version(tmp_path))
    seed(db, shipped, artifacts)
    change.amend(db, NAME, change.Amendment(price=77), HOUSE)
    ship(shipped, version(tmp_path, 2.0))
    assert seed(db, shipped, artifacts) == [NAME]
    assert sold(db, artifacts) == (2, 77)


def test_an_administrators_own_champion_stays(db: Database, tmp_path: Path) -> None:
    """A newer edition does not push aside what somebody chose, even by a move just begun."""
    artifacts = tmp_path / "artifacts"
    shipped = ship(tmp_path / "models", version(tmp_path))
    seed(db, shipped, artifacts)
    own = version(tmp_path, 3.0)
    draft = Draft(msgspec.json.encode(own.manifest), own.path, "", "")
    publish_version(Press(db, artifacts, Limits(), ()), NAME, draft, ADMIN)
    change.move_alias(db, NAME, "champion", 2, ADMIN)
    ship(shipped, version(tmp_path, 4.0))
    assert seed(db, shipped, artifacts) == []
    assert sold(db, artifacts) == (2, 3)


def test_a_roll_back_to_an_older_edition_stays(db: Database, tmp_path: Path) -> None:
    """The next start does not roll out again what was rolled back."""
    artifacts = tmp_path / "artifacts"
    shipped = ship(tmp_path / "models", version(tmp_path))
    seed(db, shipped, artifacts)
    ship(shipped, version(tmp_path, 2.0))
    seed(db, shipped, artifacts)
    change.move_alias(db, NAME, "champion", 1, ADMIN)
    assert seed(db, shipped, artifacts) == []
    assert sold(db, artifacts)[0] == 1


def test_a_trial_that_the_new_edition_outgrows_is_passed_over(db: Database, tmp_path: Path) -> None:
    """Its customers get the new champion, not a canary that answers in another form."""
    artifacts = tmp_path / "artifacts"
    shipped = ship(tmp_path / "models", version(tmp_path))
    seed(db, shipped, artifacts)
    own = version(tmp_path, 3.0)
    draft = Draft(msgspec.json.encode(own.manifest), own.path, "", "")
    publish_version(Press(db, artifacts, Limits(), ()), NAME, draft, ADMIN)
    challenge(db, NAME, 2, "canary", 100, ADMIN)
    assert sold(db, artifacts)[0] == 2
    ship(shipped, version(tmp_path, 4.0, outputs={"probability": "p"}, decision=None))
    seed(db, shipped, artifacts)
    assert sold(db, artifacts)[0] == 3
