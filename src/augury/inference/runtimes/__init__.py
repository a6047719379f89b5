"""What can execute one artefact format. A new format is one file here and one line below.

A runtime is a function from a path to a `Predict`: a function from a matrix to probabilities.
"""

from augury.inference.runtimes import catboost, linear, onnx, remote
from augury.inference.runtimes.protocol import OpenRuntime

RUNTIMES: dict[str, OpenRuntime] = {
    "onnx": onnx.open_artifact,
    "catboost": catboost.open_artifact,
    "linear": linear.open_artifact,
    "remote": remote.open_artifact,
}
# These wait for others: however fast they were a moment ago, they never run on an event loop.
WAITING = frozenset({"remote"})
