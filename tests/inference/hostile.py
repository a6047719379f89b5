"""Files that nobody should open, and graphs that nobody should sell; made here, all harmless."""

import bz2
import gzip
import hashlib
import io
import lzma
import pickle
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import msgspec
import numpy as np
import onnx
from onnx import TensorProto, helper

from support.tiny_models import ROWS, manifest_of

HALVES = {"tolerance": 0.01, "inputs": ROWS, "probabilities": [0.5] * len(ROWS)}


class Marker:
    """Unpickled, it leaves a file behind: the proof that code has run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.write_text, (self.path, "code has run")


def manifest_for(path: Path, runtime: str, /, **changes: Any) -> bytes:
    """Return a manifest that tells the truth about a file's length and hash."""
    content = path.read_bytes()
    told = {
        "file": path.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
    }
    honest = {"runtime": runtime, "artifact": told, "self_test": HALVES}
    manifest = manifest_of(**(honest | changes))
    return msgspec.json.encode(manifest)


def pickled(folder: Path, protocol: int) -> bytes:
    return pickle.dumps(Marker(folder / "marker"), protocol)


def joblibbed(folder: Path, compress: int = 0) -> bytes:
    held = io.BytesIO()
    joblib.dump({"model": Marker(folder / "marker"), "w": np.zeros(3)}, held, compress=compress)
    return held.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return held.getvalue()


def tarred() -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        member = tarfile.TarInfo("../../escape")
        member.size = 3
        archive.addfile(member, io.BytesIO(b"abc"))
    return held.getvalue()


def numpy_array() -> bytes:
    held = io.BytesIO()
    np.save(held, np.zeros(3))
    return held.getvalue()


ZEROS = bytes(50 * 2**20)
# What a file is, its first bytes, and the sentence that must say so.
FOREIGN: dict[str, tuple[Callable[[Path], bytes], str]] = {
    **{
        f"pickle of protocol {protocol}": (partial(pickled, protocol=protocol), "file_pickle")
        for protocol in range(6)
    },
    "joblib": (joblibbed, "file_pickle"),
    "joblib, compressed": (lambda folder: joblibbed(folder, 3), "file_compressed"),
    "zip bomb": (lambda _: zipped({"zeros": ZEROS}), "file_zip"),
    "gzip bomb": (lambda _: gzip.compress(ZEROS), "file_compressed"),
    "bzip2": (lambda _: bz2.compress(b"x"), "file_compressed"),
    "xz": (lambda _: lzma.compress(b"x"), "file_compressed"),
    "zstd": (lambda _: b"\x28\xb5\x2f\xfd\x04\x00", "file_compressed"),
    "lz4": (lambda _: b"\x04\x22\x4d\x18\x64\x40", "file_compressed"),
    "tar": (lambda _: tarred(), "file_compressed"),
    "keras": (lambda _: zipped({"metadata.json": b"{}", "config.json": b"{}"}), "file_keras"),
    "torch": (lambda f: zipped({"archive/data.pkl": pickled(f, 2)}), "file_torch"),
    "npz": (lambda _: zipped({"w.npy": numpy_array()}), "file_numpy"),
    "npy": (lambda _: numpy_array(), "file_numpy"),
    "hdf5": (lambda _: b"\x89HDF\r\n\x1a\n" + bytes(64), "file_hdf5"),
    "elf": (lambda _: b"\x7fELF\x02\x01\x01" + bytes(64), "file_program"),
    "exe": (lambda _: b"MZ\x90\x00" + bytes(124), "file_program"),
    "mach-o": (lambda _: b"\xcf\xfa\xed\xfe" + bytes(64), "file_program"),
    "java": (lambda _: b"\xac\xed\x00\x05sr" + bytes(9), "file_program"),
    "shell": (lambda _: b"#!/bin/sh\nrm -rf /\n", "file_script"),
    "python": (lambda _: b"import os\nos.abort()\n", "file_python"),
    "python with a comment": (lambda _: b"# a model\nfrom os import abort\n", "file_python"),
    "pyc": (lambda _: b"\xa7\x0d\x0d\x0a" + bytes(12), "file_python"),
    "notebook": (lambda _: b'{\n "cells": [], "nbformat": 4}', "file_notebook"),
    "html": (lambda _: b"  <!DOCTYPE html><html></html>", "file_html"),
    "pmml": (lambda _: b'<?xml version="1.0"?><PMML/>', "file_pmml"),
    "xgboost json": (lambda _: b'{"learner":{"attributes":{}}}', "file_booster"),
    "xgboost ubj": (lambda _: b"{L\x00\x00\x00\x00\x00\x00\x00\x07learner{", "file_booster"),
    "lightgbm": (lambda _: b"tree\nversion=v4\nnum_class=1\n", "file_booster"),
    "r data": (lambda _: b"RDX3\nX\n\x00\x00\x00\x03", "file_r"),
    "r object": (lambda _: b"X\n\x00\x00\x00\x03\x00\x04", "file_r"),
    "tflite": (lambda _: b"\x1c\x00\x00\x00TFL3" + bytes(8), "file_foreign"),
    "safetensors": (
        lambda _: (40).to_bytes(8, "little") + b'{"w":{"dtype":"F32","shape":[1]}}       ',
        "file_foreign",
    ),
    "sqlite": (lambda _: b"SQLite format 3\x00" + bytes(84), "file_foreign"),
    "parquet": (lambda _: b"PAR1" + bytes(20), "file_foreign"),
    "nothing": (lambda _: b"", "file_empty"),
}  # fmt: skip


def graph(
    nodes: list[onnx.NodeProto],
    constants: Sequence[onnx.TensorProto] = (),
    *,
    outputs: Sequence[Any] | None = None,
    width: int = 5,
) -> onnx.GraphProto:
    """Return a graph from `rows` to `default_probability`."""
    answer = helper.make_tensor_value_info("default_probability", TensorProto.FLOAT, ["n"])
    return helper.make_graph(
        nodes,
        "hostile",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", width])],
        [answer] if outputs is None else list(outputs),
        list(constants),
    )


def ints(name: str, *values: int) -> onnx.TensorProto:
    return helper.make_tensor(name, TensorProto.INT64, [len(values)], list(values))


def floats(name: str, *values: float) -> onnx.TensorProto:
    return helper.make_tensor(name, TensorProto.FLOAT, [len(values)], list(values))


def on_amount(
    *nodes: onnx.NodeProto, constants: Sequence[onnx.TensorProto] = ()
) -> onnx.GraphProto:
    """Return a graph in which nodes turn `amount`, the third field as [n], into the answer."""
    first = [
        helper.make_node("Slice", ["rows", "two", "three", "one"], ["column"]),
        helper.make_node("Reshape", ["column", "flat"], ["amount"]),
    ]
    own = [ints("two", 2), ints("three", 3), ints("one", 1), ints("flat", -1)]
    return graph([*first, *nodes], [*own, *constants])


def save_model(path: Path, made: onnx.GraphProto, domains: Sequence[str] = (), **more: Any) -> Path:
    """Write a graph with imports of more domains, functions, or anything that a model has."""
    opsets = [helper.make_opsetid("", 17), *(helper.make_opsetid(name, 1) for name in domains)]
    model = helper.make_model(made, opset_imports=opsets, ir_version=8, **more)
    path.write_bytes(model.SerializeToString())
    return path
