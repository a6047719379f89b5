"""Models of investment risk in the API in memory: what they take, and what they answer."""

from datetime import date, timedelta
from typing import Any
from urllib.parse import unquote

import httpx2

from augury.inference.documents.portfolio import PortfolioModel
from augury.inference.documents.risk import RiskModel
from ui.answers import page, problem

LAST = date(2022, 12, 28)
DAYS = [LAST - timedelta(days=back) for back in range(399, -1, -1)]
_BEFORE_AND_AFTER = {
    "volatility_before": 0.376,
    "volatility_after": 0.232,
    "value_at_risk_before": 0.155,
    "value_at_risk_after": 0.09,
    "expected_shortfall_before": 0.221,
    "expected_shortfall_after": 0.131,
}
RISK: dict[str, Any] = {
    "probability_of_decline": 0.4306,
    "probability_of_loss": 0.2487,
    "expected_return": 0.0173,
    "return_quantiles": {"0.05": -0.155, "0.25": -0.05, "0.5": 0.017, "0.75": 0.084, "0.95": 0.192},
    "volatility": 0.376,
    "value_at_risk_95": 0.155,
    "expected_shortfall_95": 0.221,
    "beta": 1.302,
    "max_drawdown": 0.818,
    "hedges": [
        {"kind": "index_short", "title": "Short the index", "assumption": "Beta may change."}
        | {"size": 3.44, "size_money": 13024.1, "cost": 13.02, "ratio": 1.3}
        | _BEFORE_AND_AFTER,
        {"kind": "collar", "title": "Collar", "assumption": "Gains are given away."}
        | {"size": 79.57, "size_money": 10000.0, "cost": 26.78}
        | {"strike": 119.39, "call_strike": 131.84}
        | _BEFORE_AND_AFTER,
    ],
    "drivers": [
        {
            "feature": "recent_volatility",
            "value": 1.15,
            "contribution": 0.0287,
            "text": "It moved.",
        },
        {"feature": "market_level", "value": 0.65, "contribution": -0.0018, "text": "A $market."},
    ],
    "data": {
        "symbol": "AAPL",
        "from": "1990-01-02",
        "to": "2022-12-28",
        "observations": 8313,
        "as_of": "2022-12-28",
        "benchmark": "SP500",
        "risk_free_rate": 0.02,
    },
    "track_record": {"roc_auc": 0.78, "brier": 0.102, "rows": 48210, "method": "By years."},
    "warnings": [{"code": "stale_data", "message": "The newest close is old."}],
}
PORTFOLIO: dict[str, Any] = {
    **RISK,
    "data": {**RISK["data"], "symbol": None},
    "diversification_ratio": 1.277,
    "positions": [
        {"symbol": "AAPL", "value": 6000.0, "weight": 0.6, "volatility": 0.37, "beta": 1.3}
        | {"risk_share": 0.8, "volatility_contribution": 0.2, "shortfall_share": 0.79},
        {"symbol": "XOM", "value": 4000.0, "weight": 0.4, "volatility": 0.28, "beta": 0.64}
        | {"risk_share": 0.2, "volatility_contribution": 0.06, "shortfall_share": 0.21},
    ],
    "scenarios": [
        {"name": "crisis_2008", "title": "The crisis again", "loss": 0.5, "loss_money": 5000.0}
        | {"observed_share": 1.0},
        {"name": "own", "title": "Your own shocks", "loss": -0.1, "loss_money": -1000.0}
        | {"observed_share": 0.6},
    ],
    "lower_risk": [
        {"aim": aim, "optimal": aim == "minimum_variance", "turnover": 0.6}
        | {"weights": {"AAPL": 0.3, "XOM": 0.7}}
        | _BEFORE_AND_AFTER
        for aim in ("minimum_variance", "minimum_shortfall")
    ],
}
ANSWERS = {"invest": RISK, "whole": PORTFOLIO}


def models(like: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the two models on sale; what is not about their family is as in `like`."""
    curve = [{"predicted": 0.111, "observed": 0.123, "rows": 4821}]
    metrics = {"roc_auc": 0.78, "calibration_curve": curve}
    return [
        {
            **like,
            "name": name,
            "task": task,
            "price": 150,
            "metrics": metrics,
            "input_schema": family.input_schema(),
            "output_schema": family.output_schema(),
        }
        for name, task, family in (
            ("invest", "investment-risk", RiskModel),
            ("whole", "investment-portfolio", PortfolioModel),
        )
    ]


def listed(_: httpx2.Request) -> httpx2.Response:
    """List what the house has prices of."""
    return page([_series("AAPL", "Apple"), _series("SP500", "S&P 500"), _series("XOM", "Exxon")])


def values(request: httpx2.Request) -> httpx2.Response:
    """Give the last closes of a series."""
    symbol = unquote(request.url.path.rsplit("/", 1)[-1])
    if symbol not in {"AAPL", "SP500", "XOM"}:
        return problem(404, "series_not_found", "No such series.")
    kept = DAYS[-int(request.url.params["limit"]) :]
    closes = [100 + at % 7 for at in range(len(kept))]
    told = {"days": [day.isoformat() for day in kept], "values": closes}
    return httpx2.Response(200, json=_series(symbol, symbol) | told)


def _series(symbol: str, title: str) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "kind": "price",
        "title": {"en": title, "ru": None},
        "source": "tests",
        "licence": "none",
        "unit": "USD",
        "frequency": "daily",
        "lag_days": 0,
        "from": DAYS[0].isoformat(),
        "to": LAST.isoformat(),
        "points": len(DAYS),
    }
