"""Secrets at rest: they open for their owner under today's key or the one before, else never."""

import pytest

from augury.notices.sealing import Sealer, Unreadable, sealer_of
from augury.settings import Settings

OLD, NEW = Sealer("old-" * 10), Sealer("new-" * 10, "old-" * 10)


def _changed(sealed: str) -> str:
    """Return a sealed text with another letter near its end."""
    return f"{sealed[:-4]}{'B' if sealed[-4] == 'A' else 'A'}{sealed[-3:]}"


def test_what_is_sealed_opens_for_its_owner() -> None:
    """Sealing hides the text, and opening gives it back, spaces and all."""
    sealed = OLD.seal("whsec_a b", "endpoint-1")
    assert "whsec" not in sealed
    assert OLD.open(sealed, "endpoint-1") == "whsec_a b"
    assert OLD.seal("whsec_a b", "endpoint-1") != sealed


@pytest.mark.parametrize(
    "forged",
    [
        OLD.seal("secret", "endpoint-2"),
        Sealer("other" * 8).seal("secret", "endpoint-1"),
        _changed(OLD.seal("secret", "endpoint-1")),
        "whsec_in_the_clear",
        "",
        "é",
    ],
    ids=["another owner", "another key", "changed", "not sealed", "empty", "not ASCII"],
)
def test_a_forged_secret_does_not_open(forged: str) -> None:
    """What somebody wrote into the database is no secret of ours."""
    with pytest.raises(Unreadable):
        OLD.open(forged, "endpoint-1")


def test_the_previous_key_opens_and_the_present_one_seals() -> None:
    """After a change of keys old secrets open, and what is renewed needs the new key only."""
    sealed = OLD.seal("secret", "endpoint-1")
    assert NEW.open(sealed, "endpoint-1") == "secret"
    renewed = NEW.renewed(sealed)
    assert renewed is not None
    assert Sealer("new-" * 10).open(renewed, "endpoint-1") == "secret"
    assert NEW.renewed(renewed) is None
    assert NEW.renewed("nonsense") is None
    with pytest.raises(Unreadable):
        OLD.open(NEW.seal("secret", "endpoint-1"), "endpoint-1")


def test_the_keys_are_those_of_the_settings() -> None:
    """The sealer of a house has both keys of its settings."""
    present, previous = "the-present-key-of-these-tests-0123", "the-key-before-it-of-tests-456789"
    keys = {"secret_key": present, "previous_secret_key": previous}
    house = sealer_of(Settings.model_validate({"database_url": "sqlite://", **keys}))
    before = Sealer(previous)
    assert house.open(before.seal("secret", "e"), "e") == "secret"
    assert Sealer(present).open(house.seal("secret", "e"), "e") == "secret"
