"""Histogram gradient boosting of scikit-learn: trees, and categories that it encodes itself."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from augury.publishing.trees import AT_MOST, Trees
from augury.publishing.trouble import Unconvertible

_BITS = 32


@dataclass(frozen=True, slots=True)
class _Inputs:
    """The columns that the trees see, each with its place among the fields and its categories."""

    places: list[int]
    # What the matrix has for each code of the trees; None for a number.
    values: list[list[int] | None]


def categories_of(estimator: Any) -> list[list[Any]]:
    """Return the categories that an estimator knows by their texts, in its order."""
    encoder = _encoder(estimator)
    if encoder is None:
        return []
    known = [[one for one in found if one == one] for found in encoder.categories_]  # noqa: PLR0124 -- NaN
    return [found for found in known if not _are_numbers(found)]


def trees_of(estimator: Any) -> Trees:
    """Return the trees of an estimator, which read doubles; their scores are log-odds."""
    inputs = _inputs(estimator)
    trees = Trees()
    for stage in estimator._predictors:  # noqa: SLF001 -- nothing public has the trees
        _add(trees, stage[0], inputs)
    base = float(np.ravel(estimator._baseline_prediction)[0])  # noqa: SLF001 -- the same
    trees.root(trees.leaf(base))
    return trees


def _encoder(estimator: Any) -> Any:
    before = estimator._preprocessor  # noqa: SLF001 -- nothing public tells it
    return None if before is None else before.named_transformers_["encoder"]


def _inputs(estimator: Any) -> _Inputs:
    encoder, count = _encoder(estimator), estimator.n_features_in_
    if encoder is None:
        return _Inputs([*range(count)], [None] * count)
    # The encoder's columns come first, and the numbers behind them.
    is_category = np.asarray(estimator.is_categorical_, bool)
    places = [*np.flatnonzero(is_category).tolist(), *np.flatnonzero(~is_category).tolist()]
    values: list[list[int] | None] = []
    for found in encoder.categories_:
        known = [one for one in found if one == one]  # noqa: PLR0124 -- NaN
        values.append([int(one) for one in known] if _are_numbers(known) else [*range(len(known))])
    return _Inputs(places, values + [None] * (count - len(values)))


def _are_numbers(known: list[Any]) -> bool:
    return all(isinstance(one, int | float | np.number) for one in known)


def _add(trees: Trees, predictor: Any, inputs: _Inputs) -> None:
    nodes = predictor.nodes
    places = [
        trees.leaf(float(node["value"]))
        if node["is_leaf"]
        else _split(trees, node, predictor, inputs)
        for node in nodes
    ]
    for node, (place, is_leaf) in zip(nodes, places, strict=True):
        if not is_leaf:
            trees.passed[place] = places[node["left"]]
            trees.failed[place] = places[node["right"]]
    trees.root(places[0])


def _split(trees: Trees, node: Any, predictor: Any, inputs: _Inputs) -> tuple[int, bool]:
    column = int(node["feature_idx"])
    field, missing = inputs.places[column], bool(node["missing_go_to_left"])
    if not node["is_categorical"]:
        threshold = float(node["num_threshold"])
        return trees.split(field, AT_MOST, threshold, missing_passes=missing)
    values = inputs.values[column]
    if values is None:
        message = "HistGradientBoosting took a number for a category"
        raise Unconvertible(message)
    bits = predictor.raw_left_cat_bitsets[node["bitset_idx"]]
    members = [
        value for code, value in enumerate(values) if bits[code // _BITS] >> (code % _BITS) & 1
    ]
    return trees.members_split(field, members, missing_passes=missing)
