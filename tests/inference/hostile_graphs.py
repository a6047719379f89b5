"""Graphs that nobody should sell, each with the key of the sentence that must say why."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from inference.hostile import floats, graph, ints, on_amount, save_model

node = helper.make_node


def _external(path: Path) -> Path:
    tensor = helper.make_tensor("weights", TensorProto.FLOAT, [1], [1.0])
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "../../../../../../etc/passwd"), ("length", "4")):
        tensor.external_data.add(key=key, value=value)
    return save_model(
        path,
        on_amount(node("Mul", ["amount", "weights"], ["default_probability"]), constants=[tensor]),
    )


def _external_in_a_node(path: Path) -> Path:
    made = on_amount(
        node("Constant", [], ["w"], value=floats("w", 1.0)),
        node("Mul", ["amount", "w"], ["default_probability"]),
    )
    tensor = made.node[2].attribute[0].t
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/shadow")
    return save_model(path, made)


def _loop(path: Path) -> Path:
    """A loop whose condition is always true and whose count nobody gave."""
    body = helper.make_graph(
        [node("Identity", ["go"], ["again"]), node("Identity", ["x"], ["y"])],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"]),
        ],
        [
            helper.make_tensor_value_info("again", TensorProto.BOOL, []),
            helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n"]),
        ],
    )
    true = helper.make_tensor("true", TensorProto.BOOL, [], [True])
    return save_model(
        path,
        on_amount(
            node("Loop", ["", "true", "amount"], ["default_probability"], body=body),
            constants=[true],
        ),
    )


def _if(path: Path) -> Path:
    branch = helper.make_graph(
        [node("Identity", ["amount"], ["b"])],
        "b",
        [],
        [helper.make_tensor_value_info("b", TensorProto.FLOAT, ["n"])],
    )
    true = helper.make_tensor("true", TensorProto.BOOL, [], [True])
    return save_model(
        path,
        on_amount(
            node("If", ["true"], ["default_probability"], then_branch=branch, else_branch=branch),
            constants=[true],
        ),
    )


def _random(path: Path) -> Path:
    return save_model(
        path, on_amount(node("RandomUniformLike", ["amount"], ["default_probability"]))
    )


def _custom(path: Path) -> Path:
    return save_model(
        path,
        on_amount(node("Gelu", ["amount"], ["default_probability"], domain="com.microsoft")),
        ["com.microsoft"],
    )


def _custom_unasked(path: Path) -> Path:
    return save_model(
        path, on_amount(node("Shell", ["amount"], ["default_probability"], domain="evil.corp"))
    )


def _unknown(path: Path) -> Path:
    return save_model(path, on_amount(node("Exec", ["amount"], ["default_probability"])))


def _functions(path: Path) -> Path:
    own = helper.make_function(
        "ours", "Own", ["x"], ["y"], [node("Identity", ["x"], ["y"])], [helper.make_opsetid("", 17)]
    )
    return save_model(
        path, on_amount(node("Sigmoid", ["amount"], ["default_probability"])), functions=[own]
    )


def _training(path: Path) -> Path:
    model = onnx.load(
        save_model(path, on_amount(node("Sigmoid", ["amount"], ["default_probability"])))
    )
    model.training_info.add()
    path.write_bytes(model.SerializeToString())
    return path


def _zipmap(path: Path) -> Path:
    made = on_amount(
        node("Sigmoid", ["amount"], ["default_probability"]),
        node("Reshape", ["default_probability", "column"], ["p"]),
        node("ZipMap", ["p"], ["maps"], domain="ai.onnx.ml", classlabels_int64s=[1]),
        constants=[ints("column", -1, 1)],
    )
    value = helper.make_sequence_type_proto(
        helper.make_map_type_proto(
            TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, [])
        )
    )
    made.output.append(helper.make_value_info("maps", value))
    return save_model(path, made, ["ai.onnx.ml"])


def _opset(path: Path) -> Path:
    model = onnx.load(
        save_model(path, on_amount(node("Sigmoid", ["amount"], ["default_probability"])))
    )
    model.opset_import[0].version = 999
    path.write_bytes(model.SerializeToString())
    return path


def _many_nodes(path: Path) -> Path:
    names = ["amount", *(f"x{number}" for number in range(100_000))]
    chain = [node("Sigmoid", [before], [after]) for before, after in pairwise(names)]
    return save_model(
        path, on_amount(*chain, node("Identity", [names[-1]], ["default_probability"]))
    )


def _absurd_shape(path: Path) -> Path:
    tensor = TensorProto(
        name="weights", data_type=TensorProto.FLOAT, dims=[2**31, 2**31], raw_data=b"\0\0\0\0"
    )
    return save_model(
        path,
        on_amount(node("Mul", ["amount", "weights"], ["default_probability"]), constants=[tensor]),
    )


def _negative_shape(path: Path) -> Path:
    tensor = TensorProto(
        name="weights", data_type=TensorProto.FLOAT, dims=[-4], raw_data=b"\0\0\0\0"
    )
    return save_model(
        path,
        on_amount(node("Mul", ["amount", "weights"], ["default_probability"]), constants=[tensor]),
    )


def _memory_at_load(path: Path) -> Path:
    """A constant of 128 GiB in a file of a few hundred bytes."""
    made = on_amount(
        node("ConstantOfShape", ["huge"], ["zeros"]),
        node("ReduceSum", ["zeros"], ["nothing"], keepdims=0),
        node("Sigmoid", ["nothing"], ["half"]),
        node("Mul", ["amount", "nothing"], ["none"]),
        node("Add", ["none", "half"], ["default_probability"]),
        constants=[ints("huge", 2**35)],
    )
    return save_model(path, made)


def _memory_at_run(path: Path) -> Path:
    """Each row becomes a gigabyte."""
    made = graph(
        [
            node("Slice", ["rows", "two", "three", "one"], ["column"]),
            node("Shape", ["column"], ["shape"]),
            node("Mul", ["shape", "factor"], ["huge"]),
            node("Expand", ["column", "huge"], ["wide"]),
            node("ReduceMean", ["wide"], ["amount"], axes=[1], keepdims=0),
            node("Mul", ["amount", "zero"], ["none"]),
            node("Sigmoid", ["none"], ["default_probability"]),
        ],
        [
            ints("two", 2),
            ints("three", 3),
            ints("one", 1),
            ints("factor", 1, 2**28),
            floats("zero", 0.0),
        ],
    )
    return save_model(path, made)


def _slow(path: Path) -> Path:
    """Products of large matrices, one after another, for minutes; nothing of it is constant."""
    side = 2000
    made = on_amount(
        node("ReduceMax", ["amount"], ["top"], keepdims=0),
        node("Expand", ["top", "square"], ["m0"]),
        *(node("MatMul", [f"m{turn}", "m0"], [f"m{turn + 1}"]) for turn in range(2000)),
        node("ReduceMax", ["m2000"], ["max"], keepdims=0),
        node("Mul", ["max", "zero"], ["none"]),
        node("Add", ["amount", "none"], ["sum"]),
        node("Sigmoid", ["sum"], ["default_probability"]),
        constants=[ints("square", side, side), floats("zero", 0.0)],
    )
    return save_model(path, made)


def _nan_at_the_edge(path: Path) -> Path:
    """0 / 0 for the largest amount, and a half for everybody else."""
    made = on_amount(
        node("Sub", ["amount", "most"], ["off"]),
        node("Mul", ["off", "zero"], ["none"]),
        node("Div", ["none", "off"], ["nought"]),
        node("Sigmoid", ["nought"], ["default_probability"]),
        constants=[floats("most", 1000.0), floats("zero", 0.0)],
    )
    return save_model(path, made)


def _above_one(path: Path) -> Path:
    """A half, and above 950 more than any probability."""
    made = on_amount(
        node("Greater", ["amount", "much"], ["is_much"]),
        node("Where", ["is_much", "two_", "half"], ["default_probability"]),
        constants=[floats("much", 950.0), floats("two_", 2.0), floats("half", 0.5)],
    )
    return save_model(path, made)


def _mixing(path: Path) -> Path:
    """How large the amount is among those who happen to be in the same call."""
    made = on_amount(
        node("ReduceMean", ["amount"], ["mean"], keepdims=0),
        node("Sub", ["amount", "mean"], ["off"]),
        node("Mul", ["off", "little"], ["weak"]),
        node("Sigmoid", ["weak"], ["default_probability"]),
        constants=[floats("little", 1e-5)],
    )
    return save_model(path, made)


def _neighbours(path: Path) -> Path:
    """Everybody gets the average of themselves and who came before."""
    made = on_amount(
        node("CumSum", ["amount", "axis"], ["sums"]),
        node("Mul", ["sums", "little"], ["weak"]),
        node("Sigmoid", ["weak"], ["default_probability"]),
        constants=[helper.make_tensor("axis", TensorProto.INT64, [], [0]), floats("little", 1e-6)],
    )
    return save_model(path, made)


def _width(path: Path) -> Path:
    zero = helper.make_tensor("w", TensorProto.FLOAT, [7, 1], [0.0] * 7)
    made = graph(
        [
            node("MatMul", ["rows", "w"], ["x"]),
            node("Reshape", ["x", "flat"], ["y"]),
            node("Sigmoid", ["y"], ["default_probability"]),
        ],
        [zero, ints("flat", -1)],
        width=7,
    )
    return save_model(path, made)


def _no_output(path: Path) -> Path:
    other = helper.make_tensor_value_info("score", TensorProto.FLOAT, ["n"])
    made = on_amount(node("Sigmoid", ["amount"], ["score"]))
    del made.output[:]
    made.output.append(other)
    return save_model(path, made)


def _one_answer_for_all(path: Path) -> Path:
    """One number however many rows come."""
    made = on_amount(
        node("ReduceMean", ["amount"], ["mean"], keepdims=1),
        node("Sigmoid", ["mean"], ["default_probability"]),
    )
    return save_model(path, made)


def _empty(path: Path) -> Path:
    return save_model(path, graph([]))


def _truncated(path: Path) -> Path:
    save_model(path, on_amount(node("Sigmoid", ["amount"], ["default_probability"])))
    path.write_bytes(path.read_bytes()[:-40])
    return path


def _cycle(path: Path) -> Path:
    return save_model(
        path,
        on_amount(
            node("Add", ["amount", "b"], ["a"]),
            node("Add", ["a", "a"], ["b"]),
            node("Sigmoid", ["a"], ["default_probability"]),
        ),
    )


def _noise(path: Path) -> Path:
    path.write_bytes(b"\x08\x08" + np.random.default_rng(1).bytes(5000))
    return path


def _name_of_bytes(path: Path) -> Path:
    """An operator whose name is no text."""
    save_model(path, on_amount(node("Sigmoid", ["amount"], ["default_probability"])))
    path.write_bytes(path.read_bytes().replace(b"Sigmoid", b"Sig\xff\xfeid"))
    return path


GRAPHS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "weights in /etc/passwd": (_external, "graph_external"),
    "a constant in /etc/shadow": (_external_in_a_node, "graph_external"),
    "a loop without end": (_loop, "graph_control"),
    "a graph inside a graph": (_if, "graph_control"),
    "a draw of lots": (_random, "graph_random"),
    "an operator of somebody's": (_custom, "graph_domain"),
    "an operator of nobody's": (_custom_unasked, "graph_domain"),
    "an operator that does not exist": (_unknown, "graph_operator"),
    "functions of its own": (_functions, "graph_functions"),
    "information for training": (_training, "graph_training"),
    "a ZipMap": (_zipmap, "graph_ends"),
    "operators of the future": (_opset, "graph_opset"),
    "a hundred thousand nodes": (_many_nodes, "graph_nodes"),
    "an absurd shape": (_absurd_shape, "graph_tensor"),
    "a negative shape": (_negative_shape, "graph_tensor"),
    "no nodes": (_empty, "graph_empty"),
    "half a file": (_truncated, "not_onnx"),
    "noise": (_noise, "not_onnx"),
    "a name of bytes": (_name_of_bytes, "quarantine_load"),
    "a cycle": (_cycle, "not_onnx"),
    "a huge constant": (_memory_at_load, "quarantine_memory"),
    "huge rows": (_memory_at_run, "quarantine_memory"),
    "minutes of work": (_slow, "quarantine_time"),
    "no number at an edge": (_nan_at_the_edge, "dry_run_not_a_probability"),
    "a probability of two": (_above_one, "dry_run_not_a_probability"),
    "a mean over the crowd": (_mixing, "dry_run_mixes"),
    "sums over the crowd": (_neighbours, "dry_run_mixes"),
    "too many columns": (_width, "tensor_matrix"),
    "no such output": (_no_output, "answer_unknown"),
    "one answer for all": (_one_answer_for_all, "not_a_probability"),
}
