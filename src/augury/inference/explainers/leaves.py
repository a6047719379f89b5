"""Shapley values of CatBoost's own kind, looked up leaf by leaf.

CatBoost grows symmetric trees: every row that ends in a leaf has answered the same questions the
same way. The Shapley values of one tree (path-dependent: where a field is unknown, both ways are
taken in the proportion of the training rows that took them) are therefore the same for all rows of
a leaf. They are worked out once, when the model is loaded; explaining a row is finding its leaves
and adding up. The values are those of CatBoost's `ShapValues`, to the last bits.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from augury.inference.explainers.protocol import Contributions, Explain, Floats
from augury.inference.lean import catboost
from augury.inference.manifest import BadModel, Manifest
from augury.inference.runtimes.catboost import features_of, open_model

Matrix = npt.NDArray[np.float32]
Cells = npt.NDArray[np.object_]
Leaves = npt.NDArray[np.unsignedinteger]  # [rows, trees] the number of a leaf in its tree
LeavesOf = Callable[[Matrix], Leaves]

# Deeper trees have too many leaves for a table; CatBoost's default is 6.
_DEEPEST = 6
_TREES_AT_ONCE = 256
# What is gathered for so many rows stays in the processor's cache.
_ROWS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class _Tree:
    """A symmetric tree: which field each split asks for, from the root, and its leaves."""

    fields: tuple[int, ...]
    values: Floats  # [2 ** splits]
    weights: Floats  # [2 ** splits] of the training rows that ended there


def open_explainer(path: Path, manifest: Manifest, threads: int) -> Explain:
    """Return what explains the log-odds of CatBoost's file; raises `BadModel` if it cannot."""
    model = open_model(path)
    to_features = features_of(model, manifest)

    def leaves_of(matrix: Matrix) -> Leaves:
        found: Leaves = model.calc_leaf_indexes(to_features(matrix), thread_count=threads)
        return found

    trees = _trees(model, leaves_of, manifest)
    if trees is None:
        return _slowly(model, to_features, manifest, threads)
    tables = _tables(trees, *model.get_scale_and_bias())
    fields = len(manifest.inputs)

    def explain(matrix: Matrix) -> Contributions:
        return tables.look_up(leaves_of(matrix), fields)

    return explain


@dataclass(frozen=True, slots=True)
class _Tables:
    """For each field of each tree one table of its leaves; all tables lie in one row."""

    base: float
    values: Floats
    tree: npt.NDArray[np.intp]  # [tables] which tree's leaf counts
    start: npt.NDArray[np.intp]  # [tables] where the table begins in `values`
    field: npt.NDArray[np.intp]  # [fields in use] ascending
    first: npt.NDArray[np.intp]  # [fields in use] the first table of each

    def look_up(self, leaves: Leaves, fields: int) -> Contributions:
        """Return the contributions of rows that end in these leaves, [rows, trees]."""
        found = np.zeros((len(leaves), fields))
        if len(self.field):
            for begin in range(0, len(leaves), _ROWS_AT_ONCE):
                block = slice(begin, begin + _ROWS_AT_ONCE)
                places = leaves[block].astype(np.intp).take(self.tree, axis=1)
                places += self.start
                # `clip` spares a second pass over the places; a leaf is never out of its table.
                picked = self.values.take(places, mode="clip")
                found[block, self.field] = np.add.reduceat(picked, self.first, axis=1)
        return Contributions(np.full(len(leaves), self.base), found, np.zeros(len(leaves)))


