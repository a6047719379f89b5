"""Four ways to lose less, for any number of positions at once: sizes, costs, risk before and after.

All are always told, in the same units, and none is called the best: that depends on what the
holder wants. What each one assumes is named by a key; the sentences stand in a catalogue.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from augury.risk.options import USUAL_SKEW, Option, Skew, priced
from augury.risk.series import Floats
from augury.risk.tails import Tail, tail_of, worst
from augury.risk.trouble import BadSeries, between, finite, long_enough, positive

TRADING_DAYS = 252
LEAST_POINTS = 20
# A call of this price, as a fraction of the asset, pays for a put that is worth less.
_LEAST_PREMIUM = 1e-9
_STEPS = 60
# Of a strike in prices of the asset; beyond it there would be infinities.
_HIGHEST_LOG = 300.0
_CLOSE_ENOUGH = 1e-10
_ROUNDING = 1e-14
# Rows whose scenarios fit into a processor's cache.
_ROWS = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions:
    """What is held, and what may become of it; everything but the scenarios is float64 [n].

    `scenarios` are equally likely simple returns of the asset over the horizon, [n, points]; where
    they are quantiles at the middles of equal shares, 190 or 210 points have one at 5 % exactly;
    `volatility` is annualised and prices the options; `beta` is the ratio of the index short;
    `benchmark_volatility` is the deviation of the benchmark's return over the horizon; `value` and
    the prices are in one money; `loss_threshold` is the fraction from which a loss hurts: the
    strike of the puts stands there, and the position is reduced to it; `rate` is annual.
    """

    scenarios: Floats
    volatility: Floats
    horizon_days: Floats
    beta: Floats
    correlation: Floats
    benchmark_volatility: Floats
    benchmark_price: Floats
    value: Floats
    price: Floats
    loss_threshold: Floats
    rate: Floats

    def checked(self) -> "Positions":
        """Return the same as float64; raises `BadSeries` for what cannot be."""
        scenarios = finite("scenarios", self.scenarios)
        long_enough("scenarios", scenarios.shape[-1], LEAST_POINTS)
        if scenarios.min() < -1:
            raise BadSeries("out_of_range", what="scenarios", low=-1)
        return Positions(
            scenarios=scenarios,
            volatility=positive("volatility", self.volatility),
            horizon_days=positive("horizon_days", self.horizon_days),
            beta=finite("beta", self.beta),
            correlation=between("correlation", self.correlation, -1, 1),
            benchmark_volatility=positive("benchmark_volatility", self.benchmark_volatility),
            benchmark_price=positive("benchmark_price", self.benchmark_price),
            value=positive("value", self.value),
            price=positive("price", self.price),
            loss_threshold=between("loss_threshold", self.loss_threshold, 0.001, 0.999),
            rate=between("rate", self.rate, 0, 1),
        )


class Costs(NamedTuple):
    """Assumptions about dealing, as fractions.

    `trading` is of what is bought or sold, each time; `option_spread` is of an option's price.
    """

    trading: float = 0.0005
    option_spread: float = 0.05


USUAL_COSTS = Costs()


class Risk(NamedTuple):
    """Annualised volatility, and value at risk and shortfall over the horizon, float64 [n].

    All are fractions of the position's value as it is today, losses positive, costs included.
    """

    volatility: Floats
    value_at_risk: Floats
    expected_shortfall: Floats


class Hedge(NamedTuple):
    """One way to lose less, for n positions; arrays are float64 [n].

    `size_units` is of the index, of options on one unit of the asset, or of the asset; money is
    that of the position's value. `terms` are strikes, premiums and ratios, where there are any.
    """

    kind: str
    assumption: str
    size_units: Floats
    size_money: Floats
    cost: Floats
    before: Risk
    after: Risk
    terms: Mapping[str, Floats]


class _Look(NamedTuple):
    """What all hedges need to know of the scenarios."""

    deviation: Floats
    mean: Floats
    annual: Floats
    worst: Floats
    points: int
    before: Risk


def hedges(
    positions: Positions, costs: Costs = USUAL_COSTS, skew: Skew = USUAL_SKEW
) -> tuple[Hedge, Hedge, Hedge, Hedge]:
    """Return `index_short`, `protective_put`, `collar` and `reduce_position`, in this order.

    Measures are at 95 %, at the end of the horizon, when options expire. Raises `BadSeries` for
    values that are not finite or out of range, and for scenarios that do not differ.
    """
    held = positions.checked()
    look = _look(held)
    put = _option(held, 1 - held.loss_threshold, skew)
    return (
        _index_short(held, look, costs),
        _protective_put(held, look, put, costs),
        _collar(held, look, put, costs, skew),
        _reduce_position(held, look, costs),
    )


def _look(held: Positions) -> _Look:
    points = held.scenarios.shape[-1]
    deviation = _deviation(held.scenarios)
    if (deviation <= 0).any():
        raise BadSeries("constant", what="scenarios")
    annual = np.sqrt(TRADING_DAYS / held.horizon_days)
    lowest = worst(held.scenarios)
    tail = tail_of(lowest, points)
    return _Look(
        deviation,
        held.scenarios.mean(axis=-1),
        annual,
        lowest,
        points,
        Risk(deviation * annual, *tail),
    )


def _index_short(held: Positions, look: _Look, costs: Costs) -> Hedge:
    """Sell beta times the value in the benchmark; Hull, section 3.4.

    The variance after is that of a difference of two correlated returns; the shape of the
    scenarios is kept. The index is taken to earn nothing beyond the interest on the proceeds.
    """
    relative = held.beta * held.benchmark_volatility / look.deviation
    left = np.sqrt(np.maximum(1 + relative * (relative - 2 * held.correlation), 0))
    # Opened and closed.
    cost = 2 * costs.trading * np.abs(held.beta)
    before = look.before
    money = held.beta * held.value
    after = Risk(
        before.volatility * left,
        (before.value_at_risk + look.mean) * left - look.mean + cost,
        (before.expected_shortfall + look.mean) * left - look.mean + cost,
    )
    units = money / held.benchmark_price
    terms = {"ratio": held.beta}
    return _hedge("index_short", units, money, cost * held.value, before, after, terms)


def _protective_put(held: Positions, look: _Look, put: Option, costs: Costs) -> Hedge:
    """Buy a put for each unit, with its strike at the loss threshold; Hull, section 12.1."""
    cost = put.put * (1 + costs.option_spread)
    after = _clipped(held, look, -held.loss_threshold, None, cost)
    terms = {
        "strike": (1 - held.loss_threshold) * held.price,
        "premium": put.put * held.value,
        "delta": put.put_delta,
        "implied_volatility": put.volatility,
    }
    units = held.value / held.price
    return _hedge("protective_put", units, held.value, cost * held.value, look.before, after, terms)


def _collar(held: Positions, look: _Look, put: Option, costs: Costs, skew: Skew) -> Hedge:
    """Buy the put and sell the call whose price pays for it; Hull, section 12.3.

    Both at mid prices: what remains to be paid is the dealer's spread on both.
    """
    strike = _paying_strike(held, put.put, skew)
    call = _option(held, strike, skew)
    # Where the put is worth nothing, the call brings in a trifle, which is not counted.
    net = put.put - call.call + costs.option_spread * (put.put + call.call)
    cost = np.maximum(net, 0.0)
    after = _clipped(held, look, -held.loss_threshold, strike - 1, cost)
    terms = {
        "strike": (1 - held.loss_threshold) * held.price,
        "call_strike": strike * held.price,
        "premium": put.put * held.value,
        "call_premium": call.call * held.value,
    }
    units = held.value / held.price
    return _hedge("collar", units, held.value, cost * held.value, look.before, after, terms)


def _reduce_position(held: Positions, look: _Look, costs: Costs) -> Hedge:
    """Sell what it takes to bring the value at risk down to the loss threshold; maybe nothing."""
    before = look.before
    enough = np.maximum(before.value_at_risk, held.loss_threshold)
    sold = 1 - held.loss_threshold / enough
    kept, cost = 1 - sold, sold * costs.trading
    after = Risk(
        before.volatility * kept,
        before.value_at_risk * kept + cost,
        before.expected_shortfall * kept + cost,
    )
    money = sold * held.value
    terms = {"fraction": sold}
    return _hedge(
        "reduce_position", money / held.price, money, cost * held.value, before, after, terms
    )


def _hedge(
    kind: str,
    units: Floats,
    money: Floats,
    cost: Floats,
    before: Risk,
    after: Risk,
    terms: Mapping[str, Floats],
) -> Hedge:
    return Hedge(kind, f"hedge.{kind}", units, money, cost, before, after, terms)


def _option(held: Positions, strike: Floats, skew: Skew) -> Option:
    """Return options on one unit of money of the asset, expiring with the horizon."""
    years = held.horizon_days / TRADING_DAYS
    return priced(np.ones_like(strike), strike, held.volatility, years, held.rate, skew)


def _paying_strike(held: Positions, put: Floats, skew: Skew) -> Floats:
    """Return the strikes, as fractions of the price, of calls worth as much as the puts.

    Newton's steps on the logarithm of the price, with halving where a step leaves the bracket. A
    call with the put's strike is worth more by parity, as interest is not negative.
    """
    target = np.maximum(put, _LEAST_PREMIUM)
    years = held.horizon_days / TRADING_DAYS
    low = np.log1p(-held.loss_threshold)
    widest = skew.level * skew.ceiling * held.volatility * np.sqrt(years)
    # Seven deviations beyond the forward no call is worth the least premium; then some.
    high = np.minimum(held.rate * years + widest * (8 + widest), _HIGHEST_LOG)
    place = np.minimum(-low, high) / 2
    for _ in range(_STEPS):
        call = _option(held, np.exp(place), skew)
        over = call.call - target
        # A price is a difference of two numbers near one: it is no closer than their rounding.
        missed = np.abs(over) > _CLOSE_ENOUGH * target + _ROUNDING
        if not missed.any():
            break
        low, high = np.where(over > 0, place, low), np.where(over > 0, high, place)
        price = np.maximum(call.call, np.finfo(np.float64).tiny)
        slope = np.minimum(call.call_by_log_strike, -price * 1e-3)
        stepped = place - np.log(price / target) * price / slope
        inside = (stepped > low) & (stepped < high)
        # What was found stays: an answer must not depend on who else asks.
        place = np.where(missed, np.where(inside, stepped, (low + high) / 2), place)
    return np.exp(place)


def _clipped(
    held: Positions, look: _Look, floor: Floats, ceiling: Floats | None, cost: Floats
) -> Risk:
    """Return the risk of returns that options hold between a floor and a ceiling.

    Options never change which of two returns is the worse, so that the tail stays the same points.
    """
    lowest = np.clip(look.worst, floor[:, None], None if ceiling is None else ceiling[:, None])
    tail: Tail = tail_of(lowest, look.points)
    deviation = _deviation(held.scenarios, floor, ceiling)
    return Risk(deviation * look.annual, tail.value_at_risk + cost, tail.expected_shortfall + cost)


def _deviation(
    scenarios: Floats, floor: Floats | None = None, ceiling: Floats | None = None
) -> Floats:
    """Return standard deviations [n] of scenarios [n, points], held between two bounds [n]."""
    found = np.empty(len(scenarios))
    for start in range(0, len(scenarios), _ROWS):
        rows = slice(start, start + _ROWS)
        some = scenarios[rows]
        if floor is not None:
            some = np.maximum(some, floor[rows, None])
        if ceiling is not None:
            some = np.minimum(some, ceiling[rows, None])
        some = some - some.mean(axis=-1, keepdims=True)
        found[rows] = np.sqrt(np.einsum("np,np->n", some, some) / some.shape[-1])
    return found
