"""Tiny models of every format, made here: nothing is downloaded and nothing takes long."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from augury.inference.lean import catboost
from augury.inference.manifest import Manifest
from augury.inference.runtimes import RUNTIMES
from support.open_inference import shared

FIELDS: list[dict[str, Any]] = [
    {
        "name": "age",
        "type": "integer",
        "minimum": 18,
        "maximum": 100,
        "example": 30,
        "nullable": True,
    },
    {"name": "home", "type": "category", "categories": ["OWN", "RENT", "OTHER"], "example": "RENT"},
    {"name": "amount", "type": "number", "minimum": 1, "maximum": 1000, "example": 10.5},
    {"name": "default", "type": "category", "categories": ["N", "Y"], "example": "N"},
    {"name": "rate", "type": "number", "minimum": 0, "example": 5.5, "nullable": True},
]
ROWS: list[dict[str, Any]] = [
    {"age": 30, "home": "RENT", "amount": 10.5, "default": "N", "rate": 5.5},
    {"age": 71, "home": "OWN", "amount": 900, "default": "Y", "rate": 0},
    {"age": None, "home": "OTHER", "amount": 1, "default": "N", "rate": None},
    {"age": 18, "home": "RENT", "amount": 333.3, "default": "Y", "rate": 21},
]
MATRIX = np.array(
    [
        [np.nan if row["age"] is None else row["age"],
         ["OWN", "RENT", "OTHER"].index(row["home"]),
         row["amount"],
         ["N", "Y"].index(row["default"]),
         np.nan if row["rate"] is None else row["rate"]]
        for row in ROWS
    ],
    dtype=np.float32,
)  # fmt: skip


def applicants(rows: int) -> npt.NDArray[np.float32]:
    """Return made-up rows of the tiny models' fields, every fifth age and rate missing."""
    random = np.random.default_rng(6)
    columns = [
        np.where(random.random(rows) < 0.2, np.nan, random.integers(18, 100, rows)),
        random.integers(0, 3, rows),
        random.uniform(1, 1000, rows),
        random.integers(0, 2, rows),
        np.where(random.random(rows) < 0.2, np.nan, random.uniform(0, 30, rows)),
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def _localised(text: str) -> dict[str, str]:
    return {"en": text, "ru": f"{text} по-русски"}


def manifest_of(fields: list[dict[str, Any]] = FIELDS, **changes: Any) -> Manifest:
    """Return a manifest of these fields that promises nothing yet."""
    told = {
        "manifest_version": 1,
        "name": "tiny",
        "title": _localised("Tiny"),
        "description": _localised("For tests."),
        "task": "test",
        "price": 3,
        "runtime": "onnx",
        "artifact": {"file": "model", "sha256": "0" * 64, "bytes": 0},
        "inputs": [
            {"title": _localised(field["name"]), "description": _localised("A field.")} | field
            for field in fields
        ],
        "outputs": {"probability": "default_probability", "complement": "approval_probability", "decision": "decision"},
        "decision": {"approve_below": 0.2, "decline_from": 0.6},
        "metrics": {
            "roc_auc": 0.5, "average_precision": 0.5, "brier": 0.25, "log_loss": 0.7,
            "expected_calibration_error": 0, "rows": 1, "method": "none", "calibration_curve": [],
        },
        "training": {
            "recipe": "none", "seed": 1, "data_sha256": "0" * 64, "rows_read": 1, "rows_used": 1, "libraries": {},
        },
        "self_test": {"tolerance": 1e-6, "inputs": [], "probabilities": []},
    }  # fmt: skip
    return msgspec.convert(told | changes, Manifest)


@dataclass(frozen=True)
class Tiny:
    """An artefact on disk and the manifest that describes it truthfully."""

    path: Path
    manifest: Manifest

    def but(self, **changes: Any) -> Manifest:
        """Return the manifest with changes, which may be lies."""
        return msgspec.convert(msgspec.to_builtins(self.manifest) | changes, Manifest)


Save = Callable[[Path], Any]


def proven(path: Path, runtime: str, **changes: Any) -> Tiny:
    """Return an artefact with a manifest whose self-test is what the artefact gives."""
    content = path.read_bytes()
    artifact = {
        "file": path.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
    }
    bare = manifest_of(runtime=runtime, artifact=artifact, **changes)
    given = RUNTIMES[runtime](path, bare, 1)(MATRIX)
    self_test = {"tolerance": 1e-6, "inputs": ROWS, "probabilities": given.tolist()}
    return Tiny(path, Tiny(path, bare).but(self_test=self_test))


def save_onnx(
    path: Path, *, width: int = 5, output: str = "default_probability", gain: float = 1.0
) -> Path:
    """Write a scorecard: each field, without its missing values, weighs in; a sigmoid on top."""
    weights = (
        np.array([[-0.03], [0.4], [0.001], [1.2], [0.05], [1], [1]], np.float32)[:width] * gain
    )
    graph = helper.make_graph(
        [
            helper.make_node("IsNaN", ["rows"], ["missing"]),
            helper.make_node("Where", ["missing", "zero", "rows"], ["known"]),
            helper.make_node("MatMul", ["known", "weights"], ["sum"]),
            helper.make_node("Sigmoid", ["sum"], ["column"]),
            helper.make_node("Reshape", ["column", "flat"], [output]),
        ],
        "tiny",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", width])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n"])],
        [
            helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0]),
            helper.make_tensor("flat", TensorProto.INT64, [1], [-1]),
            helper.make_tensor("weights", TensorProto.FLOAT, [width, 1], weights.flatten()),
        ],
    )
    return save_graph(path, graph)


