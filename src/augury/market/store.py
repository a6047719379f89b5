"""Reading and writing series in the database."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import delete, func, select, text, update

from augury.kit.clock import now
from augury.kit.db import ReadTx, WriteTx
from augury.market.checks import Checked
from augury.market.content import pack, unpack
from augury.market.refusals import TooManySeries
from augury.market.series import MOST_SERIES, Draft, Entry, Kind, Labels
from augury.market.tables import market_contents, market_series, market_state
from augury.risk.series import Days, Floats

_LABELS = ("source", "licence", "kind", "unit", "frequency", "lag_days", "title_en", "title_ru")
_FACTS = ("first_day", "last_day", "points", "digest")
_KEEP_CONTENT = text(
    "INSERT INTO market_contents (digest, points, packed) VALUES (:digest, :points, :packed)"
    " ON CONFLICT (digest) DO NOTHING"
)
_CHANGING = (*(name for name in _LABELS if name != "kind"), *_FACTS, "revision", "updated_at")
_COLUMNS = ("kind", "symbol", "created_at", *_CHANGING)
_KEEP_SERIES = text(
    f"INSERT INTO market_series ({', '.join(_COLUMNS)})"  # noqa: S608 -- names from our own table
    f" VALUES ({', '.join(f':{name}' for name in _COLUMNS)})"
    f" ON CONFLICT (kind, symbol) DO UPDATE"
    f" SET {', '.join(f'{name} = excluded.{name}' for name in _CHANGING)}"
)


def revision(tx: ReadTx) -> int:
    """Return the number that goes up with every change; 0 as long as nothing was ever kept."""
    found: int = tx.execute(select(market_state.c.revision)).scalar_one()
    return found


def entries(tx: ReadTx) -> list[Entry]:
    """Return all series without their contents, by name."""
    # Databases have opinions of their own about the order of texts.
    found = [_entry(row) for row in tx.execute(select(market_series))]
    return sorted(found, key=lambda one: (one.symbol, one.kind))


def content(tx: ReadTx, digest: str) -> tuple[Days, Floats] | None:
    """Return days int32 [n] and values float64 [n]; None if nobody keeps them any more.

    Raises `BadContent`.
    """
    found = select(market_contents).where(market_contents.c.digest == digest)
    row = tx.execute(found).one_or_none()
    return None if row is None else unpack(row.packed, row.points, digest)


def by_name(tx: ReadTx) -> dict[tuple[Kind, str], Entry]:
    """Return all series without their contents, by kind and symbol."""
    return {(one.kind, one.symbol): one for one in entries(tx)}


@dataclass(frozen=True, slots=True)
class Packed:
    """A series as it is written: its content is that of the check."""

    draft: Draft
    first_day: int
    last_day: int
    points: int
    digest: str
    packed: bytes


def packed(draft: Draft, checked: Checked) -> Packed:
    """Return a series ready to be written; it has a point at least, unless it has faults."""
    digest, content_ = pack(checked.days, checked.values)
    first, last = (int(checked.days[i]) if len(checked.days) else 0 for i in (0, -1))
    return Packed(draft, first, last, len(checked.days), digest, content_)


def begin(tx: WriteTx) -> None:
    """Let whoever changes a series at the same time wait until this transaction ends."""
    tx.execute(update(market_state).values(revision=market_state.c.revision))


def keep(tx: WriteTx, series: Iterable[Packed]) -> None:
    """Keep series, in the place of those of the same kind and name. Raises `TooManySeries`."""
    moment = now()
    common = {"revision": _changing(tx), "created_at": moment, "updated_at": moment}
    rows = [_row(one) | common for one in series]
    if rows:
        tx.execute(_KEEP_CONTENT, rows)
        tx.execute(_KEEP_SERIES, rows)
    count = tx.execute(select(func.count()).select_from(market_series)).scalar_one()
    if count > MOST_SERIES:
        raise TooManySeries(most=MOST_SERIES)
    _forget_contents(tx)


def remove(tx: WriteTx, kind: Kind, symbol: str) -> bool:
    """Remove a series; return whether there was one."""
    removed = tx.execute(delete(market_series).where(_named(kind, symbol))).rowcount > 0
    if removed:
        _changing(tx)
        _forget_contents(tx)
    return removed


def _changing(tx: WriteTx) -> int:
    tx.execute(update(market_state).values(revision=market_state.c.revision + 1))
    return revision(tx)


def _named(kind: Kind, symbol: str) -> sa.ColumnElement[bool]:
    return (market_series.c.kind == kind) & (market_series.c.symbol == symbol)


def _row(one: Packed) -> dict[str, Any]:
    labels = {name: getattr(one.draft.labels, name) for name in _LABELS}
    facts = {name: getattr(one, name) for name in _FACTS}
    return {"symbol": one.draft.symbol, "packed": one.packed, **labels, **facts}


def _forget_contents(tx: WriteTx) -> None:
    wanted = select(sa.literal(1)).where(market_series.c.digest == market_contents.c.digest)
    tx.execute(delete(market_contents).where(~wanted.exists()))


def _entry(row: Any) -> Entry:
    labels = Labels(**{name: getattr(row, name) for name in _LABELS})
    facts = {name: getattr(row, name) for name in _FACTS}
    return Entry(row.symbol, labels, **facts, revision=row.revision, updated_at=row.updated_at)
