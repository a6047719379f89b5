"""What libraries of boosted trees have in common: a booster is trees over the matrix itself."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from augury.publishing.graphs import ROWS, Graph
from augury.publishing.sources.protocol import Converted, Question, Way
from augury.publishing.trees import Trees


def ways(
    trees_of: Callable[[], Trees], dtypes: Sequence[type[np.floating[Any]]], question: Question
) -> list[Way]:
    """Return a way for each width; `trees_of()` gives trees whose scores are log-odds."""
    return [
        Way(
            f"one tensor, {np.dtype(dtype).itemsize * 8}-bit",
            partial(_convert, trees_of, dtype, question),
        )
        for dtype in dtypes
    ]


def _convert(
    trees_of: Callable[[], Trees], dtype: type[np.floating[Any]], question: Question
) -> Converted:
    graph = Graph.over_matrix(dtype, len(question.columns.all))
    score = graph.trees(ROWS, trees_of(), dtype)
    return graph.finish(score, scale="log_odds", negative=question.positive == 0)
