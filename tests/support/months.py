"""Journals over months: an account, a clock that is set, and statements read whole."""

import pytest

from augury.kit.clock import SECOND
from augury.kit.db import Database
from augury.kit.ids import new_id
from augury.ledger import service
from augury.ledger.core import Instruction, TransferType
from augury.ledger.history import Movement
from augury.ledger.statement import Month, Statement, chunks, find_statement

DAY = 24 * 3600 * SECOND
START = Month(2024, 1).start


class Clock:
    """A clock that a test sets."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        """Give it to the ledger."""
        self.moment = START
        patch.setattr(service, "now", lambda: self.moment)


def items(db: Database, account_id: str, month: Month) -> tuple[Statement, list[Movement]]:
    """Return the statement of a month with all its movements."""
    found = find_statement(db, account_id, month)
    return found, [one for lot in chunks(db, found) for one in lot]


def top_up(db: Database, account_id: str, clock: Clock, moments: list[int]) -> None:
    for moment in moments:
        clock.moment = moment
        one = Instruction(new_id(), TransferType.TOP_UP, account_id, 1 + moment % 7)
        with db.write() as tx:
            service.post(tx, [one])


def open_account(db: Database) -> str:
    account_id = new_id()
    with db.write() as tx:
        service.open_accounts(tx, [account_id])
    return account_id
