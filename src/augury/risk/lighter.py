"""Weights of less risk under limits: least variance and least expected shortfall.

Both are convex and have one optimum. Most assets end at nothing, or unchanged where turnover is
limited, and most days are not among the worst; so the solver is given few of both, its prices
tell which of the others are missing, and it is asked again until none is. What comes out is the
optimum of the whole problem, in a part of the time.
"""

from collections.abc import Callable
from typing import NamedTuple

import clarabel
import numpy as np
import numpy.typing as npt
from scipy import sparse

from augury.risk.series import Floats
from augury.risk.tails import LEVEL, historical
from augury.risk.trouble import BadSeries, between, finite, long_enough

# Of problems that are scaled to about one.
_TOLERANCE = 1e-6
_SLACK = 1e-9
_NOTHING = 1e-7
_ASSETS_AT_FIRST = 50
_ASSETS_MORE = 50
# Days times assets. Prices that have nothing in common, as no market's have, need nearly all of
# both, and would keep a processor busy for minutes.
_MOST_CELLS = 100_000

Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]


class Limits(NamedTuple):
    """What new weights keep to, besides their sum and being no shorts.

    `cap` is the most of one asset; `turnover` the most of the sum of absolute changes.
    """

    cap: float = 1.0
    turnover: float | None = None


class _Task(NamedTuple):
    """What is held, [n], the limits, and what an asset has that is not free to change, [n].

    All are shares of `total`, so that a solver's tolerances mean the same to every size.
    """

    held: Floats
    limits: Limits
    fixed: Floats
    total: float


class _Tail(NamedTuple):
    """Days of which the shortfall is drawn: returns of free assets [s, f], of the rest [s]."""

    returns: Floats
    rest: Floats
    mass: float


class _Solution(NamedTuple):
    """Weights of the free assets, value at risk, and the prices of sum, turnover and days."""

    weights: Floats
    at_risk: float
    sum_price: float
    turnover_price: float
    day_prices: Floats


class _Attempt(NamedTuple):
    """Weights [n] with the free ones at their best, the objective's slopes [n], and prices.

    `whole` is false if days that matter were left out, because they were too many.
    """

    weights: Floats
    slopes: Floats
    sum_price: float
    turnover_price: float
    whole: bool = True


class Lighter(NamedTuple):
    """Weights [n] within the limits, and whether they are the optimum or on the way to it."""

    weights: Floats
    optimal: bool


def least_variance(weights: Floats, covariance: Floats, limits: Limits) -> Lighter:
    """Return the weights [n] of least variance within limits, with the sum of the present ones.

    Markowitz, Portfolio selection (1952). Raises `BadSeries("limits_infeasible")` if no weights
    keep to the limits.
    """
    task = _task(weights, limits)
    scaled = finite("covariance", covariance) / float(np.mean(np.diag(covariance)))

    def attempt(free: Mask) -> _Attempt:
        found = np.where(free, 0.0, task.fixed)
        solution = _solved(task, free, scaled[np.ix_(free, free)], scaled[free] @ found)
        found[free] = solution.weights
        return _Attempt(found, scaled @ found, solution.sum_price, solution.turnover_price)

    return _grown(task, scaled @ task.held, attempt)


def least_shortfall(
    weights: Floats, scenarios: Floats, limits: Limits, level: float = LEVEL
) -> Lighter:
    """Return the weights [n] of least expected shortfall over equally likely returns [t, n].

    A linear program: Rockafellar and Uryasev, Optimization of conditional value-at-risk (2000).
    Hundreds of assets that share no movement are left on the way to the optimum, and never with
    more shortfall than they had. Raises as `least_variance` does.
    """
    task = _task(weights, limits)
    long_enough("scenarios", len(scenarios), 2)
    scaled = finite("scenarios", scenarios) / float(np.std(scenarios))
    count = (1 - float(between("level", level, 0.5, 0.9999))) * len(scaled)
    days = _worst(scaled @ task.held, 2 * count)

    def attempt(free: Mask) -> _Attempt:
        nonlocal days
        while True:
            found = np.where(free, 0.0, task.fixed)
            tail = _Tail(scaled[np.ix_(days, free)], scaled[days] @ found, count)
            nothing = np.zeros(int(free.sum()))
            solution = _solved(task, free, None, nothing, tail)
            found[free] = solution.weights
            slopes = -(solution.day_prices @ scaled[days])
            missed = np.flatnonzero(-(scaled @ found) > solution.at_risk + _TOLERANCE)
            more = np.union1d(days, missed)
            whole = len(more) == len(days)
            if whole or len(more) * len(nothing) > _MOST_CELLS:
                prices = solution.sum_price, solution.turnover_price
                return _Attempt(found, slopes, *prices, whole)
            days = more

    tail_days = _worst(scaled @ task.held, count)
    found = _grown(task, -scaled[tail_days].mean(axis=0), attempt)
    before, after = (historical(scaled @ w, level)[1] for w in (weights, found.weights))
    allowed = weights.min() >= 0 and weights.max() <= limits.cap
    return Lighter(weights, optimal=False) if allowed and before < after else found


def _worst(returns: Floats, count: float) -> Places:
    """Return the days of the worst returns, at least so many of them."""
    return np.sort(np.argsort(returns, kind="stable")[: int(count) + 1])


