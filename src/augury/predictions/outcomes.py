"""What became of the cases that were predicted, as customers and administrators report it.

What is predicted never changes, so reports are checked before the transaction that stores them,
which holds up sales on SQLite while it lasts.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Integer, select

from augury.audit_log.service import Actor, record
from augury.kit.clock import now, rfc3339
from augury.kit.db import Database, Given, Id, ReadTx, WriteTx
from augury.kit.errors import Fault, InvalidInput, NotFound, invalid
from augury.kit.ids import is_id
from augury.predictions.newest import column_reader
from augury.predictions.outcome_file import Line, LineFault, read_lines
from augury.predictions.outcome_schemas import OutcomeImportOut, OutcomeIn, OutcomesOut
from augury.predictions.tables import outcomes
from augury.registry.shelf import manifests

_AT_ONCE = 5_000
# A row of outputs is a hundred bytes, and one prediction may have a thousand.
_ROWS_AT_ONCE = 20_000
_MOST_FAULTS = 100
# The audit log keeps that many of the changes one by one; an import has its file's digest besides.
_MOST_CHANGES_TOLD = 100

_SALES = Given(
    """
    SELECT sold.id, sold.user_id, sold.model, sold.version, sold.rows, sold.created_at
    FROM {given} JOIN predictions sold ON sold.id = given.prediction_id
    WHERE sold.status = 'succeeded'
    """,
    prediction_id=Id,
)
_OUTPUTS = Given(
    "SELECT sold.id, sold.outputs FROM {given} JOIN predictions sold ON sold.id = given.id"
    " WHERE sold.expired_at IS NULL",
    id=Id,
)
_STORED = Given(
    """
    SELECT known.prediction_id, known.row_index, known.outcome
    FROM {given} JOIN outcomes known
      ON known.prediction_id = given.prediction_id AND known.row_index = given.row_index
    """,
    prediction_id=Id,
    row_index=Integer(),
)
_COLUMNS = tuple(column.name for column in outcomes.c)
# Two that report the same row at once: the last one counts, as when they come one by one.
_STORE = Given(
    f"""
    INSERT INTO outcomes ({", ".join(_COLUMNS)})
    SELECT {", ".join(f"given.{name}" for name in _COLUMNS)} FROM {{given}} WHERE true
    ON CONFLICT (prediction_id, row_index) DO UPDATE SET
      outcome = excluded.outcome,
      reported_by = excluded.reported_by, reported_at = excluded.reported_at
    """,  # noqa: S608 -- names from our own table
    lock="",
    **{column.name: column.type for column in outcomes.c},
)

Item = TypeVar("Item")
# A prediction's id, and the place of a row in it.
Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who reports: customers about their own predictions, administrators about all."""

    actor: Actor
    is_admin: bool


@dataclass(frozen=True, slots=True)
class _Sale:
    id: str
    user_id: str
    model: str
    version: int
    rows: int
    created_at: int


def report(
    db: Database, by: Reporter, prediction_id: str, form: OutcomeIn
) -> tuple[OutcomesOut, bool]:
    """Store what happened in rows of a prediction; return what is known of it, and if that is new.

    What was reported before is replaced. Somebody else's prediction raises `NotFound`.
    """
    with db.read() as tx:
        sale = _sale(tx, by, prediction_id)
        happened = _happened(form, sale.rows)
        places = [(sale.id, row) for row in happened]
        probabilities = _probabilities(tx, {sale.id: sale}, places)
    if len(probabilities) < len(places):
        raise invalid("/outcome", "fault.outcome_no_probability")
    with db.write() as tx:
        moment = now()
        rows = [
            _row(sale, row, probabilities[sale.id, row], outcome, by, moment)
            for row, outcome in happened.items()
        ]
        changes, _ = _store(tx, rows)
        if by.is_admin and changes:
            told = {"changes": changes[:_MOST_CHANGES_TOLD], "rows": len(changes)}
            record(tx, by.actor, "outcomes.reported", f"prediction:{sale.id}", told)
        return _known(tx, sale), bool(changes)


def find(db: Database, by: Reporter, prediction_id: str) -> OutcomesOut:
    """Return what is known of a prediction's rows; somebody else's raises `NotFound`."""
    with db.read() as tx:
        return _known(tx, _sale(tx, by, prediction_id))


def import_file(db: Database, by: Reporter, content: bytes) -> OutcomeImportOut:
    """Store what happened in the rows that a file names: all of them, or none.

    Raises `InvalidInput` with the first hundred faults by line.
    """
    lines, faults = read_lines(content)
    with db.read() as tx:
        sales = _sales(tx, {line.prediction_id for line in lines})
        named, misnamed = _named(lines, sales, by)
        probabilities = _probabilities(tx, sales, named)
    faults += misnamed
    faults += [
        LineFault(line.line, "fault.outcome_no_probability", {})
        for place, line in named.items()
        if place not in probabilities
    ]
    if faults:
        faults.sort(key=lambda fault: fault.line)
        raise InvalidInput(faults=[fault.told() for fault in faults[:_MOST_FAULTS]])
    moment = now()
    rows = [
        _row(sales[place[0]], place[1], probability, named[place].outcome, by, moment)
        for place, probability in probabilities.items()
    ]
    with db.write() as tx:
        changes, new = _store(tx, rows)
        done = OutcomeImportOut(
            stored=new, changed=len(changes) - new, unchanged=len(rows) - len(changes)
        )
        if by.is_admin:
            digest = hashlib.sha256(content).hexdigest()
            told = done.model_dump() | {"changes": changes[:_MOST_CHANGES_TOLD]}
            record(tx, by.actor, "outcomes.imported", f"file:{digest}", told)
    return done


