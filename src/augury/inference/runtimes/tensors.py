"""What binds a manifest to named tensors: those of a graph, and those of another server.

A model takes either one tensor of numbers [rows, fields], its columns in the manifest's order, or
one tensor for each field, [rows] or [rows, 1], named like it. In numbers a category is its place in
the manifest's list and a missing value is NaN; in text a category is itself, and nothing when it is
missing. Everything is compared once, when the model is opened.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from augury.inference.manifest import BadModel, InputField, Raw
from augury.inference.odds import probability

Matrix = npt.NDArray[np.float32]
Tensor = npt.NDArray[np.generic]
# float32 [rows, fields] -> the tensors by their names.
Feed = Callable[[Matrix], dict[str, Tensor]]
# The tensor of the answer -> float64 [rows].
Answer = Callable[[Tensor], npt.NDArray[np.float64]]
_Convert = Callable[[Matrix], Tensor]

_FLOATS = ("float", "double")
_WHOLE = ("int64", "bool")
_MOST_DIMENSIONS = 2
_BOTH = 2


@dataclass(frozen=True, slots=True)
class Port:
    """One tensor that a model takes or gives: a dimension of any length is None."""

    name: str
    # One of float, double, int64, bool and string; whatever else there is goes by its own name.
    kind: str
    shape: tuple[int | None, ...]

    def told(self) -> str:
        """Return name, kind and shape for a person."""
        lengths = ", ".join("any" if length is None else str(length) for length in self.shape)
        return f"{self.name!r}: {self.kind} [{lengths}]"


def feed_of(ports: Sequence[Port], fields: Sequence[InputField]) -> Feed:
    """Return what turns the matrix into a model's tensors, or raise `BadModel`."""
    for port in ports:
        if port.shape and port.shape[0] is not None:
            raise BadModel("tensor_rows", found=port.told())
    if len(ports) == 1 and _is_matrix(ports[0], fields):
        return _matrix(ports[0], fields)
    found, wanted = {port.name for port in ports}, {field.name for field in fields}
    if found != wanted:
        unknown, missing = sorted(found - wanted), sorted(wanted - found)
        raise BadModel(
            "tensor_names",
            unknown=", ".join(unknown) or "-",
            missing=", ".join(missing) or "-",
            fields=len(fields),
        )
    return _columns(ports, fields)


def _is_matrix(port: Port, fields: Sequence[InputField]) -> bool:
    named = port.name in {field.name for field in fields}
    return not named or (port.kind in _FLOATS and port.shape[1:] == (len(fields),))


def _matrix(port: Port, fields: Sequence[InputField]) -> Feed:
    fits = len(port.shape) == _MOST_DIMENSIONS and port.shape[1] in {None, len(fields)}
    if port.kind not in _FLOATS or not fits:
        raise BadModel("tensor_matrix", found=port.told(), fields=len(fields))
    name = port.name
    if port.kind == "double":
        return lambda matrix: {name: matrix.astype(np.float64)}
    return lambda matrix: {name: matrix}


def _columns(ports: Sequence[Port], fields: Sequence[InputField]) -> Feed:
    places = {field.name: place for place, field in enumerate(fields)}
    columns = [
        (port.name, places[port.name], _convert(port, fields[places[port.name]]), _shape(port))
        for port in ports
    ]

    def feed(matrix: Matrix) -> dict[str, Tensor]:
        across = np.ascontiguousarray(matrix.T)
        return {
            name: convert(across[place]).reshape(shape) for name, place, convert, shape in columns
        }

    return feed


def _shape(port: Port) -> tuple[int, ...]:
    """Return how a column is laid out for this tensor."""
    if not 1 <= len(port.shape) <= _MOST_DIMENSIONS or port.shape[1:] not in {(), (None,), (1,)}:
        raise BadModel("tensor_column", found=port.told())
    return (-1, 1)[: len(port.shape)]


def _convert(port: Port, field: InputField) -> _Convert:
    """Return what turns a column of the matrix into what this tensor holds."""
    if port.kind == "float":
        return lambda column: column
    if port.kind == "double":
        return lambda column: column.astype(np.float64)
    if port.kind == "string" and field.categories is not None:
        texts = np.array([*field.categories, ""], object)
        last = np.float32(len(field.categories))
        return lambda column: texts[np.where(np.isnan(column), last, column).astype(np.intp)]
    if port.kind not in _WHOLE or not _is_whole(port, field):
        raise BadModel("tensor_type", found=port.told(), type=field.type)
    if field.nullable:
        raise BadModel("tensor_nullable", found=port.told())
    if port.kind == "int64":
        return lambda column: column.astype(np.int64)
    return lambda column: column != 0


def _is_whole(port: Port, field: InputField) -> bool:
    """Return whether nothing of a value is lost in whole numbers, or in yes and no."""
    if port.kind == "bool" and field.categories is not None:
        return len(field.categories) <= _BOTH
    return field.type != "number"


def answer_of(ports: Sequence[Port], raw: Raw) -> Answer:
    """Return what finds the probabilities in the tensor that `raw` names, or raise `BadModel`."""
    port = next((port for port in ports if port.name == raw.tensor), None)
    if port is None:
        known = ", ".join(port.name for port in ports)
        raise BadModel("answer_unknown", name=raw.tensor, known=known)
    if port.kind.startswith(("seq(", "map(", "optional(")):
        raise BadModel("answer_map", found=port.told())
    if port.kind not in _FLOATS or len(port.shape) > _MOST_DIMENSIONS:
        raise BadModel("answer_type", found=port.told())
    # Without dimensions a graph says nothing about them; the self-test will.
    columns = port.shape[1] if len(port.shape) == _MOST_DIMENSIONS else 1
    if port.shape and columns is not None and raw.column >= columns:
        raise BadModel("answer_column", found=port.told(), column=raw.column)
    column = raw.column

    def chances(found: Tensor) -> npt.NDArray[np.float64]:
        whole = found[:, column] if found.ndim == _MOST_DIMENSIONS else found
        return whole.astype(np.float64)

    if raw.scale == "log_odds":
        return lambda found: probability(chances(found))
    return chances
