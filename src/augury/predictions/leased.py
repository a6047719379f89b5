"""Working on rows by leases: whose turn it is, tries and the pauses between them, giving back.

What is made of a row, and what is stored then, is left to each kind of row.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from augury.inference.asking import NoAnswer
from augury.kit.clock import SECOND, now
from augury.kit.db import Database
from augury.kit.errors import InvalidInput, LedgerUnavailable
from augury.registry.catalogue import Catalogue
from augury.registry.refusals import ModelNotFound

FROM_THE_START = "00000000-0000-0000-0000-000000000000"
# How long until the next try, after the first, the second…; then the row has failed.
BACK_OFF_SECONDS = (1, 5, 25, 125)
MOST_ATTEMPTS = len(BACK_OFF_SECONDS) + 1


class UnavailableError(Exception):
    """The model is on sale and cannot answer here at the moment."""


class Lease(msgspec.Struct, frozen=True):
    """What is leased to `holder` of an order; `attempts` counts the one that begins now."""

    user_id: str
    model: str
    version: int
    explain: bool
    language: str
    attempts: int
    holder: str
    # Of the order: when it was begun first, and when it is given up.
    started_at: int
    deadline_at: int

    @property
    def key(self) -> Any:
        """What names the row."""
        raise NotImplementedError


Row = TypeVar("Row", bound=Lease)
Made = TypeVar("Made")


class Statements(NamedTuple, Generic[Row]):
    """How the rows of one kind are taken and given up; `held` are holders by key."""

    claim: Callable[[Database, str], Row | None]
    count_due: Callable[[Database, int], int]
    renew: Callable[[Database, Mapping[Any, str]], int]
    give_back: Callable[[Database, Mapping[Any, str]], int]
    # For how many seconds, and how many attempts count from now on.
    postpone: Callable[[Database, Row, float, int], bool]
    fail: Callable[[Database, Row, str], bool]


class LeasedRunner(ABC, Generic[Row, Made]):
    """Runs due rows; its methods may be called from many threads."""

    def __init__(self, db: Database, catalogue: Catalogue, statements: Statements[Row]) -> None:
        """Prepare; nothing is claimed yet."""
        self._db = db
        self._catalogue = catalogue
        self._statements = statements
        self._taking = threading.Lock()
        self._after = FROM_THE_START
        self._held: dict[Any, str] = {}
        self._is_closed = False

    @abstractmethod
    def _make(self, row: Row) -> Made:
        """Return what comes of a row, outside any transaction."""

    @abstractmethod
    def _store(self, row: Row, made: Made) -> None:
        """Store what came of a row, in a transaction of its own, if it is still held."""

    @abstractmethod
    def _blame(self, row: Row, error: Exception) -> str:
        """Log what an attempt failed of, and return the code of it."""

    def run_one(self) -> bool:
        """Run the row whose turn it is; return whether there was one."""
        row = self._take()
        if row is None:
            return False
        try:
            self._run(row)
        finally:
            self._held.pop(row.key, None)
        return True

    def run_due(self, stop: threading.Event) -> int:
        """Run rows until none is due or `stop` is set; return how many were run."""
        ran = 0
        while not stop.is_set() and self.run_one():
            ran += 1
        return ran

    def due(self, most: int) -> int:
        """Return how many rows wait for somebody to run them; at `most`, there may be more."""
        return self._statements.count_due(self._db, most)

    def renew(self) -> int:
        """Prolong the leases of what runs here; return how many still stood."""
        return self._statements.renew(self._db, self._held.copy())

    def is_busy(self) -> bool:
        """Tell whether a row runs here."""
        return bool(self._held)

    def give_back(self) -> int:
        """Take no more rows and leave those that run here to others; return how many."""
        with self._taking:
            self._is_closed = True
            held = self._held.copy()
        return self._statements.give_back(self._db, held)

    def _take(self) -> Row | None:
        with self._taking:
            if self._is_closed:
                return None
            row = self._statements.claim(self._db, self._after)
            if row is not None:
                self._after = row.user_id
                self._held[row.key] = row.holder
            return row

    def _run(self, row: Row) -> None:
        """Run one row and store what came of it."""
        if row.attempts > MOST_ATTEMPTS:
            # Whoever had it before never came back: it may be what ends processes.
            self._statements.fail(self._db, row, "attempts_exhausted")
            return
        try:
            made = self._make(row)
        except ModelNotFound:
            self._statements.fail(self._db, row, "model_not_found")
        except InvalidInput:
            # Told only when the market was looked at: what is asked about is not there.
            self._statements.fail(self._db, row, "invalid_input")
        except (UnavailableError, NoAnswer):
            self._wait(row)
        except LedgerUnavailable:
            raise  # no fault of the model: the lease runs out, and somebody takes the row up again
        except Exception as error:  # noqa: BLE001 -- whatever a runtime throws, nobody pays for it
            self._try_again(row, self._blame(row, error))
        else:
            self._store(row, made)

    def _wait(self, row: Row) -> None:
        """Ask again for as long as the order stands: it is no fault of the rows.

        The pauses grow with the time since the order was begun, which doubles from try to try.
        """
        moment = now()
        waited = (moment - row.started_at) / SECOND
        pause = min(max(waited, BACK_OFF_SECONDS[0]), BACK_OFF_SECONDS[-1])
        if moment + pause * SECOND < row.deadline_at:
            self._statements.postpone(self._db, row, pause, row.attempts - 1)
        else:
            self._statements.fail(self._db, row, "model_unavailable")

    def _try_again(self, row: Row, error: str) -> None:
        if row.attempts >= MOST_ATTEMPTS:
            self._statements.fail(self._db, row, error)
        else:
            pause = BACK_OFF_SECONDS[row.attempts - 1]
            self._statements.postpone(self._db, row, pause, row.attempts)
