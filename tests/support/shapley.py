"""Shapley values by definition: every order of joining, one after the other. Slow, and an oracle."""

from collections.abc import Callable, Sequence
from itertools import permutations
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
# What a coalition of fields is worth.
Value = Callable[[frozenset[int]], float]


def by_definition(value: Value, fields: int) -> Floats:
    """Return what each field adds when it joins, averaged over all orders."""
    known: dict[frozenset[int], float] = {}

    def worth(coalition: frozenset[int]) -> float:
        if coalition not in known:
            known[coalition] = value(coalition)
        return known[coalition]

    total = np.zeros(fields)
    orders = list(permutations(range(fields)))
    for order in orders:
        for turn, field in enumerate(order):
            before = frozenset(order[:turn])
            total[field] += worth(before | {field}) - worth(before)
    return total / len(orders)


def log_odds(chance: float) -> float:
    """Return `log(p / (1 - p))`."""
    return float(np.log(chance / (1 - chance)))


def compared(predict: Callable[[Any], Floats], row: Any, references: Any) -> Value:
    """Return the value of a coalition as the mean log-odds over the references."""

    def value(coalition: frozenset[int]) -> float:
        mixed = references.copy()
        for place in coalition:
            mixed[:, place] = row[place]
        return float(np.mean([log_odds(chance) for chance in predict(mixed)]))

    return value


def along_trees(forest: bytes, codes: Sequence[dict[str, int]], row: Sequence[Any]) -> Value:
    """Return the value of a coalition in CatBoost's JSON: unknown fields split by training rows.

    `codes` has for each categorical field the number that CatBoost has for each of its names.
    """
    told = msgspec.json.decode(forest)
    info = told["features_info"]
    numbers = {one["feature_index"]: one["flat_feature_index"] for one in info["float_features"]}
    categories = {
        one["feature_index"]: one["flat_feature_index"] for one in info["categorical_features"]
    }

    def goes_right(split: dict[str, Any]) -> tuple[int, bool]:
        if split["split_type"] == "FloatFeature":
            place = numbers[split["float_feature_index"]]
            return place, bool(np.float32(row[place]) > np.float32(split["border"]))
        place = categories[split["cat_feature_index"]]
        return place, codes[split["cat_feature_index"]][row[place]] == split["value"]

    def worth(tree: dict[str, Any], coalition: frozenset[int], depth: int, leaf: int) -> float:
        if depth < 0:
            return float(tree["leaf_values"][leaf])
        place, right = goes_right(tree["splits"][depth])
        ways = (leaf, leaf | 1 << depth)
        if place in coalition:
            return worth(tree, coalition, depth - 1, ways[right])
        weights: list[float] = [sum(tree["leaf_weights"][way : way + (1 << depth)]) for way in ways]
        if not sum(weights):
            return 0.0
        shares = zip(weights, ways, strict=True)
        return sum(
            weight / sum(weights) * worth(tree, coalition, depth - 1, way) for weight, way in shares
        )

    scale, (bias,) = told["scale_and_bias"]

    def value(coalition: frozenset[int]) -> float:
        trees = told["oblivious_trees"]
        found = (worth(tree, coalition, len(tree["splits"]) - 1, 0) for tree in trees)
        return float(bias + scale * sum(found))

    return value
