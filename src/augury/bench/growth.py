"""What a sale and the usual looks cost in a database with a history, stage by stage."""

import random
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from augury import bootstrap
from augury.bench.history import APPLICANT, MODEL, PRICE, History, fill
from augury.bootstrap import House
from augury.inference.asking import Asked
from augury.kit.clock import SECOND, now
from augury.kit.db import Database, ReadTx, WriteTx
from augury.kit.ids import new_id
from augury.kit.paging import cursor_of
from augury.kit.texts import LANGUAGES
from augury.ledger import history as movements
from augury.ledger import service as ledger
from augury.ledger.core import TransferType
from augury.ledger.statement import Month, find_statement
from augury.notices import service as notices
from augury.notices.service import EventType
from augury.predictions import history as sold
from augury.predictions.schemas import read_request
from augury.predictions.till import Order, sell
from augury.predictions.usage import find_usage
from augury.settings import Settings

_DAY = 24 * 3600 * SECOND
_BODY = msgspec.json.encode({"model": MODEL, "inputs": [APPLICANT]})
_SALES = 300
_LOOKS = 30
_TOGETHER = 64


@dataclass(frozen=True, slots=True)
class Cost:
    """What something takes, in microseconds: the median and the 95th percentile of `times`."""

    name: str
    median: float
    p95: float
    times: int

    @classmethod
    def of(cls, name: str, seconds: list[float]) -> "Cost":
        """Return it from what was measured."""
        cuts = statistics.quantiles(seconds, n=20)
        return cls(name, statistics.median(seconds) * 1e6, cuts[-1] * 1e6, len(seconds))


class NotEmpty(Exception):
    """The database has users: figures are taken in one that nobody uses."""


def run(settings: Settings, predictions: int, done: Callable[[int], object]) -> dict[str, Any]:
    """Fill an empty database with a history and return what things cost in it.

    Raises `NotEmpty`.
    """
    bootstrap.prepare(settings)
    house = bootstrap.build(settings)
    try:
        if _has_sales(house.db):
            raise NotEmpty
        started = time.monotonic()
        history = fill(house.db, predictions, done)
        filled = time.monotonic() - started
        found = {
            "predictions": predictions,
            "database": house.db.dialect,
            "customers": len(history.accounts),
            "filled_seconds": round(filled, 1),
            "bytes": _sizes(house.db, settings),
            "audit": _audit(house.db),
        }
        costs = _sales(house, history) + _looks(house.db, history)
        return found | {"costs": [asdict(cost) for cost in costs]}
    finally:
        house.close()


def table(found: dict[str, Any]) -> str:
    """Return the figures for people."""
    total, rows = found["bytes"]["total"], found["predictions"]
    audit = found["audit"]
    lines = [
        f"{rows:,} predictions of {found['customers']:,} customers on {found['database']}",
        f"{total / 1e6:,.0f} MB, {total / rows:,.0f} bytes a prediction",
        f"audit {audit['seconds']:.1f} s, {audit['findings']} findings, {audit['peak_mb']:,.0f} MB",
        "",
        f"{'':44}{'median µs':>12}{'p95 µs':>12}",
    ]
    lines += [
        f"{cost['name']:44}{cost['median']:12,.1f}{cost['p95']:12,.1f}" for cost in found["costs"]
    ]
    return "\n".join(lines)


def _has_sales(db: Database) -> bool:
    with db.read() as tx:
        return tx.exec_driver_sql("SELECT id FROM predictions LIMIT 1").first() is not None


_SIZES = (
    "SELECT relname, pg_relation_size(oid) FROM pg_class WHERE relkind IN ('r', 'i', 't')"
    " AND pg_relation_size(oid) > 1000000 AND relnamespace = 'public'::regnamespace"
)


def _sizes(db: Database, settings: Settings) -> dict[str, int]:
    """Return how large the database is, and on PostgreSQL its large tables and indexes."""
    if db.dialect == "sqlite":
        return {"total": sum(one.stat().st_size for one in settings.data_dir.glob("augury.db*"))}
    with db.read() as tx:
        total = tx.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one()
        return {"total": total} | {row[0]: row[1] for row in tx.exec_driver_sql(_SIZES)}


