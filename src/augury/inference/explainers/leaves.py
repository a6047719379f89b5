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
from tempfile import TemporaryDirectory
from typing import Any

import catboost
import msgspec
import numpy as np
import numpy.typing as npt

from augury.inference.explainers.protocol import Contributions, Explain, Floats
from augury.inference.manifest import BadModel, Manifest
from augury.inference.runtimes.catboost import features_of, open_model

Cells = npt.NDArray[np.object_]

# Deeper trees have too many leaves for a table; CatBoost's default is 6.
_DEEPEST = 6
_TREES_AT_ONCE = 256
# What is gathered for so many rows stays in the processor's cache.
_ROWS_AT_ONCE = 64


class _Split(msgspec.Struct):
    split_type: str
    float_feature_index: int | None = None
    cat_feature_index: int | None = None


class _Tree(msgspec.Struct):
    leaf_values: list[float]
    leaf_weights: list[float] = []
    splits: list[_Split] = []


class _Feature(msgspec.Struct):
    feature_index: int
    flat_feature_index: int


class _Features(msgspec.Struct):
    float_features: list[_Feature] = []
    categorical_features: list[_Feature] = []


class _Forest(msgspec.Struct):
    features_info: _Features
    scale_and_bias: tuple[float, list[float]]
    oblivious_trees: list[_Tree] = []


def open_explainer(path: Path, manifest: Manifest, threads: int) -> Explain:
    """Return what explains the log-odds of a `.cbm` file; raises `BadModel` if it cannot."""
    model = open_model(path)
    to_features = features_of(model, manifest)
    forest = _structure(model, manifest)
    tables = _tables(forest) if forest else None
    if tables is None:
        return _slowly(model, to_features, manifest, threads)
    fields = len(manifest.inputs)

    def explain(matrix: npt.NDArray[np.float32]) -> Contributions:
        leaves = model.calc_leaf_indexes(to_features(matrix), thread_count=threads)
        return tables.look_up(leaves, fields)

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

    def look_up(self, leaves: npt.NDArray[Any], fields: int) -> Contributions:
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


def _structure(model: catboost.CatBoostClassifier, manifest: Manifest) -> _Forest | None:
    """Return the trees of a model, or None where one has a form that the tables do not cover."""
    with TemporaryDirectory(prefix="augury-trees-") as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        try:
            forest = msgspec.json.decode(path.read_bytes(), type=_Forest)
        except msgspec.DecodeError:
            return None
    if not forest.oblivious_trees:
        # Measured: what CatBoost calls Shapley values of such trees is off by a tenth.
        message = f"the trees of {manifest.name} are not symmetric: its reasons need references"
        raise BadModel(message)
    plain = len(forest.oblivious_trees) == model.tree_count_ and all(
        len(tree.splits) <= _DEEPEST
        and len(tree.leaf_values) == len(tree.leaf_weights) == 2 ** len(tree.splits)
        and all(split.split_type in {"FloatFeature", "OneHotFeature"} for split in tree.splits)
        for tree in forest.oblivious_trees
    )
    return forest if plain else None


def _tables(forest: _Forest) -> _Tables:
    scale, biases = forest.scale_and_bias
    base = biases[0]
    found: list[tuple[int, int, Floats]] = []  # field, tree, [leaves]
    for alike, fields in _alike(forest):
        trees = [forest.oblivious_trees[place] for place in alike]
        expected, shares = _shapley(trees, _pattern(fields[0]))
        base += scale * float(expected.sum())
        for player, share in enumerate(shares):
            for place, of_tree, table in zip(alike, fields, share, strict=True):
                found.append((sorted(set(of_tree), key=of_tree.index)[player], place, table))
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


def _alike(forest: _Forest) -> Iterator[tuple[list[int], list[tuple[int, ...]]]]:
    """Give trees of one shape together, some at a time, with the field of each of their splits."""
    info = forest.features_info
    numbers = {one.feature_index: one.flat_feature_index for one in info.float_features}
    categories = {one.feature_index: one.flat_feature_index for one in info.categorical_features}
    groups: dict[tuple[int, ...], list[tuple[int, tuple[int, ...]]]] = defaultdict(list)
    for place, tree in enumerate(forest.oblivious_trees):
        # The last split is the root: it is the highest bit of a leaf's number.
        fields = tuple(
            numbers[split.float_feature_index]
            if split.float_feature_index is not None
            else categories[split.cat_feature_index or 0]
            for split in reversed(tree.splits)
        )
        groups[_pattern(fields)].append((place, fields))
    for members in groups.values():
        for begin in range(0, len(members), _TREES_AT_ONCE):
            block = members[begin : begin + _TREES_AT_ONCE]
            yield [place for place, _ in block], [fields for _, fields in block]


def _pattern(fields: Sequence[int]) -> tuple[int, ...]:
    """Return which splits share a field: (7, 3, 7) and (2, 5, 2) are both (0, 1, 0)."""
    seen = {field: number for number, field in enumerate(dict.fromkeys(fields))}
    return tuple(seen[field] for field in fields)


def _shapley(trees: list[_Tree], pattern: tuple[int, ...]) -> tuple[Floats, list[Floats]]:
    """Return the expected value [trees], and for each player of the pattern [trees, leaves]."""
    depth, players = len(pattern), len(set(pattern))
    shape = (len(trees), *[2] * depth)
    values = np.array([tree.leaf_values for tree in trees], np.float64).reshape(shape)
    down = _proportions(np.array([tree.leaf_weights for tree in trees], np.float64).reshape(shape))
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
    to_features: Callable[[npt.NDArray[np.float32]], Cells],
    manifest: Manifest,
    threads: int,
) -> Explain:
    """Return CatBoost's own explanation, for trees of other forms: some milliseconds a row."""
    names = [field.name for field in manifest.inputs]
    categories = [p for p, field in enumerate(manifest.inputs) if field.type == "category"]

    def explain(matrix: npt.NDArray[np.float32]) -> Contributions:
        pool = catboost.Pool(to_features(matrix), cat_features=categories, feature_names=names)
        try:
            found = model.get_feature_importance(pool, "ShapValues", thread_count=threads)
        except catboost.CatBoostError as error:
            message = f"{manifest.name} cannot be explained: {error}"
            raise BadModel(message) from error
        return Contributions(found[:, -1].copy(), found[:, :-1].copy(), np.zeros(len(matrix)))

    return explain
