"""PyTorch: TorchScript (`.pt`) and exported programs (`.pt2`), which become ONNX graphs.

It is far too large to come with us: this works where the publisher has it installed.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from augury.publishing.sources import onnx as graphs
from augury.publishing.sources.protocol import Question, Source, Way
from augury.publishing.table import Floats, Matrix
from augury.publishing.trouble import NotPublishable

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
    exported = _Exported(program)
    return Source(
        library=f"PyTorch {torch.__version__}",
        kind=type(program).__name__,
        predict=exported.predict,
        ways=exported.ways,
    )


class _Exported:
    """A module, and the graph that PyTorch made of it once it had been shown some rows."""

    def __init__(self, program: Any) -> None:
        """Keep a program; nothing is exported yet."""
        self._program = program
        self._graph: onnx.ModelProto | None = None

    def predict(self, question: Question, matrix: Matrix) -> Floats:
        """Return the probabilities that PyTorch gives."""
        program = self._program
        module = program.module() if _is_exported(program) else program
        raw = graphs.raw_of(graphs.session_of(self._exported(question)), question)
        with torch.no_grad():
            found = module(torch.from_numpy(matrix)).numpy()
        return graphs.chances(np.asarray(found), raw)

    def ways(self, question: Question) -> Sequence[Way]:
        """Return the ways of the graph."""
        return graphs.source_of(self._exported(question), "what PyTorch exported").ways(question)

    def _exported(self, question: Question) -> onnx.ModelProto:
        if self._graph is None:
            try:
                self._graph = _export(self._program, question.matrix[:_EXAMPLE_ROWS])
            except Exception as error:  # the library raises a dozen types that share no base
                message = f"PyTorch cannot export it: {str(error).splitlines()[0]}"
                raise NotPublishable(message) from error
        return self._graph


def _is_exported(program: Any) -> bool:
    return isinstance(program, torch.export.ExportedProgram)


def _export(program: Any, example: Matrix) -> onnx.ModelProto:
    """Return a module as a graph that takes any number of rows."""
    if _is_exported(program):
        made: onnx.ModelProto = torch.onnx.export(program, dynamo=True).model_proto
        return made
    content = io.BytesIO()
    names = {"input_names": ["rows"], "output_names": ["score"]}
    axes = {"rows": {0: "N"}, "score": {0: "N"}}
    rows = (torch.from_numpy(example),)
    torch.onnx.export(program, rows, content, dynamo=False, dynamic_axes=axes, **names)
    return onnx.load_from_string(content.getvalue())
