"""XGBoost: its native file, or a wrapper; the trees are read from its own JSON."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

from augury.publishing.sources import boosters
from augury.publishing.sources.protocol import Question, Source
from augury.publishing.table import Floats, Matrix
from augury.publishing.trees import BELOW, Trees
from augury.publishing.trouble import NotPublishable, Unconvertible

_OBJECTIVES = {"binary:logistic", "reg:logistic"}
_LEAF = -1
_CATEGORICAL = 1


def open_source(path: Path) -> Source:
    """Return the booster in a native file; raises `NotPublishable`."""
    booster = xgboost.Booster()
    try:
        # From memory, where XGBoost looks at the content and not at the suffix.
        booster.load_model(bytearray(path.read_bytes()))
    except (xgboost.core.XGBoostError, ValueError) as error:
        message = f"{path.name} is not a model of XGBoost: {str(error).splitlines()[0]}"
        raise NotPublishable(message) from error
    return source_of(booster)


def source_of(model: Any) -> Source:
    """Return a booster or a wrapper as a source; raises `NotPublishable`."""
    booster = booster_of(model)
    objective = _document(booster)["learner"]["objective"]["name"]
    if objective not in _OBJECTIVES:
        message = (
            f"XGBoost with the objective {objective} gives no probability of two classes."
            " It takes binary:logistic."
        )
        raise NotPublishable(message)
    return Source(
        library=f"XGBoost {xgboost.__version__}",
        kind=type(model).__name__,
        predict=partial(_predict, booster),
        ways=partial(boosters.ways, partial(trees_of, booster), (np.float32,)),
        names=booster.feature_names,
        width=booster.num_features(),
        classes=np.asarray(getattr(model, "classes_", [0, 1])).tolist(),
    )


def booster_of(model: Any) -> Any:
    """Return the trees that a model predicts by: a wrapper's after an early stop up to the best.

    A booster of its own predicts by all of them, unless a wrapper wrote its file.
    """
    bare = isinstance(model, xgboost.Booster)
    booster = model if bare else model.get_booster()
    attributes = booster.attributes()
    best = attributes.get("best_iteration")
    if best is None or (bare and "scikit_learn" not in attributes):
        return booster
    return booster[: int(best) + 1]


def _predict(booster: Any, question: Question, matrix: Matrix) -> Floats:
    frame = question.columns.frame(matrix, as_category=True)
    if booster.feature_names is None:
        frame.columns = [str(place) for place in range(frame.shape[1])]
    rows = xgboost.DMatrix(frame, enable_categorical=True)
    chances = booster.predict(rows, validate_features=booster.feature_names is not None)
    found: Floats = chances.astype(np.float64)
    return found if question.positive else 1 - found


def trees_of(booster: Any) -> Trees:
    """Return the trees of a booster, their scores log-odds; raises `Unconvertible`."""
    learner = _document(booster)["learner"]
    part = learner["gradient_booster"]
    if part["name"] != "gbtree":
        message = f"XGBoost with the booster {part['name']} is not supported: it takes gbtree"
        raise Unconvertible(message)
    trees = Trees()
    for tree in part["model"]["trees"]:
        _add(trees, tree)
    base = float(learner["learner_model_param"]["base_score"].strip("[]"))
    trees.root(trees.leaf(float(np.log(base / (1 - base)))))
    return trees


def _add(trees: Trees, tree: dict[str, Any]) -> None:
    sets = _sets(tree)
    values = np.array(tree["split_conditions"], np.float32)
    places = []
    for node, left in enumerate(tree["left_children"]):
        field, default_left = tree["split_indices"][node], bool(tree["default_left"][node])
        if left == _LEAF:
            places.append(trees.leaf(float(values[node])))
        elif tree["split_type"][node] == _CATEGORICAL:
            # What is in the set goes right.
            places.append(trees.members_split(field, sets[node], missing_passes=not default_left))
        else:
            places.append(
                trees.split(field, BELOW, float(values[node]), missing_passes=default_left)
            )
    for node, (place, is_leaf) in enumerate(places):
        if is_leaf:
            continue
        ways = [places[tree[side][node]] for side in ("left_children", "right_children")]
        if tree["split_type"][node] == _CATEGORICAL:
            ways.reverse()
        trees.passed[place], trees.failed[place] = ways
    trees.root(places[0])


def _sets(tree: dict[str, Any]) -> dict[int, list[int]]:
    """Return the categories that each question about a category asks for."""
    parts = zip(
        tree["categories_nodes"], tree["categories_segments"], tree["categories_sizes"], strict=True
    )
    return {node: tree["categories"][start : start + size] for node, start, size in parts}


def _document(booster: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(booster.save_raw("json").decode())
    return found
