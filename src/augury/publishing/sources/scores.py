"""The last step of a model as nodes of a graph: trees, linear models, and curves behind them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from augury.publishing.graphs import Graph
from augury.publishing.sources import histograms, source_of
from augury.publishing.trees import AT_MOST, Trees
from augury.publishing.trouble import Unconvertible

_LEAF = -1
_HISTOGRAMS = "HistGradientBoostingClassifier"

Score = tuple[str, str]  # the name of a value [rows, 1], and whether it is log-odds


def wants_categories(estimator: Any) -> bool:
    """Tell whether an estimator takes categories as pandas has them."""
    room = type(estimator).__module__.partition(".")[0]
    return room in {"lightgbm", "xgboost"} or type(estimator).__name__ == _HISTOGRAMS


def score_of(estimator: Any, graph: Graph, value: str) -> Score | None:
    """Add an estimator that we know better than its converter; return its score and the scale.

    The score is that of class 1; None for an estimator that we do not know.
    """
    by_kind = _BY_KIND.get(type(estimator).__name__)
    if by_kind is not None:
        return by_kind(estimator, graph, value)
    if hasattr(estimator, "coef_") and np.shape(estimator.coef_)[0] == 1:
        return _linear(estimator, graph, value)
    return None


def odds(graph: Graph, chance: str) -> str:
    """Return the name of the log-odds of a probability."""
    rest = graph.add("Sub", [graph.constant(1.0), chance])
    return graph.add("Log", [graph.add("Div", [chance, rest])])


def corrected(calibrator: Any, graph: Graph, score: str) -> str:
    """Add a curve of scikit-learn's behind a score, and return the name of the probability."""
    kind = type(calibrator).__name__
    if kind == "_SigmoidCalibration":
        slope, intercept = graph.constant(-calibrator.a_), graph.constant(-calibrator.b_)
        line = graph.add("Add", [graph.add("Mul", [score, slope]), intercept])
        return graph.add("Sigmoid", [line])
    if kind == "IsotonicRegression":
        return _isotonic(calibrator, graph, score)
    message = f"a calibration by {kind} is not supported"
    raise Unconvertible(message)


def _isotonic(calibrator: Any, graph: Graph, score: str) -> str:
    """Add straight lines between points, flat beyond their ends: a sum of clipped ramps."""
    xs = np.asarray(calibrator.X_thresholds_, np.float64)
    ys = np.asarray(calibrator.y_thresholds_, np.float64)
    if len(xs) == 1:
        return graph.linear(score, [[0.0]], [[ys[0]]])
    steps = [graph.constant(part[None]) for part in (xs[:-1], np.diff(xs), np.diff(ys))]
    along = graph.add("Div", [graph.add("Sub", [score, steps[0]]), steps[1]])
    inside = graph.add("Clip", [along, graph.constant(0.0), graph.constant(1.0)])
    risen = graph.add("Mul", [inside, steps[2]])
    total = graph.add("ReduceSum", [risen, graph.constant([1], np.int64)], keepdims=1)
    return graph.add("Add", [total, graph.constant(ys[0])])


def _linear(estimator: Any, graph: Graph, value: str) -> Score | None:
    if getattr(estimator, "loss", "log_loss") == "modified_huber":  # no log-odds behind it
        return None
    weights = np.asarray(estimator.coef_, np.float64).T
    return graph.linear(value, weights, np.reshape(estimator.intercept_, (1, -1))), "log_odds"


def _of_tree(estimator: Any, graph: Graph, value: str) -> Score:
    return graph.trees(value, _forest([estimator]), np.float32), "probability"


def _of_forest(estimator: Any, graph: Graph, value: str) -> Score:
    return graph.trees(value, _forest(estimator.estimators_), np.float32), "probability"


def _of_histograms(estimator: Any, graph: Graph, value: str) -> Score:
    return graph.trees(value, histograms.trees_of(estimator), graph.dtype), "log_odds"


def _of_lightgbm(estimator: Any, graph: Graph, value: str) -> Score:
    trees = source_of("lightgbm").trees_of(estimator.booster_)
    return graph.trees(value, trees, graph.dtype), "log_odds"


def _of_xgboost(estimator: Any, graph: Graph, value: str) -> Score:
    xgboost = source_of("xgboost")
    trees = xgboost.trees_of(xgboost.booster_of(estimator))
    return graph.trees(value, trees, np.float32), "log_odds"


def _forest(estimators: list[Any]) -> Trees:
    trees = Trees(average=True)
    for estimator in estimators:
        shares = estimator.tree_.value[:, 0, :]
        _grow(trees, estimator.tree_, shares[:, 1] / shares.sum(axis=1))
    return trees


def _boosted(estimator: Any, graph: Graph, value: str) -> Score | None:
    if estimator.loss != "log_loss" or estimator.init is not None:
        return None
    trees = Trees()
    for (stage,) in estimator.estimators_:
        _grow(trees, stage.tree_, estimator.learning_rate * stage.tree_.value[:, 0, 0])
    prior = estimator.init_.class_prior_[1]
    trees.root(trees.leaf(float(np.log(prior / (1 - prior)))))
    return graph.trees(value, trees, np.float32), "log_odds"


def _grow(trees: Trees, tree: Any, values: npt.NDArray[np.float64]) -> None:
    """Add a tree of scikit-learn, which reads float32."""
    missing_left = tree.missing_go_to_left
    places = [
        trees.leaf(float(values[node]))
        if tree.children_left[node] == _LEAF
        else trees.split(
            int(tree.feature[node]),
            AT_MOST,
            float(tree.threshold[node]),
            missing_passes=bool(missing_left[node]),
        )
        for node in range(tree.node_count)
    ]
    for node, (place, is_leaf) in enumerate(places):
        if not is_leaf:
            trees.passed[place] = places[tree.children_left[node]]
            trees.failed[place] = places[tree.children_right[node]]
    trees.root(places[0])


_BY_KIND: dict[str, Callable[[Any, Graph, str], Score | None]] = {
    "DecisionTreeClassifier": _of_tree,
    "RandomForestClassifier": _of_forest,
    "ExtraTreesClassifier": _of_forest,
    "GradientBoostingClassifier": _boosted,
    _HISTOGRAMS: _of_histograms,
    "LGBMClassifier": _of_lightgbm,
    "XGBClassifier": _of_xgboost,
}