def _trees(
    model: catboost.CatBoostClassifier, leaves_of: LeavesOf, manifest: Manifest
) -> list[_Tree] | None:
    """Return the trees of a model, or None where one has a form that the tables do not cover.

    Which field a split asks for is found out by asking: one field at a time runs through all
    values between which the model can tell, and the bits of the leaves' numbers that change are
    its splits. (The file says it too, but reading it takes megabytes that are never given back.)
    """
    leaves = model.get_tree_leaf_counts().astype(np.int64)
    weights = model.get_leaf_weights()
    if leaves.max(initial=1) > 2**_DEEPEST or (leaves & (leaves - 1)).any():
        return None
    if len(weights) != leaves.sum():
        raise BadModel("no_leaf_weights", name=manifest.name)
    probes = _probes(model, manifest)
    first = np.array([[values[0] for values in probes]], np.float32)
    origin = leaves_of(first)[0].astype(np.uint8)
    answers = [_answers(first, place, values, leaves_of) for place, values in enumerate(probes)]
    changing = [np.bitwise_or.reduce(found ^ origin, axis=0) for found in answers]
    # Each bit has one field exactly, or there are splits on several at once.
    if (np.sum(changing, axis=0, dtype=np.int64) != leaves - 1).any():
        return None
    if not _independent(probes, answers, changing, leaves_of):
        return None
    ends = np.cumsum(leaves)[:-1]
    by_tree = zip(
        leaves, np.split(model.get_leaf_values(), ends), np.split(weights, ends), strict=True
    )
    return [
        _Tree(_fields_of(changing, tree, int(count)), values, of_leaves)
        for tree, (count, values, of_leaves) in enumerate(by_tree)
    ]


def _fields_of(changing: list[Leaves], tree: int, leaves: int) -> tuple[int, ...]:
    """Return the field of each split; the root is the highest bit of a leaf's number."""
    return tuple(
        next(place for place, bits in enumerate(changing) if bits[tree] >> bit & 1)
        for bit in reversed(range(leaves.bit_length() - 1))
    )


def _probes(model: catboost.CatBoostClassifier, manifest: Manifest) -> list[Matrix]:
    """Return for each field values on all sides of all its borders, or all its categories."""
    borders = model.get_borders()
    found = []
    for place, field in enumerate(manifest.inputs):
        if field.categories:
            values = np.arange(len(field.categories), dtype=np.float32)
        else:
            edges = np.array(borders.get(place, []), np.float32)
            # CatBoost's lowest border, of missing values, has nothing finite below it.
            with np.errstate(over="ignore"):
                below = np.nextafter(edges[:1], np.float32(-np.inf))
            above = np.nextafter(edges, np.float32(np.inf))
            other = np.array([np.nan if field.nullable else 0], np.float32)
            values = np.concatenate([below, above, other])
        found.append(values)
    return found


def _answers(first: Matrix, place: int, values: Matrix, leaves_of: LeavesOf) -> Leaves:
    """Return the leaves [values, trees] of a row whose one field takes these values."""
    rows = np.repeat(first, len(values), axis=0)
    rows[:, place] = values
    blocks = [rows[start : start + _ROWS_AT_ONCE] for start in range(0, len(rows), _ROWS_AT_ONCE)]
    return np.concatenate([leaves_of(block).astype(np.uint8) for block in blocks])


def _independent(
    probes: list[Matrix], answers: list[Leaves], changing: list[Leaves], leaves_of: LeavesOf
) -> bool:
    """Return whether mixed rows end where the fields, each asked alone, say that they do."""
    random = np.random.default_rng(0)
    chosen = [random.integers(len(values), size=_ROWS_AT_ONCE) for values in probes]
    mixed = np.stack([v[c] for v, c in zip(probes, chosen, strict=True)], axis=1)
    expected = np.zeros((_ROWS_AT_ONCE, len(changing[0])), np.uint8)
    for found, bits, rows in zip(answers, changing, chosen, strict=True):
        expected |= found[rows] & bits
    return bool((leaves_of(mixed) == expected).all())


