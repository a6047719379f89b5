"""Pieces of ONNX graphs: a short list of nodes that grows, and the calibration curve at its end."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from augury.training.calibration import ENDS, Curve

INPUT, OUTPUT = "inputs", "default_probability"
# Old enough for every runtime of the last years.
_OPSETS = {"": 17, "ai.onnx.ml": 3}
_IR_VERSION = 8


@dataclass(slots=True)
class Graph:
    """A graph under construction, from `inputs` float32 [N, fields]."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, name: str, value: npt.ArrayLike, dtype: type = np.float32) -> str:
        """Add a constant and return its name."""
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Add a node with one output and return the output's name."""
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def answer(self, score: str, curve: Curve | None) -> None:
        """End the graph: log-odds [N, 1], through the curve if there is one, to the output [N]."""
        corrected = self._corrected(score, curve) if curve else score
        flat = self.add("Reshape", [corrected, self.constant("flat", [-1], np.int64)], "flat_odds")
        self.add("Sigmoid", [flat], OUTPUT)

    def _corrected(self, score: str, curve: Curve) -> str:
        low, high = (self.constant(n, e) for n, e in zip(("low", "high"), ENDS, strict=True))
        score = self.add("Clip", [score, low, high], "inside")
        ones = self.constant("curve_ones", np.ones((1, len(curve.knots))))
        knots = self.constant("curve_knots", -curve.knots)
        slopes = self.constant("curve_slopes", curve.slopes[:, None])
        intercept = self.constant("curve_intercept", [curve.intercept])
        hinges = self.add("Relu", [self.add("Gemm", [score, ones, knots], "above_knot")], "hinges")
        return self.add("Gemm", [hinges, slopes, intercept], "log_odds")

    def finish(self, fields: int) -> bytes:
        """Return the checked graph as the content of an ONNX file."""
        shape_in = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["N", fields])
        shape_out = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["N"])
        graph = helper.make_graph(self.nodes, "credit", [shape_in], [shape_out], self.constants)
        opsets = [helper.make_opsetid(domain, version) for domain, version in _OPSETS.items()]
        model = helper.make_model(graph, opset_imports=opsets, producer_name="augury")
        model.ir_version = _IR_VERSION
        onnx.checker.check_model(model)
        content: bytes = model.SerializeToString(deterministic=True)
        return content
