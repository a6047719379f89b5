"""PyTorch: TorchScript (`.pt`) and exported programs (`.pt2`), which become ONNX graphs.

It is far too large to come with us: this works where the publisher has it installed.
"""

import io
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch

from augury.publishing.sources import onnx as graphs
from augury.publishing.sources.protocol import Question, Source, Way
from augury.publishing.table import Floats, Matrix
from augury.publishing.trouble import NotPublishable, Unconvertible

_EXAMPLE_ROWS = 2


def open_source(path: Path) -> Source:
    """Return the module in a file; raises `NotPublishable`."""
    try:
        program = torch.export.load(path) if path.suffix == ".pt2" else torch.jit.load(path)
    except Exception as error:  # the library raises a dozen types that share no base
        message = (
            f"{path.name} is neither TorchScript nor an exported program: save it by"
            f" torch.jit.script(module).save(...) or torch.export.save(...). {error}"
        )
        raise NotPublishable(message) from error
    return source_of(program)


def source_of(program: Any) -> Source:
    """Return a module as a source: it takes one float32 tensor [rows, fields]."""
    module = program.module() if isinstance(program, torch.export.ExportedProgram) else program
    return Source(
        library=f"PyTorch {torch.__version__}",
        kind=type(program).__name__,
        predict=partial(_predict, program, module),
        ways=partial(_ways, program),
    )


def _predict(program: Any, module: Any, question: Question, matrix: Matrix) -> Floats:
    raw = graphs.raw_of(_session(program, question), question)
    with torch.no_grad():
        found = module(torch.from_numpy(matrix)).numpy()
    return graphs.chances(np.asarray(found), raw)


def _ways(program: Any, question: Question) -> list[Way]:
    exported = graphs.source_of(_exported(program, question), "the exported graph")
    return [*exported.ways(question)]


def _session(program: Any, question: Question) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(_exported(program, question))


def _exported(program: Any, question: Question) -> bytes:
    """Return a module as the content of an ONNX file that takes any number of rows."""
    example = (torch.from_numpy(question.matrix[:_EXAMPLE_ROWS]),)
    content = io.BytesIO()
    try:
        if isinstance(program, torch.export.ExportedProgram):
            torch.onnx.export(program, (), content, dynamo=True)
        else:
            names = {"input_names": ["rows"], "output_names": ["score"]}
            axes = {"rows": {0: "N"}, "score": {0: "N"}}
            torch.onnx.export(program, example, content, dynamo=False, dynamic_axes=axes, **names)
        graph = onnx.load_from_string(content.getvalue())
        onnx.checker.check_model(graph)
    except Exception as error:  # the library raises a dozen types that share no base
        message = f"PyTorch cannot export it: {str(error).splitlines()[0]}"
        raise Unconvertible(message) from error
    return content.getvalue()
