"""The `onnx` runtime: ONNX Runtime on the processor. What a graph may take: `tensors.py`."""

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from augury.inference.manifest import BadModel, Manifest
from augury.inference.runtimes.protocol import Predict
from augury.inference.runtimes.tensors import Port, answer_of, feed_of

_OPTIONS = {
    # Idle threads sleep: spinning ones would take the processor from everybody else.
    "session.intra_op.allow_spinning": "0",
    "session.load_model_format": "ONNX",
    # Weights that a graph keeps in other files are looked for where nothing is: one file is proven.
    "session.model_external_initializers_file_folder_path": os.devnull,
}


def open_artifact(path: Path, manifest: Manifest, threads: int) -> Predict:
    """Return the model in an ONNX file, or raise `BadModel`."""
    try:
        session = open_session(path.read_bytes(), threads)
    except Exception as error:  # the library raises a dozen types that share no base
        raise BadModel("not_onnx", file=path.name, error=error) from error
    feed = feed_of([port_of(found) for found in session.get_inputs()], manifest.inputs)
    answer = answer_of([port_of(found) for found in session.get_outputs()], manifest.raw)
    wanted, run = [manifest.raw.tensor], session.run

    def predict(matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        return answer(run(wanted, feed(matrix))[0])

    return predict


def open_session(graph: bytes, threads: int) -> onnxruntime.InferenceSession:
    """Return ONNX Runtime's session for a graph that stands alone; raises whatever it raises."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    for name, value in _OPTIONS.items():
        options.add_session_config_entry(name, value)
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def port_of(found: onnxruntime.NodeArg) -> Port:
    """Return an input or output of a session as what `tensors.py` binds."""
    kind = found.type.removeprefix("tensor(").removesuffix(")")
    # A length that depends on the rows is a name, or nothing.
    shape = tuple(length if isinstance(length, int) else None for length in found.shape)
    return Port(found.name, kind if found.type.startswith("tensor(") else found.type, shape)
