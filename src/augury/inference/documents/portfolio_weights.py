"""The parts of a portfolio: what each adds to the risk, what bad times do, what weighs less."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from augury.inference.documents.portfolio_places import WINDOW_DAYS, Held
from augury.inference.documents.risk_places import Note
from augury.kit.texts import Texts
from augury.risk import portfolio, stress
from augury.risk.forecast import ForecastModel
from augury.risk.lighter import Lighter, Limits, least_shortfall, least_variance
from augury.risk.portfolio import Whole, whole
from augury.risk.series import Floats, Markets
from augury.risk.trouble import BadSeries

_DIGITS, _MONEY_DIGITS = 6, 2
YIELDS, OIL = "AAA", "WTI"
# Two percentage points, in the unit of the yields; two fifths of the oil price.
_RATES_UP, _OIL_DOWN = 2.0, -0.4
# How much a share's return is thought to move with a point of yields, or with oil, before looking.
_PRIOR_OF_RATES, _PRIOR_OF_OIL = 0.05, 0.2
# A month's average tells of its middle; it is known days after its end.
_LAG_OF_YIELDS, _LAG_OF_OIL = 20, 7
_WINDOWS: Final = {"crisis_2008": stress.CRISIS_2008, "crash_2020": stress.CRISIS_2020}


@dataclass(frozen=True, slots=True)
class Parts:
    """What is known of the assets together."""

    assets: portfolio.Assets
    volatilities: Floats  # [n], annualised
    present: Whole

    def told(self, found: Held, volatility: float) -> dict[str, Any]:
        """Return what each position adds, in shares of the forecast volatility of the whole."""
        present = self.present
        shares = present.volatility_contributions / present.volatility_contributions.sum()
        tails = present.shortfall_contributions / present.shortfall_contributions.sum()
        total = found.question.total
        columns = {
            "weight": found.weights,
            "volatility": self.volatilities,
            "beta": self.assets.betas,
            "risk_share": shares,
            "volatility_contribution": shares * volatility,
            "shortfall_share": tails,
        }
        rows = np.round(np.array(list(columns.values())).T, _DIGITS).tolist()
        return {
            "positions": [
                {"symbol": name, "value": round(total * row[0], _MONEY_DIGITS)}
                | dict(zip(columns, row, strict=True))
                for name, row in zip(found.names, rows, strict=True)
            ],
            "diversification_ratio": round(present.diversification, _DIGITS),
        }


def parts(model: ForecastModel, found: Held, volatilities: Floats, horizon: int) -> Parts:
    """Return what is known of the assets on their common days; raises `BadSeries`."""
    market, features = found.index.returns, found.index.features
    if market is None or features is None:
        # Without a benchmark the whole stands in for it, so that betas are to the whole.
        market = found.common.returns[-WINDOW_DAYS:] @ found.weights
        features = found.whole.features
    returns = found.common.returns[-len(market) :]
    market_volatility = model.forecast(features[None, :], np.array([horizon])).volatility()
    known = portfolio.assets(returns, volatilities, market, float(market_volatility[0]))
    return Parts(known, volatilities, whole(found.weights, known, horizon))


def stresses(
    found: Held, known: Parts, markets: Markets, sentences: Texts
) -> tuple[list[dict[str, Any]], list[Note]]:
    """Return what bad times would cost, and notes on those that cannot be told."""
    told, missing = [], []
    betas, total, index = known.assets.betas, found.question.total, found.index.series
    for name, window in _WINDOWS.items():
        shock = index and stress.replay(found.weights, found.series, betas, index, window)
        if shock:
            told.append(_shock(name, shock, total, sentences))
        else:
            missing.append(_missing(name, found.index.name, sentences))
    of_rates = _by_indicator(found, markets, YIELDS, _RATES_UP)
    of_oil = _by_indicator(found, markets, OIL, _OIL_DOWN)
    for name, source, shock in (("rates_up", YIELDS, of_rates), ("oil_down", OIL, of_oil)):
        if shock:
            told.append(_shock(name, shock, total, sentences))
        else:
            missing.append(_missing(name, source, sentences))
    if found.question.shocks:
        told.append(_shock("own", _own(found, betas), total, sentences))
    return told, missing


def _by_indicator(found: Held, markets: Markets, name: str, change: float) -> stress.Shock | None:
    indicator = markets.indicator(name)
    if indicator is None:
        return None
    of_oil = name == OIL
    try:
        slopes = stress.sensitivity(
            found.series,
            indicator,
            as_of=found.whole.day,
            relative=of_oil,
            prior_deviation=_PRIOR_OF_OIL if of_oil else _PRIOR_OF_RATES,
            lag_days=_LAG_OF_OIL if of_oil else _LAG_OF_YIELDS,
        )
    except BadSeries:  # oil has had a price below zero: no relative change tells of that
        return None
    return None if slopes is None else stress.through(found.weights, slopes.slopes, change)


def _own(found: Held, betas: Floats) -> stress.Shock:
    given = {name.upper(): value for name, value in (found.question.shocks or {}).items()}
    shocks = np.array([given.get(name, np.nan) for name in found.names])
    return stress.own_shocks(found.weights, betas, shocks, given.get(found.index.name))


def _shock(name: str, shock: stress.Shock, total: float, sentences: Texts) -> dict[str, Any]:
    return {
        "name": name,
        "title": sentences.text(f"scenario.{name}"),
        "loss": round(shock.loss, _DIGITS),
        "loss_money": round(shock.loss * total, _MONEY_DIGITS),
        "observed_share": round(float(shock.observed.mean()), _DIGITS),
    }


def _missing(name: str, source: str, sentences: Texts) -> Note:
    told = {"name": sentences.text(f"scenario.{name}"), "missing": source}
    return Note("scenario_unavailable", told)


def lighter(found: Held, known: Parts, horizon: int) -> list[dict[str, Any]]:
    """Return weights of less risk within the customer's limits, with the risk before and after."""
    asked = found.question.constraints
    limits = Limits((asked and asked.max_weight) or 1.0, asked.max_turnover if asked else None)
    ways = (
        ("minimum_variance", least_variance(found.weights, known.assets.covariance, limits)),
        ("minimum_shortfall", least_shortfall(found.weights, known.assets.scenarios, limits)),
    )
    return [_lighter(aim, way, found, known, horizon) for aim, way in ways]


def _lighter(aim: str, way: Lighter, found: Held, known: Parts, horizon: int) -> dict[str, Any]:
    after, before = whole(way.weights, known.assets, horizon).risk, known.present.risk
    weights = np.round(way.weights, _DIGITS).tolist()
    figures = {
        "turnover": float(np.abs(way.weights - found.weights).sum()),
        "volatility_before": float(before.volatility),
        "volatility_after": float(after.volatility),
        "value_at_risk_before": float(before.value_at_risk),
        "value_at_risk_after": float(after.value_at_risk),
        "expected_shortfall_before": float(before.expected_shortfall),
        "expected_shortfall_after": float(after.expected_shortfall),
    }
    return {
        "aim": aim,
        "optimal": way.optimal,
        "weights": dict(zip(found.names, weights, strict=True)),
        **{name: round(value, _DIGITS) for name, value in figures.items()},
    }
