"""LightGBM: the text file of a booster, or a wrapper; the trees are read from its own dump."""

from functools import partial
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from augury.publishing.sources import boosters
from augury.publishing.sources.protocol import Question, Source
from augury.publishing.table import Floats, Matrix
from augury.publishing.trees import AT_MOST, Trees
from augury.publishing.trouble import NotPublishable, Unconvertible

_LIBRARY = f"LightGBM {lightgbm.__version__}"
_UNNAMED = "Column_"


def open_source(path: Path) -> Source:
    """Return the booster in a text file; raises `NotPublishable`."""
    try:
        return source_of(lightgbm.Booster(model_file=str(path)))
    except lightgbm.basic.LightGBMError as error:
        message = f"{path.name} is not a model of LightGBM: {error}"
        raise NotPublishable(message) from error


def source_of(model: Any) -> Source:
    """Return a booster or a wrapper as a source; raises `NotPublishable`."""
    booster = getattr(model, "booster_", model)
    objective = booster.dump_model()["objective"].split()
    if objective[:1] not in (["binary"], ["cross_entropy"], ["xentropy"]):
        told = objective[0] if objective else "a function of its own"
        message = f"LightGBM with the objective {told} gives no probability of two classes."
        raise NotPublishable(message)
    names = booster.feature_name()
    categories = booster.pandas_categorical or []
    named = all(name.startswith(_UNNAMED) for name in names)
    return Source(
        library=_LIBRARY,
        kind=type(model).__name__,
        predict=partial(_predict, booster),
        ways=partial(boosters.ways, partial(trees_of, booster), (np.float32, np.float64)),
        names=None if named else names,
        width=booster.num_feature(),
        classes=np.asarray(getattr(model, "classes_", [0, 1])).tolist(),
        known_categories=categories,
    )


def _predict(booster: Any, question: Question, matrix: Matrix) -> Floats:
    frame = question.columns.frame(matrix, as_category=True)
    chances: Floats = np.asarray(booster.predict(frame), np.float64)
    return chances if question.positive else 1 - chances


def trees_of(booster: Any) -> Trees:
    """Return the trees of a booster, their scores log-odds; raises `Unconvertible`."""
    dump = booster.dump_model()
    told = dict(part.split(":") for part in dump["objective"].split()[1:] if ":" in part)
    scale = float(told.get("sigmoid", 1))
    trees = Trees(average=bool(dump.get("average_output")))
    for tree in dump["tree_info"]:
        _add(trees, tree["tree_structure"], scale)
    return trees


def _add(trees: Trees, structure: dict[str, Any], scale: float) -> None:
    """Add one tree; without recursion, as some are a thousand questions deep."""
    root, waiting = _node(trees, structure, scale), [structure]
    where = {id(structure): root}
    while waiting:
        node = waiting.pop()
        if "split_index" not in node:
            continue
        for side in ("left_child", "right_child"):
            below = node[side]
            where[id(below)] = _node(trees, below, scale)
            waiting.append(below)
        place, _ = where[id(node)]
        trees.passed[place] = where[id(node["left_child"])]
        trees.failed[place] = where[id(node["right_child"])]
    trees.root(root)


def _node(trees: Trees, node: dict[str, Any], scale: float) -> tuple[int, bool]:
    if "split_index" not in node:
        return trees.leaf(node["leaf_value"] * scale)
    # Without a way of its own, a missing number is a 0, and a missing category is the first.
    as_zero = node["missing_type"] == "None"
    if node["missing_type"] == "Zero":
        message = "LightGBM with zero_as_missing is not supported"
        raise Unconvertible(message)
    field = node["split_feature"]
    if node["decision_type"] == "==":
        members = [int(code) for code in node["threshold"].split("||")]
        return trees.members_split(field, members, missing_passes=as_zero and 0 in members)
    threshold = float(node["threshold"])
    passes = threshold >= 0 if as_zero else bool(node["default_left"])
    return trees.split(field, AT_MOST, threshold, missing_passes=passes)
