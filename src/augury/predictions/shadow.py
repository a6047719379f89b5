"""Shadow scores: what a challenger would have answered, found out behind the sale's back.

The sale hands its rows over and goes on. One thread scores them, whenever it comes to it; what it
cannot keep up with is dropped and counted. Nobody pays for these scores and no customer sees them.
"""

import queue
import threading
import time
import zlib
from contextlib import suppress
from dataclasses import dataclass

import msgspec
from sqlalchemy import delete, select, tuple_

from augury.inference.model import Predictor, Probabilities
from augury.inference.signature import Matrix
from augury.kit.clock import SECOND, now
from augury.kit.db import Database, Given, locked
from augury.kit.errors import LedgerUnavailable
from augury.kit.ids import first_id
from augury.kit.log import logger
from augury.kit.lots import by_lots
from augury.predictions.tables import shadow_scores

# Of a thousand rows each these are some 20 MB, and minutes of the slowest shipped model's work.
_MOST_WAITING = 256
_MOST_PER_COMMIT = 64
_STOP_SECONDS = 1.0
# As many as customers see of a probability.
_DIGITS = 6
KEPT = 30 * 24 * 3600 * SECOND
_PURGED_AT_ONCE = 1000

_COLUMNS = tuple(column.name for column in shadow_scores.c)
# A sale that is handed over twice is scored once.
_STORE = Given(
    f"""
    INSERT INTO shadow_scores ({", ".join(_COLUMNS)})
    SELECT {", ".join(f"given.{name}" for name in _COLUMNS)} FROM {{given}} WHERE true
    ON CONFLICT (prediction_id, version) DO NOTHING
    """,  # noqa: S608 -- names from our own table
    lock="",
    **{column.name: column.type for column in shadow_scores.c},
)

_Row = tuple[str, str, int, int, str | None, str, float, float, int]


@dataclass(frozen=True, slots=True)
class _Sale:
    prediction_id: str
    model_name: str
    champion_version: int
    champion: Predictor
    challenger_version: int
    challenger: Predictor
    matrix: Matrix
    champion_probabilities: Probabilities


class Shadow:
    """Scores sold rows with challengers, in a thread of its own. One for each process."""

    def __init__(self, db: Database) -> None:
        """Start with nothing to do."""
        self.dropped = 0
        self._db = db
        self._waiting: queue.Queue[_Sale | None] = queue.Queue(_MOST_WAITING)
        self._stopping = threading.Event()
        # A row of the other side is the colder one for whoever comes first, so they take turns.
        self._challenger_first = False
        self._thread = threading.Thread(target=self._work, name="shadow", daemon=True)
        self._thread.start()

    def offer(
        self,
        prediction_id: str,
        model_name: str,
        champion_version: int,
        champion_model: Predictor,
        challenger_version: int,
        challenger_model: Predictor,
        matrix: Matrix,
        champion_probabilities: Probabilities,
    ) -> None:
        """Hand over what was sold, or drop it when too much waits; takes microseconds."""
        sale = _Sale(
            prediction_id,
            model_name,
            champion_version,
            champion_model,
            challenger_version,
            challenger_model,
            matrix,
            champion_probabilities,
        )
        try:
            self._waiting.put_nowait(sale)
        except queue.Full:
            self.dropped += 1

    def close(self) -> None:
        """Finish the sale that is being scored, drop what waits, and stop."""
        self._stopping.set()
        with suppress(queue.Full):  # then the thread has something to wake up for
            self._waiting.put_nowait(None)
        self._thread.join(_STOP_SECONDS)

    def _work(self) -> None:
        while not self._stopping.is_set():
            sales = self._next()
            rows = [row for sale in sales if (row := self._scored(sale)) is not None]
            try:
                with self._db.write() as tx:
                    _STORE.run(tx, rows)
            except LedgerUnavailable:
                self.dropped += len(rows)  # it has been logged
            except Exception:  # noqa: BLE001 -- the thread must not end before the process does
                self.dropped += len(rows)
                logger("shadow").exception("shadow_not_stored")

    def _next(self) -> list[_Sale]:
        """Return what waits, up to a commit's worth; wait for the first."""
        found = [self._waiting.get()]
        while len(found) < _MOST_PER_COMMIT and not self._waiting.empty():
            found.append(self._waiting.get())
        return [sale for sale in found if sale is not None]

    def _scored(self, sale: _Sale) -> _Row | None:
        if self._stopping.is_set():
            return None
        self._challenger_first = not self._challenger_first
        if self._challenger_first:
            its, seconds = _timed(sale.challenger, sale.matrix)
            _, champion_seconds = _timed(sale.champion, sale.matrix)
        else:
            _, champion_seconds = _timed(sale.champion, sale.matrix)
            its, seconds = _timed(sale.challenger, sale.matrix)
        return (
            sale.prediction_id,
            sale.model_name,
            sale.challenger_version,
            sale.champion_version,
            None if its is None else _json(its),
            _json(sale.champion_probabilities),
            seconds,
            champion_seconds,
            now(),
        )


def _timed(model: Predictor, matrix: Matrix) -> tuple[Probabilities | None, float]:
    """Return what a model says, or nothing when it fails, and how many seconds that took."""
    started = time.perf_counter()
    try:
        found = model.predict(matrix)
    except Exception:  # noqa: BLE001 -- whatever a runtime throws, it is what this trial is for
        return None, time.perf_counter() - started
    return found, time.perf_counter() - started


def _json(probabilities: Probabilities) -> str:
    rounded = [round(value, _DIGITS) for value in probabilities.tolist()]
    return msgspec.json.encode(rounded).decode()


def sampled(prediction_id: str, share_percent: int) -> bool:
    """Tell whether a prediction belongs to the share that is scored; always the same for an id."""
    return zlib.crc32(prediction_id.encode()) % 100 < share_percent


def purge(db: Database, stop: threading.Event, kept: int = KEPT) -> int:
    """Delete scores older than `kept`, a thousand a transaction; return how many there were."""
    key = shadow_scores.c.prediction_id, shadow_scores.c.version
    old = (
        select(*key)
        # Identifiers sort by time of birth: this looks at the oldest rows and no others.
        .where(shadow_scores.c.prediction_id < first_id(now() - kept))
        .order_by(*key)
        .limit(_PURGED_AT_ONCE)
    )
    oldest = delete(shadow_scores).where(tuple_(*key).in_(locked(old)))

    def lot() -> int | None:
        with db.write() as tx:
            return tx.execute(oldest).rowcount or None

    return by_lots(lot, stop)