def _tables(trees: list[_Tree], scale: float, bias: float) -> _Tables:
    base = bias
    found: list[tuple[int, int, Floats]] = []  # field, tree, [leaves]
    for places in _alike(trees):
        alike = [trees[place] for place in places]
        expected, shares = _shapley(alike, _pattern(alike[0].fields))
        base += scale * float(expected.sum())
        for player, share in enumerate(shares):
            for place, tree, table in zip(places, alike, share, strict=True):
                found.append((list(dict.fromkeys(tree.fields))[player], place, table))
    found.sort(key=lambda one: one[:2])
    sizes = [len(table) for *_, table in found]
    owners = np.array([field for field, *_ in found], np.intp)
    field, first = np.unique(owners, return_index=True)
    return _Tables(
        base,
        scale * np.concatenate([table for *_, table in found]) if found else np.zeros(0),
        np.array([place for _, place, _ in found], np.intp),
        np.cumsum([0, *sizes[:-1]], dtype=np.intp)[: len(found)],
        field.astype(np.intp),
        first.astype(np.intp),
    )


def _alike(trees: list[_Tree]) -> Iterator[list[int]]:
    """Give the places of trees of one shape together, some at a time."""
    groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for place, tree in enumerate(trees):
        groups[_pattern(tree.fields)].append(place)
    for places in groups.values():
        for begin in range(0, len(places), _TREES_AT_ONCE):
            yield places[begin : begin + _TREES_AT_ONCE]


def _pattern(fields: Sequence[int]) -> tuple[int, ...]:
    """Return which splits share a field: (7, 3, 7) and (2, 5, 2) are both (0, 1, 0)."""
    seen = {field: number for number, field in enumerate(dict.fromkeys(fields))}
    return tuple(seen[field] for field in fields)


def _shapley(trees: list[_Tree], pattern: tuple[int, ...]) -> tuple[Floats, list[Floats]]:
    """Return the expected value [trees], and for each player of the pattern [trees, leaves]."""
    depth, players = len(pattern), len(set(pattern))
    shape = (len(trees), *[2] * depth)
    values = np.stack([tree.values for tree in trees]).reshape(shape)
    down = _proportions(np.stack([tree.weights for tree in trees]).reshape(shape))
    shares = [np.zeros(shape) for _ in range(players)]
    expected = np.zeros(len(trees))
    for coalition in range(2**players):
        known = {player for player in range(players) if coalition >> player & 1}
        value = values
        for level in reversed(range(depth)):
            if pattern[level] not in known:
                value = (value * down[level]).sum(axis=level + 1, keepdims=True)
        if not known:
            expected = value.reshape(len(trees))
        for player in range(players):
            before = len(known - {player})
            weight = 1 / (players * math.comb(players - 1, before))
            shares[player] += weight * value if player in known else -weight * value
    return expected, [share.reshape(len(trees), -1) for share in shares]


def _proportions(weights: Floats) -> list[Floats]:
    """Return for each level the share of a node's training rows that went each of its ways."""
    found: list[Floats] = []
    below = weights
    for level in reversed(range(weights.ndim - 1)):
        above = below.sum(axis=level + 1, keepdims=True)
        # Where nobody went there is no value either: CatBoost leaves 0 in an empty leaf.
        found.insert(0, below / np.where(above > 0, above, 1))
        below = above
    return found


def _slowly(
    model: catboost.CatBoostClassifier,
    to_features: Callable[[Matrix], Cells],
    manifest: Manifest,
    threads: int,
) -> Explain:
    """Return CatBoost's own explanation, for trees of other forms: some milliseconds a row."""
    names = [field.name for field in manifest.inputs]
    categories = [p for p, field in enumerate(manifest.inputs) if field.type == "category"]

    def explain(matrix: Matrix) -> Contributions:
        pool = catboost.Pool(to_features(matrix), cat_features=categories, feature_names=names)
        try:
            found = model.get_feature_importance(pool, "ShapValues", thread_count=threads)
        except catboost.CatBoostError as error:
            raise BadModel("reasons_fail", name=manifest.name, error=error) from error
        return Contributions(found[:, -1].copy(), found[:, :-1].copy(), np.zeros(len(matrix)))

    return explain
