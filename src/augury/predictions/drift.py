"""Drift: how far the rows that a version is asked of late are from those that it learnt from.

Looked at from time to time; administrators are told once, when it gets worse.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from sqlalchemy import func, select, text, tuple_

from augury.inference.drift import LEVELS, Level, Shift, Tally, settled
from augury.inference.manifest import Manifest, Reference, Spread
from augury.kit.clock import SECOND, now
from augury.kit.db import Database, ReadTx, WriteTx
from augury.kit.errors import Refusal
from augury.notices import service as notices
from augury.notices.service import Event, EventType
from augury.predictions.newest import column_reader, contents, newest
from augury.predictions.tables import drift_states
from augury.registry.shelf import manifests
from augury.users.service import administrators

EVERY_SECONDS = 600
# A week has all of its days in it, however people's business goes.
USUAL_DAYS = 7
DAY = 24 * 3600 * SECOND
# The name under which the score stands beside the fields.
SCORE = ""
# As many digits as an answer has: a value at an edge must be at the edge again.
_SCORE_DIGITS = 6

_inputs = msgspec.json.Decoder(list[dict[str, float | str | None]])


class NoReference(Refusal):
    """The manifest does not say what the training rows looked like."""

    code = "no_reference"
    status = 409


@dataclass(frozen=True, slots=True)
class Drift:
    """What was found about the newest sales of a version: the shift of every column, and `SCORE`'s.

    Of `rows` in so many `predictions`, made at `since` or later.
    """

    model: str
    version: int
    manifest: Manifest
    reference: Reference
    since: int
    predictions: int
    rows: int
    shifts: dict[str, Shift]


def measure(tx: ReadTx, model: str, version: int, manifest: Manifest, since: int) -> Drift:
    """Return how far a version's newest sales have moved; raises `NoReference`."""
    reference = manifest.reference
    if reference is None:
        raise NoReference(model=model, version=version)
    categories = {field.name: field.categories for field in manifest.inputs}
    tallies = {name: Tally(spread, categories[name]) for name, spread in reference.fields.items()}
    scores = Tally(_rounded(reference.score))
    read_scores = column_reader(manifest.outputs.probability)
    sales = newest(tx, model, version, since)
    for lot in contents(tx, sales):
        rows = [row for inputs, _ in lot for row in _inputs.decode(inputs)]
        for name, tally in tallies.items():
            tally.add([row.get(name) for row in rows])
        scores.add([row.value for _, outputs in lot for row in read_scores.decode(outputs)])
    tallies[SCORE] = scores
    return Drift(
        model,
        version,
        manifest,
        reference,
        since,
        len(sales),
        sum(sale.rows for sale in sales),
        {name: tally.shift(reference.rows) for name, tally in tallies.items()},
    )


def _rounded(spread: Spread) -> Spread:
    edges = None if spread.edges is None else [round(one, _SCORE_DIGITS) for one in spread.edges]
    return msgspec.structs.replace(spread, edges=edges)


def look(db: Database, champions: Iterable[tuple[str, int]], stop: threading.Event) -> int:
    """Look at versions `(model, version)` and tell administrators of what got worse.

    Returns how many columns changed their level. Several processes may look at the same time.
    """
    changed = 0
    for model, version in champions:
        if stop.is_set():
            break
        with db.read() as tx:
            manifest = manifests(tx, {(model, version)}).get((model, version))
            if manifest is None or manifest.reference is None:
                continue
            found = measure(tx, model, version, manifest, now() - USUAL_DAYS * DAY)
            moves = _moves(tx, found)
        if moves:
            with db.write() as tx:
                changed += _settle(tx, found, moves)
    return changed


@dataclass(frozen=True, slots=True)
class _Move:
    """A column whose level is another than the one it was left at, if it was ever looked at."""

    subject: str
    before: Level | None
    after: Level
    shift: Shift


def drifted(tx: ReadTx, champions: Iterable[tuple[str, int]]) -> dict[tuple[str, str], int]:
    """Return how many columns of versions `(model, version)` are at each level, by model."""
    states = drift_states
    rows = tx.execute(
        select(states.c.model, states.c.level, func.count())
        .where(tuple_(states.c.model, states.c.version).in_(list(champions)))
        .group_by(states.c.model, states.c.level)
    )
    return {(model, level): count for model, level, count in rows}


def _moves(tx: ReadTx, found: Drift) -> list[_Move]:
    states = drift_states
    known: dict[str, Level] = {
        row.subject: row.level
        for row in tx.execute(
            select(states.c.subject, states.c.level).where(
                states.c.model == found.model, states.c.version == found.version
            )
        )
    }
    moves = []
    # In the order of their keys, so that two processes never wait for each other in a circle.
    for subject, shift in sorted(found.shifts.items()):
        before = known.get(subject)
        after = settled(shift, before or "calm")
        if shift.level is not None and after != before:
            moves.append(_Move(subject, before, after, shift))
    return moves


def _settle(tx: WriteTx, found: Drift, moves: list[_Move]) -> int:
    """Store the new levels, and tell of those that are worse: whoever stores one tells of it."""
    moment = now()
    won = [move for move in moves if _store(tx, found, move, moment)]
    worse = [move for move in won if LEVELS.index(move.after) > LEVELS.index(move.before or "calm")]
    if worse:
        data = _told(found, worse)
        notices.publish(
            tx,
            [
                Event(EventType.MODEL_DRIFTED, user_id, data, mail="model_drifted")
                for user_id in administrators(tx)
            ],
        )
    return len(won)


_FIRST = text(
    "INSERT INTO drift_states (model, version, subject, level, stability_index, changed_at)"
    " VALUES (:model, :version, :subject, :after, :index, :moment) ON CONFLICT DO NOTHING"
)
_AGAIN = text(
    "UPDATE drift_states SET level = :after, stability_index = :index, changed_at = :moment"
    " WHERE model = :model AND version = :version AND subject = :subject AND level = :before"
)


def _store(tx: WriteTx, found: Drift, move: _Move, moment: int) -> bool:
    """Store a level if it is still the one before that stands there; return whether it was."""
    values = {
        "model": found.model,
        "version": found.version,
        "subject": move.subject,
        "after": move.after,
        "index": move.shift.stability_index or 0.0,
        "moment": moment,
    }
    if move.before is None:
        return tx.execute(_FIRST, values).rowcount == 1
    return tx.execute(_AGAIN, values | {"before": move.before}).rowcount == 1


def _told(found: Drift, worse: list[_Move]) -> dict[str, object]:
    """Return the data of the event; `summary` is the same for eyes, in no language."""
    subjects = [
        {
            "subject": move.subject or found.manifest.outputs.probability,
            "level": move.after,
            "stability_index": move.shift.stability_index,
            "missing": move.shift.missing,
            "missing_then": move.shift.missing_then,
        }
        for move in worse
    ]
    return {
        "model": found.model,
        "version": found.version,
        "level": max((move.after for move in worse), key=LEVELS.index),
        "rows": found.rows,
        "subjects": subjects,
        "summary": "\n".join(_line(move, found) for move in worse),
    }


def _line(move: _Move, found: Drift) -> str:
    name = move.subject or found.manifest.outputs.probability
    index = move.shift.stability_index
    shown = "–" if index is None else f"{index:.3f}"
    missing = f"{move.shift.missing_then:.1%} → {move.shift.missing:.1%}"
    return f"{name}: {move.after}; PSI {shown}; NULL {missing}"
