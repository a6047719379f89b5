"""What a customer asks about one asset."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Final, Literal

import msgspec

from augury.inference.documents.members import (
    Member,
    Reader,
    day,
    number,
    numbers_by_name,
    one_of,
    text,
    value_titles,
)
from augury.inference.documents.prices import FEWEST_POINTS, MOST_POINTS, PRICES, Point
from augury.kit.errors import Fault

HORIZONS: Final = (5, 21, 63)
OBJECTIVES: Final = ("lowest_cost", "lowest_volatility", "lowest_shortfall")
LONGEST_SYMBOL: Final = 32
_LEAST_LOSS, _MOST_LOSS = 0.001, 0.95
_LEAST_POSITION, _MOST_POSITION = 0.01, 1e12
_LEAST_RATE, _MOST_RATE = 0.0, 0.5
_MOST_INDICATORS = 20
_LARGEST_INDICATOR = 1e9

# Without letters that nobody sees.
Symbol = Annotated[
    str, msgspec.Meta(min_length=1, max_length=LONGEST_SYMBOL, pattern=r"^[^\x00-\x1f\x7f]+$")
]


class RiskQuestion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An asset by its symbol or by its own prices, and what is asked about it."""

    symbol: Symbol | None = None
    prices: (
        Annotated[list[Point], msgspec.Meta(min_length=FEWEST_POINTS, max_length=MOST_POINTS)]
        | None
    ) = None
    as_of: date | None = None
    horizon_days: Literal[5, 21, 63] | None = None
    loss_threshold: Annotated[float, msgspec.Meta(ge=_LEAST_LOSS, le=_MOST_LOSS)] | None = None
    position_value: Annotated[float, msgspec.Meta(ge=_LEAST_POSITION, le=_MOST_POSITION)] | None = (
        None
    )
    benchmark: Symbol | None = None
    risk_free_rate: Annotated[float, msgspec.Meta(ge=_LEAST_RATE, le=_MOST_RATE)] | None = None
    macro: (
        Annotated[
            dict[
                Symbol,
                Annotated[float, msgspec.Meta(ge=-_LARGEST_INDICATOR, le=_LARGEST_INDICATOR)],
            ],
            msgspec.Meta(max_length=_MOST_INDICATORS),
        ]
        | None
    ) = None
    objective: Literal["lowest_cost", "lowest_volatility", "lowest_shortfall"] | None = None


_NUMBER = ["number", "null"]
_STRING = ["string", "null"]

MEMBERS: Final[Mapping[str, Member]] = {
    "symbol": Member(
        {"type": _STRING, "minLength": 1, "maxLength": LONGEST_SYMBOL, "examples": ["AAPL"]},
        text(LONGEST_SYMBOL),
    ),
    "prices": PRICES,
    "as_of": Member({"type": _STRING, "format": "date", "examples": ["2022-06-30"]}, day),
    "horizon_days": Member(
        {"type": ["integer", "null"], "enum": [*HORIZONS, None], "default": 21},
        one_of(*HORIZONS),
    ),
    "loss_threshold": Member(
        {"type": _NUMBER, "minimum": _LEAST_LOSS, "maximum": _MOST_LOSS, "default": 0.05},
        number(_LEAST_LOSS, _MOST_LOSS),
    ),
    "position_value": Member(
        {
            "type": _NUMBER,
            "minimum": _LEAST_POSITION,
            "maximum": _MOST_POSITION,
            "default": 10000,
        },
        number(_LEAST_POSITION, _MOST_POSITION),
    ),
    "benchmark": Member(
        {"type": _STRING, "minLength": 1, "maxLength": LONGEST_SYMBOL, "default": "SP500"},
        text(LONGEST_SYMBOL),
    ),
    "risk_free_rate": Member(
        {"type": _NUMBER, "minimum": _LEAST_RATE, "maximum": _MOST_RATE},
        number(_LEAST_RATE, _MOST_RATE),
    ),
    "macro": Member(
        {
            "type": ["object", "null"],
            "additionalProperties": {"type": "number"},
            "maxProperties": _MOST_INDICATORS,
        },
        numbers_by_name(
            _MOST_INDICATORS,
            text(LONGEST_SYMBOL),
            number(-_LARGEST_INDICATOR, _LARGEST_INDICATOR),
        ),
    ),
    "objective": Member(
        {
            "type": _STRING,
            "enum": [*OBJECTIVES, None],
            "x-enum-titles": value_titles("objective", OBJECTIVES),
        },
        one_of(*OBJECTIVES),
    ),
}
EXAMPLE: Final = {"symbol": "AAPL", "horizon_days": 21, "loss_threshold": 0.05}


def _faults(question: RiskQuestion) -> list[Fault]:
    one_of_two = (question.symbol is None) != (question.prices is None)
    return [] if one_of_two else [Fault("", "fault.symbol_or_prices", {})]


QUESTIONS: Final = Reader(RiskQuestion, MEMBERS, _faults)
