"""Learns a forecast model: weights by maximum likelihood, then a table of what is left over."""

import msgspec
import numpy as np
from scipy.optimize import minimize

from augury.risk.features import CLOSES, FEATURES, LEAST_CLOSES, MACRO, MARKET, OWN
from augury.risk.forecast import Document, Horizon, Variant
from augury.risk.series import Floats
from augury.training.risk.panel import HORIZONS, Panel

# The best first: of many closes before few, of much known before little. The level has no weight
# of its own.
_KNOWN = (slice(1, MACRO.stop), slice(1, MARKET.stop), slice(1, OWN.stop))
_CLOSES = (504, 126, LEAST_CLOSES)
# Uploads to learn short histories from. Longer ones are what the panel is made of.
UPLOADS = (60, 90, 126, 200, 350)
# Student's t is only the yardstick that keeps single crashes from deciding about the weights.
_FREEDOM = 6.0
_RIDGE = 1e-3
# Neighbouring days of a horizon tell nearly the same; every third is enough for five weights.
_EVERY = 3
# The average return of so many years is believed by half (Buehlmann's credibility): ten years of a
# market tell little of the next, and these are companies that are large today.
_HALF_BELIEVED_YEARS = 10.0
# Of the average share's moves. What moves less is no share, and is not expected to earn like one.
_DRIFT_FROM = 1 / 3
_MOST_CLOSES = 100_000.0  # no number of them is unlike training
_RANGE = (0.001, 0.999)
_DIGITS = 6
_STEP = 2e-6

_INNER = np.round(np.concatenate([[0.001, 0.0025], np.arange(1, 200) / 200, [0.9975, 0.999]]), 6)
_OUTER = np.array([1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4])
LEVELS = np.concatenate([[0.0], _OUTER, _INNER, np.round(1 - _OUTER[::-1], 6), [1.0]])
_END = 1e-6  # what stands for level 0


def learn(panel: Panel, known_by: int) -> Document:
    """Return what can be learned from the outcomes that are known before a day."""
    seen = panel.rows(panel.matures.min(axis=1) < known_by)
    centres = np.nanmean(seen.features, axis=0)
    lowest, highest = np.nanquantile(seen.features, _RANGE, axis=0)
    lowest[CLOSES], highest[CLOSES] = LEAST_CLOSES, _MOST_CLOSES
    years = float(np.ptp(seen.day)) / 365.25
    believed = years / (years + _HALF_BELIEVED_YEARS)
    clipped = np.clip(seen.features, lowest, highest) - centres
    for column in (0, CLOSES):
        clipped[:, column] = seen.features[:, column]
    return Document(
        format="augury-risk-forecast-1",
        features=list(FEATURES),
        centres=_rounded(centres),
        lowest=_rounded(lowest),
        highest=_rounded(highest),
        levels=LEVELS.tolist(),
        horizons=[
            _horizon(days, clipped[over], seen.returns[over, column], believed)
            for column, days in enumerate(HORIZONS)
            for over in [seen.matures[:, column] < known_by]
        ],
    )


def encoded(document: Document) -> bytes:
    """Return the content of an artefact."""
    return msgspec.json.encode(document) + b"\n"


def _horizon(days: int, features: Floats, returns: Floats, believed: float) -> Horizon:
    drift = believed * float(returns.mean())
    average_scale = float(np.exp(features[:, 0].mean()) * np.sqrt(days))
    drift_scale = _DRIFT_FROM * average_scale
    return Horizon(
        days=days,
        drift=round(drift, _DIGITS),
        drift_scale=round(drift_scale, _DIGITS),
        variants=[
            _variant(least, used, features[of], returns[of], drift, drift_scale)
            for least, below in zip(_CLOSES, (np.inf, *_CLOSES), strict=False)
            for of in [(features[:, CLOSES] >= least) & (features[:, CLOSES] < below)]
            for used in _KNOWN
        ],
    )


def _variant(
    least: int, used: slice, features: Floats, returns: Floats, drift: float, drift_scale: float
) -> Variant:
    known = np.isfinite(features[:, used]).all(axis=1)
    level, x, y = features[known, 0], features[known, used], returns[known]
    every = _EVERY if least == max(_CLOSES) else 1
    intercept, weights = _scale(level[::every], x[::every], y[::every])
    scale = np.exp(level + intercept + x @ weights)
    location = drift * np.minimum(scale / drift_scale, 1.0)
    padded = np.zeros(len(FEATURES) - 1)
    padded[used.start - 1 : used.stop - 1] = weights
    return Variant(
        least_closes=least,
        intercept=round(intercept, _DIGITS),
        weights=_rounded(padded),
        quantiles=_rounded(_table((y - location) / scale)),
    )


def _scale(level: Floats, x: Floats, y: Floats) -> tuple[float, Floats]:
    """Return intercept and weights of log(scale) under which the returns are likeliest."""
    spread = x.std(axis=0)
    inputs = x / spread

    def loss(point: Floats) -> tuple[float, Floats]:
        log_scale = level + point[0] + inputs @ point[2:]
        raw = y / np.exp(log_scale)
        z = raw - point[1]
        within = 1 + z * z / _FREEDOM
        pull = (_FREEDOM + 1) * z / _FREEDOM / within
        value = np.mean(log_scale + (_FREEDOM + 1) / 2 * np.log(within))
        slope = 1 - pull * raw
        gradient = np.concatenate(
            [[slope.mean(), -pull.mean()], inputs.T @ slope / len(y) + 2 * _RIDGE * point[2:]]
        )
        return float(value + _RIDGE * np.sum(point[2:] ** 2)), gradient

    start = np.zeros(2 + x.shape[1])
    start[0] = np.log(np.std(y / np.exp(level)))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 300}).x
    return float(found[0]), found[2:] / spread


def _table(z: Floats) -> Floats:
    """Return quantiles at `LEVELS`: those seen, and beyond one in a thousand a power law.

    The tail goes on as it went from one in a hundred to one in a thousand. They are moved to a
    mean of 0 (the outermost halves of a percent aside), so that `drift` alone says what may be
    earned: what shares have earned above it is the luck of those that are large today.
    """
    middle = np.quantile(z, np.arange(1, 200) / 200)
    inner = np.quantile(z, _INNER) - middle.mean()
    hundredth, last = np.interp([0.01, 0.99], _INNER, inner), inner[[0, -1]]
    index = np.log10(last / hundredth)
    beyond = np.concatenate([[_END], _OUTER]) / _INNER[0]
    low, high = (last[side] * beyond ** -index[side] for side in (0, 1))
    # Prices that did not move leave equal values, and a table must rise.
    table: Floats = np.concatenate([low, inner, high[::-1]]) + _STEP * np.arange(len(LEVELS))
    return table


def _rounded(values: Floats) -> list[float]:
    return [round(float(value), _DIGITS) for value in values]