def _sale(tx: ReadTx, by: Reporter, prediction_id: str) -> _Sale:
    sale = _sales(tx, {prediction_id}).get(prediction_id) if is_id(prediction_id) else None
    if sale is None or not _may(by, sale):
        raise NotFound
    return sale


def _sales(tx: ReadTx, ids: Collection[str]) -> dict[str, _Sale]:
    found: dict[str, _Sale] = {}
    for lot in _lots(sorted(ids)):
        found |= {row[0]: _Sale(*row) for row in _SALES.run(tx, [(id_,) for id_ in lot])}
    return found


def _may(by: Reporter, sale: _Sale) -> bool:
    return by.is_admin or sale.user_id == by.actor.user_id


def _happened(form: OutcomeIn, rows: int) -> dict[int, int]:
    """Return the outcome by row, from either way of saying it."""
    if form.outcomes is not None:
        if form.outcome is not None or form.row is not None:
            raise invalid("", "fault.outcome_one_way")
        if len(form.outcomes) != rows:
            raise invalid("/outcomes", "fault.outcomes_length", rows=rows)
        return {row: one for row, one in enumerate(form.outcomes) if one is not None}
    if form.outcome is None:
        raise invalid("", "fault.outcome_one_way")
    fault = _fault_of_row(form.row, rows)
    if fault is not None:
        raise InvalidInput(faults=[Fault("/row", *fault)])
    return {form.row or 0: form.outcome}


def _fault_of_row(row: int | None, rows: int) -> tuple[str, dict[str, object]] | None:
    if row is None and rows > 1:
        return "fault.outcome_row_needed", {"last": rows - 1}
    if row is not None and row >= rows:
        return "fault.outcome_row", {"last": rows - 1}
    return None


def _named(
    lines: Sequence[Line], sales: dict[str, _Sale], by: Reporter
) -> tuple[dict[Place, Line], list[LineFault]]:
    """Return the lines by the row that each names, and what is wrong with the other ones."""
    named: dict[Place, Line] = {}
    faults = []
    for line in lines:
        sale = sales.get(line.prediction_id)
        fault: tuple[str, dict[str, object]] | None
        if sale is None or not _may(by, sale):
            fault = "fault.outcome_line_prediction", {}
        else:
            fault = _fault_of_row(line.row, sale.rows)
        place = line.prediction_id, line.row or 0
        if fault is None and place in named:
            fault = "fault.outcome_line_twice", {"line": named[place].line}
        if fault is None:
            named[place] = line
        else:
            faults.append(LineFault(line.line, *fault))
    return named, faults


def _probabilities(
    tx: ReadTx, sales: dict[str, _Sale], places: Collection[Place]
) -> dict[Place, float]:
    """Return what the model said of each row, unless it gave no probability or that has expired."""
    rows_of: dict[str, list[int]] = {}
    for id_, row in places:
        rows_of.setdefault(id_, []).append(row)
    told = manifests(tx, {(sales[id_].model, sales[id_].version) for id_ in rows_of})
    readers = {key: column_reader(manifest.outputs.probability) for key, manifest in told.items()}
    found: dict[Place, float] = {}
    for lot in _lots_of_rows([sales[id_] for id_ in sorted(rows_of)]):
        for id_, outputs in _OUTPUTS.run(tx, [(sale.id,) for sale in lot]):
            given = readers[sales[id_].model, sales[id_].version].decode(outputs)
            for row in rows_of[id_]:
                probability = given[row].value
                if isinstance(probability, float):
                    found[id_, row] = probability
    return found


def _row(
    sale: _Sale, row: int, probability: float, outcome: int, by: Reporter, moment: int
) -> tuple[Any, ...]:
    """Return the stored row, in the order of the table's columns."""
    return (
        sale.id,
        row,
        sale.model,
        sale.version,
        probability,
        sale.created_at,
        outcome,
        by.actor.user_id,
        moment,
    )


def _store(tx: WriteTx, rows: list[tuple[Any, ...]]) -> tuple[list[dict[str, Any]], int]:
    """Store what is new or different; return these changes, and how many of them are new."""
    # In the order of their keys, so that two processes never wait for each other in a circle.
    rows.sort(key=lambda row: row[:2])
    changes: list[dict[str, Any]] = []
    new = 0
    for lot in _lots(rows):
        known = {(id_, row): outcome for id_, row, outcome in _STORED.run(tx, [r[:2] for r in lot])}
        differing = [row for row in lot if known.get(row[:2]) != row[6]]
        _STORE.run(tx, differing)
        new += len(lot) - len(known)
        changes += [
            {"prediction_id": row[0], "row": row[1], "from": known.get(row[:2]), "to": row[6]}
            for row in differing
        ]
    return changes, new


def _known(tx: ReadTx, sale: _Sale) -> OutcomesOut:
    rows = tx.execute(
        select(outcomes.c.row_index, outcomes.c.outcome, outcomes.c.reported_at).where(
            outcomes.c.prediction_id == sale.id
        )
    ).all()
    known = {row.row_index: row.outcome for row in rows}
    return OutcomesOut(
        prediction_id=sale.id,
        model=sale.model,
        version=sale.version,
        outcomes=[known.get(row) for row in range(sale.rows)],
        reported=len(known),
        reported_at=rfc3339(max(row.reported_at for row in rows)) if rows else None,
    )


def _lots(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]


def _lots_of_rows(sales: Sequence[_Sale]) -> Iterator[list[_Sale]]:
    lot: list[_Sale] = []
    rows = 0
    for sale in sales:
        if lot and rows + sale.rows > _ROWS_AT_ONCE:
            yield lot
            lot, rows = [], 0
        lot.append(sale)
        rows += sale.rows
    if lot:
        yield lot