def _audit(db: Database) -> dict[str, float]:
    started = time.monotonic()
    with db.read() as tx:
        report = bootstrap.audit_books(tx)
    return {
        "seconds": round(time.monotonic() - started, 2),
        "findings": len(report.findings),
        "transfers": report.transfers,
        # Of the whole process, as it was at its largest.
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


class _Stamped(Database):
    """A database that keeps when the work of a transaction was done and its commit began."""

    worked_at = 0.0

    @contextmanager
    def write(self) -> Iterator[WriteTx]:
        """Give a transaction, and keep the moment at which its block ended."""
        with super().write() as tx:
            yield tx
            self.worked_at = time.perf_counter()


def _sales(house: House, history: History) -> list[Cost]:
    """Return what the stages of a sale take, one sale at a time and many in one commit."""
    lane = house.shop.catalogue.resolve(MODEL).lane
    if lane is None:
        message = f"{MODEL} is not loaded"
        raise RuntimeError(message)
    stamped, chance = _Stamped(house.settings.database_url), random.Random(3)  # noqa: S311 -- nothing is secret here
    spent: dict[str, list[float]] = {}

    def note(name: str, since: float, until: float, share: int = 1) -> None:
        spent.setdefault(name, []).append((until - since) / share)

    for _ in range(_SALES):
        start = time.perf_counter()
        request = read_request(_BODY)
        rows: Any = lane.model.read(request.inputs)
        decoded = time.perf_counter()
        asked = Asked(rows, request.inputs, request.explain, LANGUAGES[0])
        outputs = msgspec.json.encode(lane.model.answer(asked)).decode()
        predicted = time.perf_counter()
        order = _order(chance.choice(history.accounts), outputs)
        begun = time.perf_counter()
        (result,) = sell(stamped, [order])
        committed = time.perf_counter()
        if isinstance(result, Exception):
            raise result
        answered = time.perf_counter()
        msgspec.json.encode(result[0])
        note("read: body and inputs", start, decoded)
        note("model: one row, in this thread", decoded, predicted)
        note("charge and store, before the commit", begun, stamped.worked_at)
        note("commit", stamped.worked_at, committed)
        note("answer", answered, time.perf_counter())
    for _ in range(_SALES // 10):
        orders = [_order(one, outputs) for one in chance.sample(history.accounts, _many(history))]
        begun = time.perf_counter()
        sell(stamped, orders)
        done = time.perf_counter()
        note("charge and store, each of 64 in a commit", begun, stamped.worked_at, len(orders))
        note("commit, each of 64", stamped.worked_at, done, len(orders))
    stamped.close()
    return [Cost.of(name, seconds) for name, seconds in spent.items()]


def _many(history: History) -> int:
    return min(_TOGETHER, len(history.accounts))


def _order(user_id: str, outputs: str) -> Order:
    return Order(
        id=new_id(),
        user_id=user_id,
        model=MODEL,
        version=1,
        rows=1,
        price=PRICE,
        inputs=msgspec.json.encode([APPLICANT]).decode(),
        outputs=outputs,
        warnings="[]",
        transfer_id=new_id(),
        created_at=now(),
        key=None,
        fingerprint=None,
    )


def _looks(db: Database, history: History) -> list[Cost]:
    """Return what looks take: of the customer with a tenth of all sales, and of any others."""
    chance = random.Random(5)  # noqa: S311 -- nothing is secret here
    costs = []
    for whose, look in usual_looks(db, history).items():
        for name, users in (("most", [history.heavy]), ("any", history.accounts)):
            seconds = []
            for _ in range(_LOOKS):
                user_id = chance.choice(users)
                start = time.perf_counter()
                look(user_id)
                seconds.append(time.perf_counter() - start)
            costs.append(Cost.of(f"{whose} ({name})", seconds))
    return costs


def usual_looks(db: Database, history: History) -> dict[str, Callable[[str], object]]:
    """Return the usual looks of a customer, and those that would be slow without their index."""
    half_a_year_ago = history.since + 182 * _DAY
    month = Month.of(half_a_year_ago)
    middle = cursor_of(new_id_at(half_a_year_ago))

    def page(**filters: Any) -> Callable[[str], object]:
        return lambda user_id: sold.find_page(db, user_id, limit=20, **filters)

    def moved(**filters: Any) -> Callable[[str], object]:
        return _reading(db, lambda tx, id_: movements.movements(tx, id_, limit=21, **filters))

    return {
        "balance": _reading(db, lambda tx, id_: ledger.balances(tx, [id_])),
        "key that is new": _reading(db, lambda tx, id_: ledger.replays(tx, [(id_, "k", "f")])),
        "who listens": _reading(
            db, lambda tx, id_: notices.subscribers(tx, EventType.PREDICTION_SUCCEEDED, [id_])
        ),
        "predictions": page(),
        "predictions, page in the middle": page(cursor=middle),
        "predictions until half a year ago": page(until=half_a_year_ago),
        "predictions that failed": page(status="failed"),
        "predictions of another model": page(model="credit-catboost"),
        "transactions": moved(),
        "transactions of type top_up": moved(types=[TransferType.TOP_UP]),
        "transactions of a reference": moved(reference=new_id()),
        "usage of 30 days": lambda id_: find_usage(db, id_, "day", now() - 30 * _DAY, now()),
        "statement, its totals": lambda id_: find_statement(db, id_, month),
    }


def new_id_at(moment: int) -> str:
    """Return an identifier of a moment in the past."""
    born = f"{moment // 1000:012x}"
    return f"{born[:8]}-{born[8:]}-{new_id()[14:]}"


def _reading(db: Database, look: Callable[[ReadTx, str], object]) -> Callable[[str], object]:
    def looked(user_id: str) -> object:
        with db.read() as tx:
            return look(tx, user_id)

    return looked