def _task(weights: Floats, limits: Limits) -> _Task:
    held = finite("weights", weights)
    long_enough("weights", len(held), 1)
    total = float(held.sum())
    # What is over the cap has to be sold, and what is short bought back, each by the other.
    forced = 2 * max(_over_cap(held, limits).sum(), np.maximum(-held, 0).sum())
    room = limits.cap * len(held)
    turnover = forced if limits.turnover is None else limits.turnover
    if total <= 0 or room < total - _SLACK or forced > turnover + _SLACK:
        raise BadSeries(
            "limits_infeasible",
            total=total,
            least_cap=total / len(held),
            least_turnover=float(forced),
        )
    shares = held / total
    most = None if limits.turnover is None else limits.turnover / total
    fixed = np.zeros_like(held) if most is None else shares
    return _Task(shares, Limits(limits.cap / total, most), fixed, total)


def _over_cap(held: Floats, limits: Limits) -> Floats:
    return np.maximum(held - limits.cap, 0)


def _grown(task: _Task, slopes: Floats, attempt: Callable[[Mask], _Attempt]) -> Lighter:
    """Return the best weights of all assets, freeing those whose price says that they are missed.

    An asset that stands still is in its place if neither more nor less of it would improve the
    objective: its slope and the price of the sum lie within the price of turnover.
    """
    free = _first_free(task, slopes)
    while True:
        tried = attempt(free)
        price = tried.slopes + tried.sum_price
        wants_more = np.where(task.fixed < task.limits.cap, -tried.turnover_price - price, 0)
        wants_less = np.where(task.fixed > 0, price, 0)
        want = np.where(free, 0, np.maximum(wants_more, wants_less))
        missed = np.flatnonzero(want > _TOLERANCE)
        if not (len(missed) and tried.whole):
            break
        free[missed[np.argsort(-want[missed], kind="stable")[:_ASSETS_MORE]]] = True
    found = np.where(tried.weights < _NOTHING, 0, np.minimum(tried.weights, task.limits.cap))
    return Lighter(found * (task.total / found.sum()), tried.whole)


def _first_free(task: _Task, slopes: Floats) -> Mask:
    """Return the assets to begin with: those that must change, and enough to make up for them."""
    cap, fixed = task.limits.cap, task.fixed
    free = (fixed < 0) | (fixed > cap)
    needed = task.held.sum() - np.clip(fixed, 0, cap).sum()
    cheapest, dearest = np.argsort(slopes, kind="stable"), np.argsort(-slopes, kind="stable")
    room, stock = np.clip(cap - fixed, 0, cap), np.clip(fixed, 0, cap)
    for order, capacity, least in ((cheapest, room, needed), (dearest, stock, -needed)):
        enough = int(np.searchsorted(np.cumsum(capacity[order]), least + _SLACK)) + 1
        free[order[: enough + _ASSETS_AT_FIRST]] = True
    return free


def _solved(
    task: _Task, free: Mask, quadratic: Floats | None, linear: Floats, tail: _Tail | None = None
) -> _Solution:
    """Solve for the free assets: variables are weights, what the tail adds, and what is bought."""
    count, days = len(linear), 0 if tail is None else len(tail.rest)
    one, rows = sparse.eye_array, [[np.ones((1, count)), None, None]]
    bounds = [np.array([task.held.sum() - task.fixed[~free].sum()])]
    rows += [[-one(count), None, None], [one(count), None, None]]
    bounds += [np.zeros(count), np.full(count, task.limits.cap)]
    costs = [linear]
    if tail is not None:
        ones = np.ones((days, 1))
        rows += [
            [-tail.returns, sparse.hstack([-ones, -one(days)]), None],
            [None, sparse.hstack([0 * ones, -one(days)]), None],
        ]
        bounds += [tail.rest, np.zeros(days)]
        costs.append(np.concatenate([[1.0], np.full(days, 1 / tail.mass)]))
    if task.limits.turnover is not None:
        # As the sum stays, half of the changes are purchases.
        rows += [
            [one(count), None, -one(count)],
            [None, None, -one(count)],
            [None, None, np.ones((1, count))],
        ]
        bounds += [task.held[free], np.zeros(count), np.array([task.limits.turnover / 2])]
        costs.append(np.zeros(count))
    kept = [0, *([1] if tail is not None else []), *([2] if len(costs) > 1 + (days > 0) else [])]
    lines = sparse.block_array([[row[place] for place in kept] for row in rows], format="csc")
    x, z = _optimum(quadratic, np.concatenate(costs), lines, np.concatenate(bounds))
    return _Solution(
        x[:count],
        float(x[count]) if days else 0.0,
        float(z[0]),
        float(z[-1]) if task.limits.turnover is not None else 0.0,
        z[1 + 2 * count : 1 + 2 * count + days],
    )


def _optimum(
    quadratic: Floats | None, costs: Floats, lines: sparse.csc_array, bounds: Floats
) -> tuple[Floats, Floats]:
    """Return the best values and the prices of the lines, of which the first is an equality."""
    size = len(costs)
    square = sparse.csc_matrix((size, size))
    if quadratic is not None:
        padded = np.zeros((size, size))
        padded[: len(quadratic), : len(quadratic)] = np.triu(quadratic)
        square = sparse.csc_matrix(padded)
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    # One thread: a portfolio takes part of a second, and sales run beside each other.
    settings.max_threads = 1
    cones = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(len(bounds) - 1)]
    solver = clarabel.DefaultSolver(
        square, costs, sparse.csc_matrix(lines), bounds, cones, settings
    )
    solution = solver.solve()
    if str(solution.status) not in {"Solved", "AlmostSolved"}:
        raise BadSeries("no_optimum", status=str(solution.status))
    return np.array(solution.x), np.array(solution.z)
