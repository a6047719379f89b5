"""The `onnx` runtime: ONNX Runtime on the processor.

The graph takes one float32 tensor [rows, fields] and gives one float32 tensor [rows].
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from augury.inference.manifest import BadModel, Manifest
from augury.inference.runtimes.protocol import Predict

_OUTPUT = "default_probability"


def open_artifact(path: Path, manifest: Manifest, threads: int) -> Predict:
    """Return the model in an ONNX file, or raise `BadModel`."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # Idle threads sleep: spinning ones would take the processor from everybody else.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # the library raises a dozen types that share no base
        raise BadModel("not_onnx", file=path.name, error=error) from error
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1:
        raise BadModel("onnx_inputs", count=len(inputs))
    (tensor,) = inputs
    if tensor.type != "tensor(float)" or tensor.shape[1:] != [len(manifest.inputs)]:
        raise BadModel(
            "onnx_shape", type=tensor.type, shape=tensor.shape, fields=len(manifest.inputs)
        )
    if _OUTPUT not in {output.name for output in outputs}:
        raise BadModel("onnx_output", output=_OUTPUT)
    name, wanted, run = tensor.name, [_OUTPUT], session.run

    def predict(matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        chances: npt.NDArray[np.float32] = run(wanted, {name: matrix})[0]
        return chances.reshape(-1).astype(np.float64)

    return predict
