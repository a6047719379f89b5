"""Trees of any library as one ONNX node.

Libraries decide in their own widths: a threshold that is a double becomes the largest float32 below
it, so that float32 values take the same branch as they did in the library.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import numpy_helper

# Values of the operator's specification.
AT_MOST, BELOW, MEMBER = 0, 1, 6
_AVERAGE, _SUM = 0, 1


@dataclass(slots=True)
class Trees:
    """Trees under construction; a row's score is the sum, or the average, of one leaf of each."""

    average: bool = False
    roots: list[int] = field(default_factory=list)
    fields: list[int] = field(default_factory=list)
    modes: list[int] = field(default_factory=list)
    splits: list[float] = field(default_factory=list)
    # Where a row goes that passes, and one that does not: (place, whether that is a leaf).
    passed: list[tuple[int, bool]] = field(default_factory=list)
    failed: list[tuple[int, bool]] = field(default_factory=list)
    missing_passes: list[bool] = field(default_factory=list)
    members: list[float] = field(default_factory=list)
    leaves: list[float] = field(default_factory=list)

    def leaf(self, value: float) -> tuple[int, bool]:
        """Add a leaf and return where it is."""
        self.leaves.append(value)
        return len(self.leaves) - 1, True

    def split(
        self, place: int, mode: int, split: float, *, missing_passes: bool
    ) -> tuple[int, bool]:
        """Add a question about one field, whose answers are set later; return where it is."""
        self.fields.append(place)
        self.modes.append(mode)
        self.splits.append(split)
        self.missing_passes.append(missing_passes)
        self.passed.append((0, True))
        self.failed.append((0, True))
        return len(self.fields) - 1, False

    def members_split(
        self, place: int, members: list[int], *, missing_passes: bool
    ) -> tuple[int, bool]:
        """Add a question whether a category is one of `members`."""
        self.members += [*map(float, members), float("nan")]
        return self.split(place, MEMBER, 0.0, missing_passes=missing_passes)

    def root(self, where: tuple[int, bool]) -> None:
        """End a tree."""
        place, is_leaf = where
        if is_leaf:  # the operator knows no tree without a question
            place, _ = self.split(0, AT_MOST, 0.0, missing_passes=True)
            self.passed[place] = self.failed[place] = where
        self.roots.append(place)

    def attributes(self, dtype: type[np.floating[Any]]) -> dict[str, Any]:
        """Return the attributes of the node `TreeEnsemble` that computes in `dtype`."""
        found = {
            "n_targets": 1,
            "aggregate_function": _AVERAGE if self.average else _SUM,
            "post_transform": 0,
            "tree_roots": self.roots,
            "nodes_featureids": self.fields,
            "nodes_modes": numpy_helper.from_array(np.array(self.modes, np.uint8)),
            "nodes_splits": numpy_helper.from_array(self._splits(dtype)),
            "nodes_truenodeids": [place for place, _ in self.passed],
            "nodes_trueleafs": [int(is_leaf) for _, is_leaf in self.passed],
            "nodes_falsenodeids": [place for place, _ in self.failed],
            "nodes_falseleafs": [int(is_leaf) for _, is_leaf in self.failed],
            "nodes_missing_value_tracks_true": [int(passes) for passes in self.missing_passes],
            "leaf_targetids": [0] * len(self.leaves),
            "leaf_weights": numpy_helper.from_array(np.array(self.leaves, dtype)),
        }
        if self.members:
            found["membership_values"] = numpy_helper.from_array(np.array(self.members, dtype))
        return found

    def _splits(self, dtype: type[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
        exact = np.array(self.splits, np.float64)
        if dtype is np.float64:
            return exact
        at_most = np.array(self.modes) == AT_MOST
        below = np.array(self.modes) == BELOW
        # A value passes `<= t` as it passes `<= ` the largest float32 that is not above t, and
        # passes `< t` as it passes `< ` the smallest that is not below.
        with np.errstate(over="ignore"):
            near = exact.astype(np.float32)
            lower = np.nextafter(near, np.float32(-np.inf))
            higher = np.nextafter(near, np.float32(np.inf))
        near = np.where((near > exact) & at_most, lower, near)
        return np.where((near < exact) & below, higher, near)
