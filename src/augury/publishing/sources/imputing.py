"""What skl2onnx cannot do with missing values: imputers in 64 bits and of texts."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import numpy as np
from onnx import TensorProto
from skl2onnx import update_registered_converter
from skl2onnx.common.data_types import DoubleTensorType, StringTensorType
from skl2onnx.common.utils import check_input_and_output_numbers
from skl2onnx.operator_converters.common import concatenate_variables
from sklearn.base import BaseEstimator
from sklearn.impute import SimpleImputer

from augury.publishing.trouble import Unconvertible

# A graph knows no missing text: a runtime gives it an empty one.
MISSING_TEXT = ""


def prepared(estimator: Any) -> Any:
    """Return a copy of fitted transformers for which a missing text is an empty one."""
    copy = deepcopy(estimator)
    for part in _parts(copy):
        lists = getattr(part, "categories_", None)
        if lists is not None:
            part.categories_ = [_with_empty_text(values) for values in lists]
    return copy


def _parts(value: Any) -> Iterator[Any]:
    """Yield every estimator inside of an estimator."""
    if isinstance(value, BaseEstimator):
        yield value
        for inside in vars(value).values():
            yield from _parts(inside)
    elif isinstance(value, list | tuple):
        for inside in value:
            yield from _parts(inside)
    elif isinstance(value, dict):
        for inside in value.values():
            yield from _parts(inside)


def _with_empty_text(values: Any) -> Any:
    if values.dtype != object:
        return values
    is_missing = [value is None or value != value for value in values]  # noqa: PLR0124 -- NaN
    return np.array(
        [
            MISSING_TEXT if missing else value
            for value, missing in zip(values, is_missing, strict=True)
        ],
        object,
    )


def _shape(operator: Any) -> None:
    check_input_and_output_numbers(operator, input_count_range=[1, None], output_count_range=1)
    first = operator.inputs[0].type
    width = operator.raw_operator.statistics_.shape[0]
    operator.outputs[0].type = type(first)([first.shape[0], width])


def _convert(scope: Any, operator: Any, container: Any) -> None:
    imputer = operator.raw_operator
    if imputer.add_indicator:
        message = "a SimpleImputer with add_indicator is not supported"
        raise Unconvertible(message)
    value = concatenate_variables(scope, operator.inputs, container)
    known = np.array([one is not None and one == one for one in imputer.statistics_])  # noqa: PLR0124 -- NaN
    if not known.all():
        message = "a SimpleImputer met a column without any value"
        raise Unconvertible(message)
    first = operator.inputs[0].type
    values: list[Any]
    if isinstance(first, StringTensorType):
        kind, values = TensorProto.STRING, [str(one).encode() for one in imputer.statistics_]
        missing = _equal(scope, container, value, MISSING_TEXT.encode(), kind)
    else:
        double = isinstance(first, DoubleTensorType)
        kind = TensorProto.DOUBLE if double else TensorProto.FLOAT
        values = [float(one) for one in imputer.statistics_]
        told = imputer.missing_values
        if told is None or told != told:  # noqa: PLR0124 -- NaN
            missing = scope.get_unique_variable_name("missing")
            container.add_node("IsNaN", [value], [missing], op_version=13)
        else:
            missing = _equal(scope, container, value, float(told), kind)
    filling = scope.get_unique_variable_name("filling")
    container.add_initializer(filling, kind, [1, len(values)], values)
    output = operator.outputs[0].full_name
    container.add_node("Where", [missing, filling, value], [output], op_version=16)


def _equal(scope: Any, container: Any, value: str, told: bytes | float, kind: int) -> str:
    constant, missing = (scope.get_unique_variable_name(name) for name in ("mark", "missing"))
    container.add_initializer(constant, kind, [1, 1], [told])
    container.add_node("Equal", [value, constant], [missing], op_version=19)
    return str(missing)


update_registered_converter(SimpleImputer, "AugurySimpleImputer", _shape, _convert, overwrite=True)
