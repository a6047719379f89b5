"""A clock for journals that grow over months."""

import pytest

from augury.kit.clock import SECOND
from augury.kit.db import Database
from augury.ledger import statement
from support.months import START, Clock, open_account, top_up


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The ledger's clock; months are read a few movements at a time."""
    monkeypatch.setattr(statement, "_MOVEMENTS_AT_ONCE", 3)
    return Clock(monkeypatch)


@pytest.fixture
def journal(db: Database, clock: Clock) -> tuple[str, list[int]]:
    """A journal of 50 movements whose times are out of order by up to a few seconds."""
    account_id = open_account(db)
    times = [START + (n * 5 + (n * 4) % 11) * SECOND for n in range(50)]
    assert times != sorted(times)
    top_up(db, account_id, clock, times)
    return account_id, times
