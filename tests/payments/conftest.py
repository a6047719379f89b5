"""Fixtures of the payments' tests."""

from collections.abc import Iterator

import pytest

from augury.bootstrap import audit_books
from augury.kit.db import Database
from support.payments import Till


@pytest.fixture
def till(db: Database) -> Iterator[Till]:
    """A desk with a scripted bank; after the test its books must be right."""
    made = Till(db)
    yield made
    with db.read() as tx:
        assert audit_books(tx).findings == []
