"""From places to numbers: one pass of arrays over all questions that are asked together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from augury.inference.documents.risk_places import Place
from augury.risk import beta as betas
from augury.risk.distribution import Forecast
from augury.risk.forecast import Drivers, ForecastModel
from augury.risk.hedges import Hedge, Positions, hedges
from augury.risk.series import Floats

LEVELS: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
USUAL_HORIZON: Final = 21
USUAL_THRESHOLD: Final = 0.05
USUAL_VALUE: Final = 10_000.0
# Of so many the value at risk is the 51st worst: their quantile of 5 % and no other.
_POINTS = 1010
_TRADING_DAYS = 252
_STILL = 1e-6


@dataclass(frozen=True, slots=True)
class Measures:
    """What is told of n questions; arrays are float64 [n] unless said otherwise."""

    horizons: Floats
    thresholds: Floats
    declines: Floats
    losses: Floats
    means: Floats
    quantiles: Floats  # [n, 5]
    volatilities: Floats
    values_at_risk: Floats
    shortfalls: Floats
    betas: Floats  # NaN without a benchmark
    drivers: Drivers
    unlike: npt.NDArray[np.bool_]  # [n, 7]
    hedges: Sequence[Hedge]
    values: Floats


def measured(model: ForecastModel, places: Sequence[Place]) -> Measures:
    """Return the measures of all questions, each as if it had been asked alone."""
    features = np.array([one.features for one in places])
    asked = [one.question for one in places]
    horizons = np.array([one.horizon_days or USUAL_HORIZON for one in asked])
    thresholds = np.array([one.loss_threshold or USUAL_THRESHOLD for one in asked])
    values = np.array([one.position_value or USUAL_VALUE for one in asked])
    forecast = model.forecast(features, horizons)
    regression = _regression(places)
    ways = _hedges(model, places, forecast, regression, thresholds, values)
    before = ways[0].before  # so that before and after are told of the same outcomes
    return Measures(
        horizons=horizons,
        thresholds=thresholds,
        declines=forecast.probability_below(0.0),
        losses=forecast.probability_below(-thresholds),
        means=forecast.mean(),
        quantiles=forecast.quantiles(np.array(LEVELS)),
        volatilities=before.volatility,
        values_at_risk=np.maximum(before.value_at_risk, 0.0),
        shortfalls=np.maximum(before.expected_shortfall, 0.0),
        betas=regression["beta"],
        drivers=model.drivers(features, forecast, -thresholds),
        unlike=model.unlike_training(features),
        hedges=ways,
        values=values,
    )


def _regression(places: Sequence[Place]) -> Mapping[str, Floats]:
    """Return beta and correlation with the benchmark of each, NaN where there is none.

    Those with windows of one length are worked out together, most have all two years.
    """
    found = {"beta": np.full(len(places), np.nan), "correlation": np.full(len(places), np.nan)}
    lengths: dict[int, list[int]] = {}
    for at, place in enumerate(places):
        if place.returns is not None:
            lengths.setdefault(len(place.returns[0]), []).append(at)
    for rows in lengths.values():
        windows = [places[at].returns for at in rows]
        asset = np.array([one[0] for one in windows if one is not None])
        index = np.array([one[1] for one in windows if one is not None])
        # What hardly moves beside rounding has no beta.
        moving = (np.ptp(asset, axis=1) > _STILL) & (np.ptp(index, axis=1) > _STILL)
        if moving.any():
            told = betas.beta(asset[moving], index[moving])
            at = np.array(rows)[moving]
            found["beta"][at], found["correlation"][at] = told.beta, told.correlation
    return found


def _hedges(
    model: ForecastModel,
    places: Sequence[Place],
    forecast: Forecast,
    regression: Mapping[str, Floats],
    thresholds: Floats,
    values: Floats,
) -> Sequence[Hedge]:
    # Without a benchmark its figures are of one that stands still; that hedge is not told then.
    known = ~np.isnan(regression["beta"])
    index, correlation = np.full(len(places), 0.01), np.zeros(len(places))
    if known.any():
        rows = [one.benchmark_features for one, its in zip(places, known, strict=True) if its]
        days = forecast.days[known]
        yearly = model.forecast(np.array(rows), days).volatility()
        index[known] = yearly * np.sqrt(days / _TRADING_DAYS)
        correlation[known] = betas.horizon_correlation(
            regression["correlation"][known], days.astype(np.float64)
        )
    return hedges(
        Positions(
            scenarios=forecast.scenarios(_POINTS),
            volatility=forecast.volatility(),
            horizon_days=forecast.days.astype(np.float64),
            beta=np.where(known, regression["beta"], 0.0),
            correlation=correlation,
            benchmark_volatility=index,
            benchmark_price=np.array([one.benchmark_price for one in places]),
            value=values,
            price=np.array([float(one.series.closes[-1]) for one in places]),
            loss_threshold=thresholds,
            rate=np.array([one.rate for one in places]),
        )
    )
