"""Which ONNX graphs are taken at all: rules about the file, checked before anything runs.

Imported in the quarantine only. A graph that passes is a fixed list of known operators that end,
draw no lots, and read no other file.
"""

from collections.abc import Iterator
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from augury.inference.manifest import BadModel

_DOMAINS = {"", "ai.onnx", "ai.onnx.ml"}
_OLDEST_OPSET = 7
# A loop may never end. The body of an `If` is a graph in a graph, which no scorecard needs: what
# is nested nowhere can be counted and read.
_CONTROL = {"Loop", "Scan", "If", "SequenceMap"}
_RANDOM = {
    "Bernoulli",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
}
# More numbers in one tensor of the file than the file could hold; made-up sizes, not data.
_MOST_ELEMENTS = 2**28
_MOST_DIMENSIONS = 8


def check(path: Path, most_nodes: int) -> int:
    """Return the number of nodes of the graph; raises `BadModel` when it breaks a rule."""
    model = onnx.ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
    except DecodeError as error:
        raise BadModel("not_onnx", file=path.name, error=error) from error
    if not model.graph.node:
        raise BadModel("graph_empty", file=path.name)
    if model.functions:
        raise BadModel("graph_functions", count=len(model.functions))
    if model.training_info:
        raise BadModel("graph_training")
    opsets = _opsets(model)
    nodes = len(model.graph.node)
    if nodes > most_nodes:
        raise BadModel("graph_nodes", nodes=nodes, most=most_nodes)
    for node in model.graph.node:
        _check_node(node, opsets)
    for tensor in _tensors(model.graph):
        _check_tensor(tensor)
    _check_ends(model.graph)
    return nodes


def _opsets(model: onnx.ModelProto) -> dict[str, int]:
    """Return the version of each domain that the graph asks for."""
    opsets = {}
    newest = {"": onnx.defs.onnx_opset_version(), "ai.onnx.ml": onnx.defs.onnx_ml_opset_version()}
    for asked in model.opset_import:
        if asked.domain not in _DOMAINS:
            raise BadModel("graph_domain", domain=asked.domain[:80])
        domain = "" if asked.domain == "ai.onnx" else asked.domain
        oldest = 1 if domain else _OLDEST_OPSET
        if not oldest <= asked.version <= newest[domain]:
            raise BadModel(
                "graph_opset",
                domain=domain or "ai.onnx",
                version=asked.version,
                oldest=oldest,
                newest=newest[domain],
            )
        opsets[domain] = asked.version
    return opsets


def _check_node(node: onnx.NodeProto, opsets: dict[str, int]) -> None:
    if node.domain not in _DOMAINS:
        raise BadModel("graph_domain", domain=node.domain[:80])
    kind, domain = node.op_type[:80], "" if node.domain == "ai.onnx" else node.domain
    if kind in _CONTROL or any(one.HasField("g") or one.graphs for one in node.attribute):
        raise BadModel("graph_control", operator=kind)
    if kind in _RANDOM:
        raise BadModel("graph_random", operator=kind)
    if domain not in opsets or not onnx.defs.has(kind, opsets[domain], domain):
        raise BadModel("graph_operator", operator=kind, domain=domain or "ai.onnx")


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Yield every tensor that stands in the file."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)


def _check_tensor(tensor: onnx.TensorProto) -> None:
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        raise BadModel("graph_external", tensor=tensor.name[:80])
    elements = 1
    for size in tensor.dims:
        elements *= size
    sane = all(size >= 0 for size in tensor.dims) and len(tensor.dims) <= _MOST_DIMENSIONS
    if not sane or elements > _MOST_ELEMENTS:
        raise BadModel("graph_tensor", tensor=tensor.name[:80], shape=list(tensor.dims)[:20])


def _check_ends(graph: onnx.GraphProto) -> None:
    """Raise `BadModel` unless what goes in and comes out are tensors."""
    for end in (*graph.input, *graph.output):
        kind = end.type.WhichOneof("value")
        if kind != "tensor_type":
            raise BadModel("graph_ends", name=end.name[:80], kind=kind)
