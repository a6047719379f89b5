"""The fields of a model, learnt from a sample: types, categories, ranges, examples, texts."""

import math
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from augury.inference.manifest import InputField
from augury.publishing.sources.protocol import Source
from augury.publishing.table import Column, Columns
from augury.publishing.trouble import NotPublishable

_MOST_CATEGORIES = 200
_DIGITS_OF_LIMITS = 2

Fields = list[dict[str, Any]]


def chosen(source: Source, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that a model was trained on, in its order; raises `NotPublishable`."""
    names = source.names
    if names is None:
        if source.width not in {None, frame.shape[1]}:
            message = (
                f"The model takes {source.width} fields and does not name them; the sample has"
                f" {frame.shape[1]} columns beside the target: {', '.join(frame.columns)}."
            )
            raise NotPublishable(message)
        return frame
    missing = [name for name in names if name not in frame.columns]
    if missing:
        message = (
            f"The sample lacks columns that the model was trained on: {', '.join(missing)}."
            f" It has {', '.join(frame.columns)}."
        )
        raise NotPublishable(message)
    return frame[names]


def learnt(source: Source, frame: pd.DataFrame, overrides: Fields) -> tuple[Fields, Columns]:
    """Return the fields of a manifest, and how the sample stored them.

    `overrides` are parts of fields by name, which win. Raises `NotPublishable`.
    """
    told = {field.get("name"): field for field in overrides}
    unknown = [str(name) for name in told if name not in frame.columns]
    if unknown:
        message = f"The manifest speaks of fields that the model has not: {', '.join(unknown)}."
        raise NotPublishable(message)
    known = iter(source.known_categories)
    fields, columns = [], []
    for place, name in enumerate(frame.columns):
        values, override = frame[name], told.get(name, {})
        is_category = (
            override["type"] == "category"
            if "type" in override
            else place in source.categorical or _is_text(values)
        )
        of_model = next(known, None) if is_category else None
        learn = _category if is_category else _number
        field, column = learn(name, values, override, of_model)
        text = {"en": name, "ru": name}
        found = {
            "name": name,
            "title": text,
            "description": override.get("title", text),
            "nullable": bool(values.isna().any()) or name in source.nullable,
        }
        fields.append(found | field | override)
        columns.append(column)
    return fields, Columns(columns)


def input_fields(fields: Fields) -> list[InputField]:
    """Return fields as the manifest has them; raises `NotPublishable`."""
    try:
        return msgspec.convert(fields, list[InputField])
    except msgspec.ValidationError as error:
        message = f"The fields are not those of a manifest: {error}"
        raise NotPublishable(message) from error


def _is_text(values: "pd.Series[Any]") -> bool:
    return not pd.api.types.is_numeric_dtype(values.dtype)


def _category(
    name: str, values: "pd.Series[Any]", override: dict[str, Any], of_model: list[Any] | None
) -> tuple[dict[str, Any], Column]:
    found = values.dropna()
    if isinstance(values.dtype, pd.CategoricalDtype):
        originals = values.cat.categories.tolist()
    else:
        originals = sorted(found.unique().tolist(), key=lambda one: (str(type(one)), one))
    if of_model is not None:
        originals = [*of_model]
    by_text = {str(original): original for original in originals}
    # Categories that the sample lacks are taken as they are written.
    originals = [by_text.get(text, text) for text in override.get("categories", by_text)]
    if len(originals) > _MOST_CATEGORIES or not originals:
        message = (
            f"{name} has {len(originals)} different texts: that is no category of at most"
            f" {_MOST_CATEGORIES}. Leave it out of the model, or make a number of it."
        )
        raise NotPublishable(message)
    lost = sorted({str(one) for one in found.unique()} - {str(one) for one in originals})
    if lost:
        message = f"{name} has values in the sample that are none of its categories: {lost[:5]}."
        raise NotPublishable(message)
    field = {
        "type": "category",
        "categories": [str(original) for original in originals],
        "example": str(found.mode().iloc[0]),
    }
    return field, Column(name, values.dtype, originals)


def _number(
    name: str, values: "pd.Series[Any]", _override: dict[str, Any], _of_model: list[Any] | None
) -> tuple[dict[str, Any], Column]:
    known = values.dropna().to_numpy(np.float64)
    if not len(known) or not np.isfinite(known).all():
        message = f"{name} has no finite number in the sample."
        raise NotPublishable(message)
    whole = bool((known == np.floor(known)).all())
    # A column of whole numbers with gaps is read as one of decimals.
    is_integer = whole and (values.dtype.kind in "iub" or bool(values.isna().any()))
    middle = float(np.quantile(known, 0.5, method="lower"))
    low, high = _outwards(float(known.min()), down=True), _outwards(float(known.max()), down=False)
    if values.dtype.kind == "b":
        low, high = 0.0, 1.0
    number = int if is_integer else float
    field = {
        "type": "integer" if is_integer else "number",
        "minimum": number(low),
        "maximum": number(high),
        "example": number(middle),
    }
    return field, Column(name, values.dtype)


def _outwards(limit: float, *, down: bool) -> float:
    """Return a limit rounded to two digits, away from the values: what is near is valid too."""
    if limit == 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(abs(limit))) - _DIGITS_OF_LIMITS + 1)
    rounded = (math.floor if down else math.ceil)(limit / step) * step
    # Steps below 1 are no binary numbers: 7 * 0.1 is a little more than 0.7.
    tidy = float(f"{rounded:.{_DIGITS_OF_LIMITS + 1}g}")
    return min(tidy, limit) if down else max(tidy, limit)
