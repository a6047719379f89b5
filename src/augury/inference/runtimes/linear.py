"""The `linear` runtime: a sum of terms as JSON, one for each field, and a sigmoid on top.

    {"format": "augury-linear", "version": 1, "intercept": -1.5,
     "terms": {"age": {"weight": -0.3, "mean": 41.0, "scale": 12.5, "missing": 38.0},
               "home": {"weights": {"OWN": -0.4, "RENT": 0.2}, "missing": 0.0}},
     "means": {"age": 0.0, "home": -0.05}}

A number adds `weight * (value - mean) / scale`, where `missing` is the value that stands in for one
that is not given. A category adds its own weight, and `missing` when it is not given. `means` are
the averages of the terms over the training rows; only reasons need them.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from augury.inference.manifest import BadModel, InputField, Manifest
from augury.inference.odds import Floats, probability
from augury.inference.runtimes.protocol import Predict
from augury.kit.decoding import decode

Matrix = npt.NDArray[np.float32]


class _Number(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    weight: float
    mean: float = 0.0
    scale: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    missing: float | None = None


class _Category(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    weights: dict[str, float]
    missing: float | None = None


_Term = TypeVar("_Term", _Number, _Category)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal["augury-linear"]
    version: Literal[1]
    intercept: float
    terms: dict[str, msgspec.Raw]
    means: dict[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Linear:
    """A sum of terms, ready to be added up. JSON knows no infinities, so all are finite."""

    intercept: float
    means: Floats | None  # [fields] the average of each term
    numbers: npt.NDArray[np.intp]  # [numbers] their places among the fields
    number: Floats  # [4, numbers]: weight, mean, scale and what stands in for a missing value
    categories: npt.NDArray[np.intp]  # [categories] their places among the fields
    table: Floats  # the weights of all categories, after each field's that of a missing one
    start: npt.NDArray[np.intp]  # [categories] where a field's weights begin
    last: npt.NDArray[np.float32]  # [categories] the code of a missing category

    def terms(self, matrix: Matrix) -> Floats:
        """Return what each field adds to the log-odds of each row, float64 [rows, fields]."""
        terms = np.empty(matrix.shape)
        weight, mean, scale, missing = self.number
        values = matrix[:, self.numbers].astype(np.float64)
        values = np.where(np.isnan(values), missing, values)
        # Weights may be so large that a sum is no number; then neither is the probability.
        with np.errstate(over="ignore", invalid="ignore"):
            terms[:, self.numbers] = weight * ((values - mean) / scale)
        codes = matrix[:, self.categories]
        codes = np.where(np.isnan(codes), self.last, codes)
        terms[:, self.categories] = self.table.take(self.start + codes.astype(np.intp))
        return terms


def open_artifact(path: Path, manifest: Manifest, threads: int) -> Predict:  # noqa: ARG001 -- a sum needs no threads
    """Return the model in a linear model's JSON file, or raise `BadModel`."""
    linear = open_model(path, manifest)

    def predict(matrix: Matrix) -> Floats:
        with np.errstate(over="ignore", invalid="ignore"):
            return probability(linear.intercept + linear.terms(matrix).sum(axis=1))

    return predict


def open_model(path: Path, manifest: Manifest) -> Linear:
    """Return the terms in a linear model's JSON file, or raise `BadModel`."""
    try:
        told = decode(path.read_bytes(), _File)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadModel("not_linear", file=path.name, error=error) from error
    fields = manifest.inputs
    names = [field.name for field in fields]
    for given in (told.terms, told.means):
        if given is not None and given.keys() != set(names):
            raise BadModel("linear_fields", given=", ".join(given), names=", ".join(names))
    numbers = [place for place, field in enumerate(fields) if field.categories is None]
    categories = [place for place, field in enumerate(fields) if field.categories is not None]
    weights = [_weights(fields[place], told.terms) for place in categories]
    ends = np.cumsum([0, *map(len, weights)], dtype=np.intp)
    return Linear(
        told.intercept,
        np.array([told.means[name] for name in names]) if told.means is not None else None,
        np.array(numbers, np.intp),
        np.array([_number(fields[place], told.terms) for place in numbers]).reshape(-1, 4).T,
        np.array(categories, np.intp),
        np.concatenate([*weights, np.zeros(0)]),
        ends[:-1],
        np.array([len(of_field) - 1 for of_field in weights], np.float32),
    )


def _number(field: InputField, terms: dict[str, msgspec.Raw]) -> tuple[float, float, float, float]:
    term = _term(field, terms, _Number)
    return term.weight, term.mean, term.scale, math.nan if term.missing is None else term.missing


def _weights(field: InputField, terms: dict[str, msgspec.Raw]) -> Floats:
    term, categories = _term(field, terms, _Category), field.categories or []
    if term.weights.keys() != set(categories):
        raise BadModel(
            "linear_categories",
            name=field.name,
            given=", ".join(term.weights),
            categories=", ".join(categories),
        )
    missing = math.nan if term.missing is None else term.missing
    return np.array([*(term.weights[category] for category in categories), missing])


def _term(field: InputField, terms: dict[str, msgspec.Raw], kind: type[_Term]) -> _Term:
    try:
        term = decode(terms[field.name], kind)
    except msgspec.DecodeError as error:
        raise BadModel("linear_term", name=field.name, type=field.type, error=error) from error
    if field.nullable and term.missing is None:
        raise BadModel("linear_missing", name=field.name)
    return term
