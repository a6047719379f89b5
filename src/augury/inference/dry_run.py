"""The dry run of a model: rows at every edge of its schema, tried as a sale would try them.

Rows of different customers are joined into one call, so a row must get the same answer alone, in
a crowd and in another order: a model that mixes rows would tell one customer about another.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import numpy as np

from augury.inference.documents.protocol import DocumentModel
from augury.inference.manifest import BadModel, InputField
from augury.inference.model import Model, Probabilities
from augury.inference.signature import MOST_ROWS, Matrix

_SEED = 20_260_101
_MOST_TRIED, _FEWEST_TRIED = 4000, 40
_CATEGORIES_TRIED = 20
_MOST_ALONE, _FEWEST_ALONE = 48, 8
# Sizes of the crowds that a row is put into; powers and numbers that are none.
_CROWDS = (2, 3, 16, 37)
_SAME_WITHIN = 1e-6
_EXPLAINED = 24
_DOCUMENTS_TRIED = 37
_EXPLAINED_SECONDS = 5.0
# What stands for "no limit": far from any value that was learnt, near enough to be a number.
_FAR = 1e9
_MISSING_SHARE = 0.1
_TIMED = 20
_LONGEST_SHOWN = 300


@dataclass(frozen=True, slots=True)
class Trial:
    """What a dry run found."""

    rows: int
    self_test_error: float
    latency_ms_one_row: float
    latency_ms_per_row_of_thousand: float
    reasons_ms_one_row: float | None


def tried(model: Model, seconds: float) -> Trial:
    """Return what became of a model in about so many seconds; raises `BadModel` with the row."""
    test = model.manifest.self_test
    known = model.signature.decode(msgspec.json.encode(test.inputs))
    error = float(np.max(np.abs(model.predict(known) - np.array(test.probabilities))))
    thousand = np.resize(known, (MOST_ROWS, known.shape[1]))
    per_thousand = _seconds(lambda: model.predict(thousand), 1, seconds / 10)
    # Each row is asked for about five times.
    affordable = int(seconds / 10 / (per_thousand / MOST_ROWS))
    rows = edge_rows(model.manifest.inputs, known, max(_FEWEST_TRIED, min(_MOST_TRIED, affordable)))
    one = _seconds(lambda: model.predict(known[:1]), _TIMED, seconds / 20)
    crowds = [rows[start : start + MOST_ROWS] for start in range(0, len(rows), MOST_ROWS)]
    # A model on another server may take long for each call, however many rows it has.
    alone = int(seconds / 10 / (one * len(crowds)))
    for crowd in crowds:
        _try(model, crowd, max(_FEWEST_ALONE, min(_MOST_ALONE, alone)))
    reasons = None
    if model.manifest.explain is not None:
        _try_reasons(model, rows)
        reasons = model.explain_seconds(1) * 1000
    return Trial(
        rows=len(rows),
        self_test_error=error,
        latency_ms_one_row=one * 1000,
        latency_ms_per_row_of_thousand=per_thousand * 1000 / MOST_ROWS,
        reasons_ms_one_row=reasons,
    )


def tried_documents(model: DocumentModel) -> Trial:
    """Return what became of a model of documents: its self-test, and the same alone and crowded.

    Raises `BadModel`. Its arithmetic is ours, whatever the artefact holds: there are no edges of
    a schema that only the artefact knows.
    """
    test = model.manifest.self_test
    documents = model.read(msgspec.json.encode(test.inputs))
    crowd = (documents * -(-_DOCUMENTS_TRIED // len(documents)))[:_DOCUMENTS_TRIED]
    together = model.probabilities(crowd)
    alone = [model.probabilities([one])[0] for one in documents]
    apart = max(abs(one - alone[place % len(documents)]) for place, one in enumerate(together))
    if not apart <= _SAME_WITHIN:
        raise BadModel("documents_mixed", worst=apart)
    one = _seconds(lambda: model.probabilities(documents[:1]), _TIMED, 1.0)
    many = _seconds(lambda: model.probabilities(crowd), 1, 1.0)
    return Trial(
        rows=len(crowd),
        self_test_error=model.self_test_error,
        latency_ms_one_row=one * 1000,
        latency_ms_per_row_of_thousand=many * 1000 / len(crowd),
        reasons_ms_one_row=None,
    )


def edge_rows(fields: list[InputField], known: Matrix, most: int) -> Matrix:
    """Return rows inside the schema, the same each time: float32 [at most `most`, fields].

    One field at a time at each of its edges, all at once at their edges, and rows by chance.
    """
    random = np.random.default_rng(_SEED)
    edges = [_edges(field, random) for field in fields]
    single = [(place, value) for place, values in enumerate(edges) for value in values]
    if len(single) > most // 2:
        chosen = random.choice(len(single), most // 2, replace=False)
        single = [single[place] for place in sorted(chosen)]
    one_by_one = np.repeat(known[:1], len(single), axis=0)
    for row, (place, value) in enumerate(single):
        one_by_one[row, place] = value
    together = np.array([[values[turn] for values in edges] for turn in (0, 1, -1)], np.float32)
    by_chance = np.stack(
        [_drawn(field, max(8, (most - len(single)) // 2), random) for field in fields], axis=1
    )
    mixed = known[random.integers(0, len(known), len(by_chance))]
    keep = random.random(mixed.shape) < 0.5  # noqa: PLR2004 -- half of each
    rows = np.concatenate(
        [known, together, one_by_one, by_chance, np.where(keep, mixed, by_chance)]
    )
    return np.ascontiguousarray(rows[:most], np.float32)


def _edges(field: InputField, random: np.random.Generator) -> list[float]:
    """Return the values at which a field may surprise: the lowest, the highest, the missing."""
    if field.type == "category":
        count = len(field.categories or ())
        few = count <= _CATEGORIES_TRIED
        inner = range(1, count - 1) if few else random.integers(1, count - 1, _CATEGORIES_TRIED)
        values = [0.0, float(count - 1), *map(float, inner)]
    else:
        low, high = _limits(field)
        values = [low, high, *([0.0] if low < 0 < high else [])]
    return [*values, float("nan")] if field.nullable else values


def _limits(field: InputField) -> tuple[float, float]:
    low = -_FAR if field.minimum is None else float(field.minimum)
    high = _FAR if field.maximum is None else float(field.maximum)
    # One limit may be farther than what stands for none.
    return (min(low, high), max(low, high))


def _drawn(field: InputField, count: int, random: np.random.Generator) -> Matrix:
    if field.type == "category":
        values = random.integers(0, len(field.categories or ()), count).astype(np.float32)
    else:
        low, high = _limits(field)
        values = (low + (high - low) * random.random(count)).astype(np.float32)
        if field.type == "integer":
            values = np.rint(values)
    if field.nullable:
        values[random.random(count) < _MISSING_SHARE] = np.nan
    return values


def _try(model: Model, rows: Matrix, most_alone: int) -> None:
    """Raise `BadModel` unless the rows get probabilities, again the same, whoever is with them."""
    expected = _predicted(model, rows)
    _compare(model, "dry_run_again", rows, expected, _predicted(model, rows))
    order = np.random.default_rng(_SEED).permutation(len(rows))
    shuffled = np.empty_like(expected)
    shuffled[order] = _predicted(model, rows[order])
    _compare(model, "dry_run_mixes", rows, expected, shuffled)
    some = np.unique(np.linspace(0, len(rows) - 1, most_alone).astype(np.intp))
    alone = np.concatenate([_predicted(model, rows[place : place + 1]) for place in some])
    _compare(model, "dry_run_mixes", rows[some], expected[some], alone)
    for crowd in _CROWDS:
        few = some[: len(some) // crowd * crowd].reshape(-1, crowd)
        for places in few:
            given = _predicted(model, rows[places])
            _compare(model, "dry_run_mixes", rows[places], expected[places], given)


def _predicted(model: Model, rows: Matrix) -> Probabilities:
    """Return the probabilities; raises `BadModel` with the first row that does not get one."""
    try:
        return model.predict(rows)
    except BadModel as error:
        if error.key != "not_a_probability":
            raise
        if len(rows) == 1:
            raise BadModel("dry_run_not_a_probability", row=_shown(model, rows[0])) from error
    except MemoryError:
        raise
    except Exception as error:  # whatever a runtime throws
        if len(rows) == 1:
            raise BadModel("dry_run_fails", row=_shown(model, rows[0]), error=error) from error
    for place in range(len(rows)):
        _predicted(model, rows[place : place + 1])
    raise BadModel("dry_run_fails_together", rows=len(rows))


def _compare(
    model: Model, key: str, rows: Matrix, expected: Probabilities, given: Probabilities
) -> None:
    off = np.abs(expected - given)
    worst = int(np.argmax(off))
    if off[worst] > _SAME_WITHIN:
        raise BadModel(
            key,
            row=_shown(model, rows[worst]),
            first=f"{expected[worst]:.7f}",
            second=f"{given[worst]:.7f}",
        )


def _try_reasons(model: Model, rows: Matrix) -> None:
    """Raise `BadModel` unless the reasons of some of the rows add up."""
    places = np.unique(np.linspace(0, len(rows) - 1, _EXPLAINED).astype(np.intp))
    started = time.monotonic()
    for place in places:
        if time.monotonic() - started > _EXPLAINED_SECONDS:
            break
        model.check_reasons(rows[place : place + 1])


def _seconds(call: Callable[[], object], times: int, most_seconds: float) -> float:
    """Return how long a call takes: the middle of a few, fewer when they take long."""
    taken: list[float] = []
    while len(taken) < times and sum(taken) <= most_seconds:
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
    return float(np.median(taken))


def _shown(model: Model, row: Matrix) -> str:
    """Return a row as JSON, as it could have been sent, cut where it gets long."""
    told = {
        field.name: None
        if np.isnan(value)
        else field.categories[int(value)]
        if field.categories
        else float(value)
        for field, value in zip(model.manifest.inputs, row, strict=True)
    }
    text = msgspec.json.encode(told).decode()
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"
