"""Fixtures of the payments' tests."""

from collections.abc import Iterator

import pytest

from augury.bootstrap import audit_books
from augury.kit.db import Database
from support.payments import Till
from support.quick import quicken_passwords


@pytest.fixture(autouse=True)
def _quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody signs in here; a quarter of a second for each password would be most of the time."""
    quicken_passwords(monkeypatch)


@pytest.fixture
def till(db: Database) -> Iterator[Till]:
    """A desk with a scripted bank; after the test its books must be right."""
    made = Till(db)
    yield made
    with db.read() as tx:
        assert audit_books(tx).findings == []
