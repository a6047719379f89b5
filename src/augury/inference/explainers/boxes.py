"""Shapley values of boosted trees against reference rows, leaf by leaf, for any number of fields.

The leaf of a tree is a box: a row ends there when each field on the way lies within bounds. Between
a row and a reference only those fields decide about a leaf where exactly one of the two is within:
say a fields where only the row is, and b where only the reference is. A mixed row ends in the leaf
when all a come from the row and all b from the reference. So in a game of a + b players each of the
a gains `(a - 1)! b! / (a + b)!` of the leaf's value, and each of the b loses
`a! (b - 1)! / (a + b)!` of it. A leaf with a field where neither is within is out of reach.
Contributions are sums over the leaves of all trees and means over the references: those of
`coalitions.py`, without its coalitions.

This holds where the log-odds are a sum over trees. Whether they are is found out by predicting.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path

import numpy as np
import numpy.typing as npt

from augury.inference.explainers import coalitions
from augury.inference.explainers.protocol import (
    Contributions,
    Explain,
    Floats,
    log_odds,
    probability,
)
from augury.inference.manifest import InputField, Manifest, Raw
from augury.inference.runtimes.protocol import Predict

Matrix = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]
Bits = npt.NDArray[np.unsignedinteger]
# The rows as the trees see them, float64 [rows, columns].
Columns = Callable[[Matrix], Floats]

# Between the sum over the trees and the model's log-odds: 32 bits, and what they do to a
# probability near certainty.
_AGREES_WITHIN = 1e-4
_PROBABILITY_WITHIN = 2e-7
# More fields on the way to one leaf are left to coalitions.
MOST_BITS = 32
_TRIED_ROWS = 64
_HALF, _SOME = 0.5, 0.1
# Where the probability is so close to certainty its log-odds are too coarse to compare.
_CERTAIN = 0.001
# Rows whose scores are all alike prove nothing.
_LEAST_SPREAD = 0.01


@dataclass(frozen=True)
class Boxes:
    """The leaves of all trees. A bound is on a column, and belongs to one of the leaf's fields.

    Each leaf numbers the fields on its way: they are its bits. Where a leaf has fewer bounds or
    fewer fields than others, the rest of its column here has no bit.
    """

    values: Floats  # [leaves] what a leaf adds to the log-odds
    field: Places  # [bits, leaves] which field a bit stands for
    column: Places  # [bounds, leaves] the column that a bound is on
    low: Floats  # [bounds, leaves] exclusive
    high: Floats  # [bounds, leaves] inclusive
    beyond: npt.NDArray[np.bool_]  # [bounds, leaves] true where it is to lie outside
    missing: npt.NDArray[np.bool_]  # [bounds, leaves] whether a missing value will do
    bit: Bits  # [bounds, leaves] the bit of the bound's field

    @cached_property
    def whole(self) -> Bits:
        """Return for each leaf all its bits."""
        found: Bits = np.bitwise_or.reduce(self.bit, axis=0)
        return found

    def within(self, row: Floats) -> Bits:
        """Return for each leaf the bits of the fields whose bounds this row keeps."""
        broken = np.zeros_like(self.whole)
        unknown = np.isnan(row)
        some_unknown = bool(unknown.any())
        for place, column in enumerate(self.column):
            value = row[column]
            kept = ((value > self.low[place]) & (value <= self.high[place])) ^ self.beyond[place]
            if some_unknown:
                kept = np.where(unknown[column], self.missing[place], kept)
            broken |= self.bit[place] * ~kept
        return self.whole & ~broken


def open_explainer(
    path: Path, manifest: Manifest, references: Matrix, predict: Predict
) -> Explain | None:
    """Return what explains the trees of an ONNX file against float32 [references, fields].

    None where the file has no trees of a form that is known here, or more than trees.
    """
    graph = path.read_bytes()
    if not _may_add_up(graph, manifest.raw):
        return None
    # Loaded only now: whoever sells no such model is spared the library that reads it.
    read = import_module("augury.inference.explainers.onnx_trees").read
    try:
        trees = read(graph, manifest, references)
    except Exception:  # noqa: BLE001 -- whatever somebody wrote into a file; coalitions never look
        return None
    if trees is None:
        return None
    boxes, columns = trees
    tried = _mixed(references, manifest.inputs)
    scores = _scores(boxes, columns(tried))
    for sign in (1.0, -1.0):
        shift = _shift(sign * scores, predict(tried))
        if shift is not None:
            pairs = _Pairs(boxes, columns(references), len(manifest.inputs))
            general = coalitions.against(references, predict)
            return _explain(pairs, (sign, shift), columns, predict, general)
    return None


def _may_add_up(graph: bytes, raw: Raw) -> bool:
    """Return whether a file may have trees that add up in log-odds; a forest of chances has not.

    To ask its text costs nothing; to read it costs megabytes that are not given back.
    """
    if b"TreeEnsemble" not in graph:
        return False
    classifier = b"TreeEnsembleClassifier" in graph
    return raw.scale == "log_odds" or b"LOGISTIC" in graph or not classifier


def _mixed(references: Matrix, fields: list[InputField]) -> Matrix:
    """Return the references, and rows with values from them, around them, and from all over."""
    random = np.random.default_rng(0)
    columns = []
    for known, field in zip(references.T, fields, strict=True):
        drawn = random.choice(known, _TRIED_ROWS)
        if field.categories:
            drawn = random.integers(len(field.categories), size=_TRIED_ROWS)
        elif field.minimum is not None and field.maximum is not None:
            elsewhere = random.uniform(field.minimum, field.maximum, _TRIED_ROWS)
            drawn = np.where(random.random(_TRIED_ROWS) < _HALF, drawn, elsewhere)
        else:
            drawn = drawn * random.uniform(0, 2, _TRIED_ROWS)
        unknown = random.random(_TRIED_ROWS) < (_SOME if field.nullable else 0)
        columns.append(np.where(unknown, np.nan, drawn))
    return np.concatenate([references, np.stack(columns, axis=1).astype(np.float32)])


def _scores(boxes: Boxes, rows: Floats) -> Floats:
    return np.array([boxes.values[boxes.within(row) == boxes.whole].sum() for row in rows])


def _shift(scores: Floats, given: Floats) -> float | None:
    """Return what is to be added to the scores, or None where that does not give log-odds."""
    open_minded = (given > _CERTAIN) & (given < 1 - _CERTAIN)
    if not open_minded.any() or np.ptp(scores[open_minded]) < _LEAST_SPREAD:
        return None
    shift = float(np.median((log_odds(given) - scores)[open_minded]))
    return shift if _agree(scores + shift, given).all() else None


def _agree(scores: Floats, given: Floats) -> npt.NDArray[np.bool_]:
    inside = probability(log_odds(given))
    odds = log_odds(probability(scores))
    allowed = _AGREES_WITHIN + _PROBABILITY_WITHIN / (inside * (1 - inside))
    agree: npt.NDArray[np.bool_] = np.abs(odds - log_odds(given)) <= allowed
    return agree


class _Pairs:
    """Each leaf with each set of bits that references keep there: those that agree are one."""

    def __init__(self, boxes: Boxes, references: Floats, fields: int) -> None:
        """Compare the references with all leaves."""
        self.boxes, self._fields = boxes, fields
        kept = np.stack([boxes.within(row) for row in references])
        self.base = float((boxes.values * (kept == boxes.whole)).sum()) / len(references)
        # Leaf and bits in one number, because those are sorted much sooner than pairs.
        leaf = np.arange(len(boxes.values)) << MOST_BITS
        pairs, count = np.unique(leaf | kept.astype(np.int64), return_counts=True)
        self._leaf = (pairs >> MOST_BITS).astype(np.intp)
        self._kept = (pairs & (1 << MOST_BITS) - 1).astype(kept.dtype)
        self._whole = boxes.whole[self._leaf]
        self._value = boxes.values[self._leaf] * count / len(references)
        self._gains, self._losses = _weights(len(boxes.field))

    def compare(self, row: Floats) -> tuple[float, Floats]:
        """Return the sum over the leaves where a row ends, and the contributions [fields] to it."""
        kept = self.boxes.within(row)
        mine = kept.take(self._leaf)
        # The first is out of reach for all mixed rows, the second the same for all of them.
        counts = np.flatnonzero(((mine | self._kept) == self._whole) & (mine != self._kept))
        leaf, mine, theirs = self._leaf.take(counts), mine.take(counts), self._kept.take(counts)
        only_mine, only_theirs = mine & ~theirs, theirs & ~mine
        sizes = np.bitwise_count(only_mine).astype(np.intp) * len(self._gains)
        sizes = sizes + np.bitwise_count(only_theirs)
        value = self._value.take(counts)
        gain, loss = value * self._gains.take(sizes), value * self._losses.take(sizes)
        found = np.zeros(self._fields)
        for place, field in enumerate(self.boxes.field):
            bit = only_mine.dtype.type(1 << place)
            share = gain * (only_mine & bit != 0) - loss * (only_theirs & bit != 0)
            found += np.bincount(field.take(leaf), share, self._fields)
        return float(self.boxes.values[kept == self.boxes.whole].sum()), found


def _explain(
    pairs: _Pairs, link: tuple[float, float], columns: Columns, predict: Predict, general: Explain
) -> Explain:
    sign, shift = link

    def explain(matrix: Matrix) -> Contributions:
        compared = [pairs.compare(row) for row in columns(matrix)]
        scores = sign * np.array([score for score, _ in compared]) + shift
        given = predict(matrix)
        if not _agree(scores, given).all():
            return general(matrix)
        # What 32 bits rounded off on the way to the probability goes to the base, so that
        # contributions add up to what is sold.
        rounding = log_odds(given) - log_odds(probability(scores))
        fields = sign * np.stack([found for _, found in compared])
        return Contributions(sign * pairs.base + shift + rounding, fields, np.zeros(len(matrix)))

    return explain


def _weights(bits: int) -> tuple[Floats, Floats]:
    """Return what one of a gains and one of b loses, each [a, b]."""
    gains, losses = np.zeros((bits + 1, bits + 1)), np.zeros((bits + 1, bits + 1))
    for a in range(bits + 1):
        for b in range(bits + 1 - a):
            if a:
                gains[a, b] = 1 / (a * math.comb(a + b, a))
            if b:
                losses[a, b] = 1 / (b * math.comb(a + b, b))
    return gains, losses
