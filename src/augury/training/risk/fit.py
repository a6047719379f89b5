"""Learns a forecast model: weights by maximum likelihood, then a table of what is left over."""

import msgspec
import numpy as np
from scipy.optimize import minimize

from augury.risk.features import FEATURES, MACRO, MARKET, OWN
from augury.risk.forecast import Document, Horizon, Variant
from augury.risk.series import Floats
from augury.training.risk.panel import HORIZONS, Panel

# The richest first. The level has no weight of its own.
_VARIANTS = (slice(1, MACRO.stop), slice(1, MARKET.stop), slice(1, OWN.stop))
# Student's t is only the yardstick that keeps single crashes from deciding about the weights.
_FREEDOM = 6.0
_RIDGE = 1e-3
# Neighbouring days of a horizon tell nearly the same; every third is enough for five weights.
_EVERY = 3
# Half of the average return of the past, which was that of companies that are large today.
_DRIFT_KEPT = 0.5
# Of the average share's moves. What moves less is no share, and is not expected to earn like one.
_DRIFT_FROM = 1 / 3
_RANGE = (0.001, 0.999)
_DIGITS = 6
_STEP = 2e-6

_INNER = np.round(np.concatenate([[0.001, 0.0025], np.arange(1, 200) / 200, [0.9975, 0.999]]), 6)
_OUTER = np.array([1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4])
LEVELS = np.concatenate([[0.0], _OUTER, _INNER, np.round(1 - _OUTER[::-1], 6), [1.0]])
_END = 1e-6  # what stands for level 0


def learn(panel: Panel, known_by: int) -> Document:
    """Return what can be learned from the outcomes that are known before a day."""
    seen = panel.rows((panel.matures < known_by).any(axis=1))
    centres = np.nanmean(seen.features, axis=0)
    lowest, highest = np.nanquantile(seen.features, _RANGE, axis=0)
    clipped = np.clip(seen.features, lowest, highest) - centres
    clipped[:, 0] = seen.features[:, 0]
    return Document(
        format="augury-risk-forecast-1",
        features=list(FEATURES),
        centres=_rounded(centres),
        lowest=_rounded(lowest),
        highest=_rounded(highest),
        levels=LEVELS.tolist(),
        horizons=[
            _horizon(column, clipped, seen.returns[:, column], seen.matures[:, column] < known_by)
            for column in range(len(HORIZONS))
        ],
    )


def encoded(document: Document) -> bytes:
    """Return the content of an artefact."""
    return msgspec.json.encode(document) + b"\n"


def _horizon(column: int, features: Floats, returns: Floats, over: Floats) -> Horizon:
    features, returns = features[over == 1], returns[over == 1]
    drift = _DRIFT_KEPT * float(returns.mean())
    average_scale = float(np.exp(features[:, 0].mean()) * np.sqrt(HORIZONS[column]))
    drift_scale = _DRIFT_FROM * average_scale
    return Horizon(
        days=HORIZONS[column],
        drift=round(drift, _DIGITS),
        drift_scale=round(drift_scale, _DIGITS),
        variants=[_variant(used, features, returns, drift, drift_scale) for used in _VARIANTS],
    )


def _variant(
    used: slice, features: Floats, returns: Floats, drift: float, drift_scale: float
) -> Variant:
    known = np.isfinite(features[:, used]).all(axis=1)
    level, x, y = features[known, 0], features[known, used], returns[known]
    intercept, weights = _scale(level[::_EVERY], x[::_EVERY], y[::_EVERY])
    scale = np.exp(level + intercept + x @ weights)
    location = drift * np.minimum(scale / drift_scale, 1.0)
    padded = np.zeros(len(FEATURES) - 1)
    padded[used.start - 1 : used.stop - 1] = weights
    return Variant(
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

    The tail goes on as it went from one in a hundred to one in a thousand.
    """
    inner = np.quantile(z, _INNER)
    hundredth, last = np.quantile(z, [0.01, 0.99]), inner[[0, -1]]
    index = np.log10(last / hundredth)
    beyond = np.concatenate([[_END], _OUTER]) / _INNER[0]
    low, high = (last[side] * beyond ** -index[side] for side in (0, 1))
    # Prices that did not move leave equal values, and a table must rise.
    return np.concatenate([low, inner, high[::-1]]) + _STEP * np.arange(len(LEVELS))


def _rounded(values: Floats) -> list[float]:
    return [round(float(value), _DIGITS) for value in values]
