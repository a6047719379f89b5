"""ONNX graphs under construction: nodes of our own, and whole graphs of a converter inside."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, compose, helper, numpy_helper

from augury.inference.manifest import Raw
from augury.publishing.sources.protocol import Converted
from augury.publishing.trees import Trees
from augury.publishing.trouble import Unconvertible

# Texts can be compared from 19 on.
_MAIN_OPSET = 19
# The operator `TreeEnsemble` came with 5, which knows its predecessors no more.
_TREES_OPSET, _OLD_OPSET = 5, 3
_IR_VERSION = 10
OPSETS = {"": _MAIN_OPSET, "ai.onnx.ml": _OLD_OPSET}
_REPLACED = {"TreeEnsembleClassifier", "TreeEnsembleRegressor"}
ROWS = "rows"

ELEMENTS: dict[type, int] = {np.float32: TensorProto.FLOAT, np.float64: TensorProto.DOUBLE}


@dataclass(slots=True)
class Graph:
    """A graph that computes in one width; every value in it is [rows, columns]."""

    dtype: type[np.floating[Any]]
    inputs: list[onnx.ValueInfoProto] = field(default_factory=list)
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)
    count: int = 0

    @classmethod
    def over_matrix(cls, dtype: type[np.floating[Any]], fields: int) -> "Graph":
        """Return a graph that takes one tensor `rows` [rows, fields]."""
        return cls(dtype, [helper.make_tensor_value_info(ROWS, ELEMENTS[dtype], ["N", fields])])

    def constant(self, value: npt.ArrayLike, dtype: type | None = None) -> str:
        """Add a constant and return its name."""
        name = self._name("constant")
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype or self.dtype), name))
        return name

    def add(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        """Add a node with one output and return the output's name."""
        name = self._name(kind)
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def trees(self, value: str, trees: Trees, dtype: type[np.floating[Any]]) -> str:
        """Add trees that compute in `dtype`, and return the name of their scores [rows, 1]."""
        seen = self.cast(value, dtype) if dtype is not self.dtype else value
        scores = self.add("TreeEnsemble", [seen], domain="ai.onnx.ml", **trees.attributes(dtype))
        return self.cast(scores, self.dtype) if dtype is not self.dtype else scores

    def cast(self, value: str, dtype: type[np.floating[Any]]) -> str:
        """Return the name of a value in another width."""
        return self.add("Cast", [value], to=ELEMENTS[dtype])

    def linear(self, value: str, weights: npt.ArrayLike, intercept: npt.ArrayLike) -> str:
        """Return the name of `value @ weights + intercept`."""
        product = self.add("MatMul", [value, self.constant(weights)])
        return self.add("Add", [product, self.constant(intercept)])

    def inside(self, part: onnx.ModelProto, output: str, values: dict[str, str]) -> str:
        """Add a converter's whole graph, fed by our `values`, and return its output's name."""
        prefix = self._name("part") + "/"
        mine = compose.add_prefix(part, prefix).graph
        fed = {prefix + name: value for name, value in values.items()}
        for node in mine.node:
            node.input[:] = [fed.get(name, name) for name in node.input]
        self.nodes += mine.node
        self.constants += mine.initializer
        return prefix + output

    def finish(self, score: str, *, scale: str, negative: bool = False) -> Converted:
        """Return the artefact that gives a score [rows, 1]: log-odds or a probability.

        With `negative` it is that of the other class.
        """
        if negative and scale == "log_odds":
            score = self.add("Neg", [score])
        elif negative:
            score = self.add("Sub", [self.constant(1.0), score])
        kinds = {node.op_type for node in self.nodes}
        new = "TreeEnsemble" in kinds
        if new and kinds & _REPLACED:
            message = "its trees need two versions of one operator"
            raise Unconvertible(message)
        nodes = [*self.nodes, helper.make_node("Identity", [score], [scale])]
        out = helper.make_tensor_value_info(scale, ELEMENTS[self.dtype], ["N", 1])
        graph = helper.make_graph(nodes, "model", self.inputs, [out], self.constants)
        opsets = OPSETS | {"ai.onnx.ml": _TREES_OPSET if new else _OLD_OPSET}
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid(name, version) for name, version in opsets.items()],
            producer_name="augury",
            ir_version=_IR_VERSION,
        )
        raw = Raw(
            tensor=scale, column=0, scale="log_odds" if scale == "log_odds" else "probability"
        )
        return Converted(model.SerializeToString(deterministic=True), ".onnx", "onnx", raw)

    def _name(self, kind: str) -> str:
        self.count += 1
        return f"{kind.lower()}_{self.count}"