def save_graph(path: Path, graph: onnx.GraphProto) -> Path:
    """Write a graph as an ONNX file."""
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path


def save_catboost(
    path: Path, fields: list[dict[str, Any]] = FIELDS, *, numbers_first: bool = False
) -> Path:
    """Train ten trees on two hundred rows that were made up, with native categories."""
    random = np.random.default_rng(1)
    if numbers_first:
        fields = sorted(fields, key=lambda field: field["type"] == "category")
    columns = {
        field["name"]: random.choice(field["categories"], 200).astype(object)
        if field["type"] == "category"
        else random.uniform(field.get("minimum", 0), field.get("maximum", 100), 200).astype(
            np.float32
        )
        for field in fields
    }
    label = (columns[next(f["name"] for f in fields if f["type"] != "category")] > 50).astype(int)
    table = np.empty((200, len(fields)), dtype=object)
    for place, field in enumerate(fields):
        table[:, place] = columns[field["name"]]
    pool = catboost.Pool(
        table,
        label,
        feature_names=[field["name"] for field in fields],
        cat_features=[place for place, field in enumerate(fields) if field["type"] == "category"],
    )
    model = catboost.CatBoostClassifier(
        iterations=10,
        depth=3,
        random_seed=1,
        thread_count=1,
        verbose=False,
        allow_writing_files=False,
    )
    model.fit(pool)
    model.save_model(str(path), format=path.suffix[1:], pool=pool)
    return path


LINEAR: dict[str, Any] = {
    "format": "augury-linear",
    "version": 1,
    "intercept": -0.5,
    "terms": {
        "age": {"weight": -0.6, "mean": 40.0, "scale": 12.5, "missing": 38.0},
        "home": {"weights": {"OWN": -0.4, "RENT": 0.2, "OTHER": 0.9}},
        "amount": {"weight": 0.002},
        "default": {"weights": {"Y": 1.2, "N": 0.0}},
        "rate": {"weight": 0.4, "mean": 10.0, "scale": 4.0, "missing": 12.0},
    },
    "means": {"age": 0.03, "home": 0.1, "amount": 0.8, "default": 0.25, "rate": -0.02},
}


def save_linear(path: Path, told: dict[str, Any] = LINEAR) -> Path:
    """Write a sum of terms."""
    path.write_bytes(msgspec.json.encode(told))
    return path


def save_remote(path: Path, url: str, **more: Any) -> Path:
    """Write where a model stands; who calls it is patient, for this machine may stand still."""
    told = {"url": url, "model": "tiny", "timeout_ms": 60_000}
    path.write_bytes(msgspec.json.encode(told | more))
    return path


# Every runtime, by the way its artefact comes about.
WAYS: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "onnx": ("onnx", lambda folder: save_onnx(folder / "tiny.onnx")),
    "catboost": ("catboost", lambda folder: save_catboost(folder / "tiny.cbm")),
    "catboost-json": ("catboost", lambda folder: save_catboost(folder / "tiny.json")),
    "remote": ("remote", lambda folder: save_remote(folder / "tiny.json", shared().url)),
    "linear": ("linear", lambda folder: save_linear(folder / "tiny.json")),
}
