"""The forecast model: from features to distributions of returns, and what moved them.

`log(scale)` is a sum of features, so each has an exact share in it. What a question does not know
it is not asked for: a horizon has variants that know less, and the richest that can be answered
is taken. Short histories have variants of their own, with less trust and wider tails.
"""

from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from augury.kit.decoding import decode
from augury.risk.distribution import Forecast, Groups
from augury.risk.features import CLOSES, FEATURES
from augury.risk.returns import logarithmic
from augury.risk.series import Floats

_LEVEL = 0  # the place of `volatility_level`, whose weight is 1: twice the moves, twice the scale
# Contributions to log(scale) that add up to less than this move the chance by its slope.
_FLAT = 1e-6


class BadForecastModel(ValueError):
    """An artefact is no forecast model; the message says what is wrong with it."""


class Variant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`log(scale) = level + intercept + sum(weights * (features - centres))`, and quantiles of z.

    `weights` are of the features in their order, the level left out; 0 is not looked at. It
    answers for histories of at least so many closes.
    """

    least_closes: int
    intercept: float
    weights: list[float]
    quantiles: list[float]


class Horizon(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A horizon in trading days; its variants, the best first.

    `drift` is the expected log return of whatever moves at least as much as `drift_scale`; what
    moves less is expected to earn less, in proportion.
    """

    days: Annotated[int, msgspec.Meta(ge=1, le=252)]
    drift: float
    drift_scale: float
    variants: Annotated[list[Variant], msgspec.Meta(min_length=1)]


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The artefact: what was learned, with the range of each feature in training."""

    format: Literal["augury-risk-forecast-1"]
    features: list[str]
    centres: list[float]
    lowest: list[float]
    highest: list[float]
    levels: list[float]
    horizons: Annotated[list[Horizon], msgspec.Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class Drivers:
    """What moved the chance of a loss: `base + contributions.sum(axis=1)` is that chance.

    `base` [n] is the chance for an asset that is average in everything the question knows;
    `contributions` [n, 7] are of `FEATURES`, 0 where unknown.
    """

    base: Floats
    contributions: Floats


class ForecastModel:
    """A model that is ready to answer."""

    def __init__(self, document: Document) -> None:
        """Take a document that `read` has checked."""
        self._centres = np.array(document.centres)
        self._lowest, self._highest = np.array(document.lowest), np.array(document.highest)
        self._levels = np.array(document.levels)
        self.horizons = tuple(one.days for one in document.horizons)
        self._variants_each = [len(one.variants) for one in document.horizons]
        variants = [variant for one in document.horizons for variant in one.variants]
        self._weights = np.array([[1.0, *one.weights] for one in variants])
        self._least_closes = [one.least_closes for one in variants]
        self._intercepts = np.array([one.intercept for one in variants])
        self._tables = np.array([one.quantiles for one in variants])
        self._drifts = np.repeat([one.drift for one in document.horizons], self._variants_each)
        scales = [one.drift_scale for one in document.horizons]
        self._drift_scales = np.repeat(scales, self._variants_each)

    def forecast(self, features: Floats, horizon: int | npt.NDArray[np.integer]) -> Forecast:
        """Return the distributions of n questions from `features` [n, 7] and horizons in days.

        Raises `ValueError` for a horizon that is none of `horizons`, or a row that lacks what
        every variant needs.
        """
        days = np.broadcast_to(np.asarray(horizon), len(features))
        group = self._groups(features, days)
        scale = np.exp(self._parts(features, group).sum(axis=1) + self._reference(group))
        location = self._location(scale, group)
        return Forecast(location, scale, days, group, self._tables, self._levels)

    def drivers(self, features: Floats, forecast: Forecast, thresholds: Floats | float) -> Drivers:
        """Return what moved `forecast.probability_below(thresholds)`, in parts that add up to it.

        Each feature moves log(scale) by a known amount; all go from the average to the question's
        at once, and each gets the share of the way that it made (Aumann and Shapley 1974).
        """
        parts = self._parts(features, forecast.group)
        total = parts.sum(axis=1)
        limits = logarithmic(np.broadcast_to(thresholds, len(forecast)).astype(np.float64))
        average = np.exp(self._reference(forecast.group))
        location = self._location(average, forecast.group)
        base = forecast.chance_of((limits - location) / average)
        moved = forecast.probability_below(thresholds) - base
        flat = np.abs(total) < _FLAT
        slope = np.divide(moved, total, out=np.zeros_like(total), where=~flat)
        return Drivers(np.where(flat, base + moved, base), parts * slope[:, None])

    def known(self, features: Floats) -> npt.NDArray[np.bool_]:
        """Return which features are known, [n, 7]."""
        return np.isfinite(features)

    def unlike_training(self, features: Floats) -> npt.NDArray[np.bool_]:
        """Return which features lie outside of what training has seen, [n, 7]."""
        return (features < self._lowest) | (features > self._highest)

    def _groups(self, features: Floats, days: npt.NDArray[np.integer]) -> Groups:
        known = np.isfinite(features)
        group = np.full(len(features), -1)
        first = 0
        for horizon, variants in zip(self.horizons, self._variants_each, strict=True):
            asked = days == horizon
            for place in reversed(range(first, first + variants)):
                enough = features[:, CLOSES] >= self._least_closes[place]
                needed = self._weights[place] != 0
                group[asked & enough & known[:, needed].all(axis=1)] = place
            first += variants
        if (group < 0).any():
            row = int(np.argmax(group < 0))
            message = f"row {row}: no variant for {days[row]} days and features {features[row]}"
            raise ValueError(message)
        return group

    def _parts(self, features: Floats, group: Groups) -> Floats:
        """Return by how much each feature moves log(scale) from the average, [n, 7]."""
        inside = np.clip(features, self._lowest, self._highest)
        inside[:, _LEVEL] = features[:, _LEVEL]
        weights = self._weights[group]
        return np.where(weights != 0, weights * (inside - self._centres), 0.0)

    def _reference(self, group: Groups) -> Floats:
        reference: Floats = self._intercepts[group] + self._centres[_LEVEL]
        return reference

    def _location(self, scale: Floats, group: Groups) -> Floats:
        reached = np.minimum(scale / self._drift_scales[group], 1.0)
        location: Floats = self._drifts[group] * reached
        return location


def read(content: bytes) -> ForecastModel:
    """Return the model in an artefact; raises `BadForecastModel` for anything that is not one."""
    try:
        document = decode(content, Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadForecastModel(str(error)) from error
    for trouble, found in _troubles(document):
        if found:
            raise BadForecastModel(trouble)
    return ForecastModel(document)


def _troubles(document: Document) -> list[tuple[str, bool]]:
    variants = [variant for one in document.horizons for variant in one.variants]
    ranges = (document.centres, document.lowest, document.highest)
    if tuple(document.features) != FEATURES:
        return [(f"features are not {', '.join(FEATURES)}", True)]
    if any(len(one) != len(FEATURES) for one in ranges):
        return [("centres and ranges are not one for each feature", True)]
    if any(len(one.weights) != len(FEATURES) - 1 for one in variants):
        return [("weights are not one for each feature but the level", True)]
    if any(len(one.quantiles) != len(document.levels) for one in variants):
        return [("quantiles are not one for each level", True)]
    numbers = chain(
        *ranges,
        document.levels,
        *((one.drift, one.drift_scale) for one in document.horizons),
        *((one.intercept, *one.weights, *one.quantiles) for one in variants),
    )
    days = [one.days for one in document.horizons]
    return [
        ("not every number is finite", not np.isfinite(list(numbers)).all()),
        ("ranges are empty", bool(np.less_equal(document.highest, document.lowest).any())),
        ("levels do not rise from 0 to 1", not _rises(document.levels, 0.0, 1.0)),
        ("quantiles do not rise", not all(_rises(one.quantiles) for one in variants)),
        ("horizons are not different", len(set(days)) != len(days)),
        ("a drift's scale is not positive", any(one.drift_scale <= 0 for one in document.horizons)),
    ]


def _rises(values: list[float], first: float | None = None, last: float | None = None) -> bool:
    ends = (first is None or values[0] == first) and (last is None or values[-1] == last)
    return len(values) > 1 and ends and bool((np.diff(values) > 0).all())
