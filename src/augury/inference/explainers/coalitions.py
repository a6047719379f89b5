"""Shapley values against reference rows: for any model that predicts.

For one row and one reference, a coalition is a set of fields that keep the row's values while the
others take those of the reference. A field's contribution is what it adds to the log-odds when it
joins, averaged over all orders of joining. Fields on which the two rows agree never change
anything, so only the others count: up to eleven of them give 2048 coalitions, and every one is
asked for. With more, orders are sampled. The result is the mean over all references.
"""

import hashlib
import math
from functools import cache

import numpy as np
import numpy.typing as npt

from augury.inference.explainers.protocol import Contributions, Explain, Floats, log_odds
from augury.inference.runtimes.protocol import Predict

Matrix = npt.NDArray[np.float32]
Masks = npt.NDArray[np.bool_]

# 2 ** 11 rows for one reference; each further field would double them.
MOST_EXACT = 11
_FEWEST_PAIRS, _ROWS_SAMPLED = 16, 4096
_STANDARD_ERRORS = 3.0


def against(references: Matrix, predict: Predict) -> Explain:
    """Return what explains the log-odds of `predict` against float32 [references, fields]."""

    def explain(matrix: Matrix) -> Contributions:
        rows = [_explained(row, references, predict) for row in matrix]
        base, fields, error = zip(*rows, strict=True)
        return Contributions(np.array(base), np.stack(fields), np.array(error))

    return explain


def _explained(row: Matrix, references: Matrix, predict: Predict) -> tuple[float, Floats, float]:
    """Return base, contributions [fields] and error of one row, all references in one call."""
    unlike = [np.flatnonzero(~_same(row, reference)) for reference in references]
    masks = [
        coalitions(len(places))[0]
        if len(places) <= MOST_EXACT
        else _on_the_way(_orders(len(places), row, reference))
        for places, reference in zip(unlike, references, strict=True)
    ]
    mixed = [
        _mixed(row, reference, places, chosen)
        for reference, places, chosen in zip(references, unlike, masks, strict=True)
    ]
    scores = log_odds(predict(np.concatenate(mixed)))
    base, variance = 0.0, np.zeros(len(row))
    total = np.zeros(len(row))
    start = 0
    for reference, places, chosen in zip(references, unlike, masks, strict=True):
        part = scores[start : start + len(chosen)]
        start += len(chosen)
        base += float(part[0])
        if len(places) <= MOST_EXACT:
            total[places] += part @ coalitions(len(places))[1]
        else:
            mean, spread = _along(part, _orders(len(places), row, reference))
            total[places] += mean
            variance[places] += spread
    count = len(references)
    error = _STANDARD_ERRORS * math.sqrt(float(variance.max())) / count
    return base / count, total / count, error


def _same(row: Matrix, reference: Matrix) -> Masks:
    same: Masks = (row == reference) | (np.isnan(row) & np.isnan(reference))
    return same


def _mixed(row: Matrix, reference: Matrix, places: npt.NDArray[np.intp], chosen: Masks) -> Matrix:
    """Return the reference once for each coalition, with the row's values where it says so."""
    mixed = np.repeat(reference[None], len(chosen), axis=0)
    mixed[:, places] = np.where(chosen, row[places], reference[places])
    return mixed


@cache
def coalitions(fields: int) -> tuple[Masks, Floats]:
    """Return all coalitions [2**fields, fields], the empty one first, and Shapley's weights.

    Values of the coalitions times the weights are the contributions: a coalition that has the
    field counts for it, one that lacks it counts against it.
    """
    numbers = np.arange(2**fields)
    masks = (numbers[:, None] >> np.arange(fields) & 1).astype(bool)
    sizes = masks.sum(axis=1)
    joined = np.array([_weight(size - 1, fields) for size in range(fields + 1)])
    absent = np.array([_weight(size, fields) for size in range(fields + 1)])
    weights = np.where(masks, joined[sizes, None], -absent[sizes, None])
    return masks, weights.astype(np.float64)


def _weight(others: int, fields: int) -> float:
    """Return the share of orders in which just these many others come before a field."""
    if not 0 <= others < fields:
        return 0.0
    return 1 / (fields * math.comb(fields - 1, others))


def _orders(fields: int, row: Matrix, reference: Matrix) -> npt.NDArray[np.intp]:
    """Return orders of joining [2 * pairs, fields], each followed by its reverse.

    They are drawn by a generator that the two rows seed: the same question has the same answer.
    """
    seed = hashlib.sha256(row.tobytes() + reference.tobytes()).digest()
    random = np.random.default_rng(int.from_bytes(seed[:8]))
    pairs = max(_FEWEST_PAIRS, _ROWS_SAMPLED // (2 * fields))
    drawn = random.permuted(np.tile(np.arange(fields), (pairs, 1)), axis=1)
    return np.stack([drawn, drawn[:, ::-1]], axis=1).reshape(2 * pairs, fields)


def _on_the_way(orders: npt.NDArray[np.intp]) -> Masks:
    """Return who has joined after each step of each order: [orders * (fields + 1), fields]."""
    count, fields = orders.shape
    turns = np.argsort(orders, axis=1)
    joined: Masks = turns[:, None, :] < np.arange(fields + 1)[None, :, None]
    return joined.reshape(count * (fields + 1), fields)


def _along(scores: Floats, orders: npt.NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Return mean contributions [fields] over orders, and the variance of each mean.

    Along every order the steps add up to the whole way, so their means do too.
    """
    count, fields = orders.shape
    steps = np.diff(scores.reshape(count, fields + 1), axis=1)
    by_field = np.take_along_axis(steps, np.argsort(orders, axis=1), axis=1)
    # An order and its reverse are one draw: they lean to opposite sides.
    pairs = by_field.reshape(count // 2, 2, fields).mean(axis=1)
    return pairs.mean(axis=0), pairs.var(axis=0, ddof=1) / len(pairs)
