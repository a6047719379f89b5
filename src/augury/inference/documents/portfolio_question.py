"""What a customer asks about a portfolio."""

from collections.abc import Mapping
from datetime import date
from math import ceil
from typing import Annotated, Final, Literal

import msgspec

from augury.inference.documents.members import (
    Member,
    Reader,
    list_of,
    number,
    numbers_by_name,
    object_of,
    text,
)
from augury.inference.documents.prices import FEWEST_POINTS, MOST_POINTS, PRICES, Point
from augury.inference.documents.risk_question import LONGEST_SYMBOL, Symbol
from augury.inference.documents.risk_question import MEMBERS as OF_ONE_ASSET
from augury.kit.errors import Fault, invalid

MOST_POSITIONS: Final = 500
# Of all portfolios of a request: their work goes with the positions, not with the questions.
MOST_TOGETHER: Final = 1000
_MOST_SHOCKS = 100
_LARGEST_VALUE = 1e12
_LEAST_WEIGHT = 1e-9
# Weights are written with a few digits.
_SUM_WITHIN = 0.001

_Weight = Annotated[float, msgspec.Meta(ge=_LEAST_WEIGHT, le=1)]
_Value = Annotated[float, msgspec.Meta(ge=_LEAST_WEIGHT, le=_LARGEST_VALUE)]


class Position(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One asset held: known by its symbol, or named and with prices of its own."""

    symbol: Symbol
    prices: (
        Annotated[list[Point], msgspec.Meta(min_length=FEWEST_POINTS, max_length=MOST_POINTS)]
        | None
    ) = None
    weight: _Weight | None = None
    value: _Value | None = None


class Constraints(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the weights of lower risk have to keep to."""

    max_weight: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    max_turnover: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None


class PortfolioQuestion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Positions, all by weight or all by value, and what is asked about the whole."""

    positions: Annotated[list[Position], msgspec.Meta(min_length=1, max_length=MOST_POSITIONS)]
    position_value: Annotated[float, msgspec.Meta(ge=0.01, le=_LARGEST_VALUE)] | None = None
    as_of: date | None = None
    horizon_days: Literal[5, 21, 63] | None = None
    loss_threshold: Annotated[float, msgspec.Meta(ge=0.001, le=0.95)] | None = None
    benchmark: Symbol | None = None
    risk_free_rate: Annotated[float, msgspec.Meta(ge=0, le=0.5)] | None = None
    shocks: (
        Annotated[
            dict[Symbol, Annotated[float, msgspec.Meta(ge=-0.99, le=5)]],
            msgspec.Meta(max_length=_MOST_SHOCKS),
        ]
        | None
    ) = None
    constraints: Constraints | None = None
    objective: Literal["lowest_cost", "lowest_volatility", "lowest_shortfall"] | None = None

    @property
    def total(self) -> float:
        """Return the value of the whole, in the customer's own currency."""
        values = [one.value for one in self.positions if one.value is not None]
        return sum(values) if values else self.position_value or 10_000.0

    @property
    def weights(self) -> list[float]:
        """Return the share of each position; they add up to 1."""
        held = [one.value if one.weight is None else one.weight for one in self.positions]
        sizes = [size or 0.0 for size in held]
        total = sum(sizes)
        return [size / total for size in sizes]


def _schema(kind: str, **rules: object) -> dict[str, object]:
    return {"type": [kind, "null"], **rules}


_position = {
    "symbol": Member(
        {"type": "string", "minLength": 1, "maxLength": LONGEST_SYMBOL},
        text(LONGEST_SYMBOL),
        required=True,
    ),
    "prices": PRICES,
    "weight": Member(_schema("number", exclusiveMinimum=0, maximum=1), number(_LEAST_WEIGHT, 1)),
    "value": Member(
        _schema("number", exclusiveMinimum=0, maximum=_LARGEST_VALUE),
        number(_LEAST_WEIGHT, _LARGEST_VALUE),
    ),
}
_constraints = {
    "max_weight": Member(
        _schema("number", exclusiveMinimum=0, maximum=1), number(_LEAST_WEIGHT, 1)
    ),
    "max_turnover": Member(_schema("number", minimum=0, maximum=2), number(0, 2)),
}

MEMBERS: Final[Mapping[str, Member]] = {
    "positions": Member(
        {
            "type": "array",
            "minItems": 1,
            "maxItems": MOST_POSITIONS,
            "items": {
                "type": "object",
                "properties": {name: dict(one.schema) for name, one in _position.items()},
                "required": ["symbol"],
                "additionalProperties": False,
            },
        },
        list_of(1, MOST_POSITIONS, object_of(_position), "fault.positions"),
        required=True,
    ),
    "position_value": OF_ONE_ASSET["position_value"],
    "as_of": OF_ONE_ASSET["as_of"],
    "horizon_days": OF_ONE_ASSET["horizon_days"],
    "loss_threshold": OF_ONE_ASSET["loss_threshold"],
    "benchmark": OF_ONE_ASSET["benchmark"],
    "risk_free_rate": OF_ONE_ASSET["risk_free_rate"],
    "shocks": Member(
        _schema(
            "object",
            additionalProperties={"type": "number", "minimum": -0.99, "maximum": 5},
            maxProperties=_MOST_SHOCKS,
        ),
        numbers_by_name(_MOST_SHOCKS, text(LONGEST_SYMBOL), number(-0.99, 5)),
    ),
    "constraints": Member(
        _schema(
            "object",
            properties={name: dict(one.schema) for name, one in _constraints.items()},
            additionalProperties=False,
        ),
        object_of(_constraints),
    ),
    "objective": OF_ONE_ASSET["objective"],
}
EXAMPLE: Final = {
    "positions": [
        {"symbol": "AAPL", "weight": 0.5},
        {"symbol": "JPM", "weight": 0.3},
        {"symbol": "XOM", "weight": 0.2},
    ],
    "position_value": 100000,
}


def read(inputs: bytes | msgspec.Raw) -> list[PortfolioQuestion]:
    """Return the questions of a JSON array of 1..1000; `InvalidInput` has all faults."""
    questions = QUESTIONS.read(inputs)
    positions = sum(len(one.positions) for one in questions)
    if positions > MOST_TOGETHER:
        raise invalid("/inputs", "fault.positions_together", most=MOST_TOGETHER, count=positions)
    return questions


def _faults(question: PortfolioQuestion) -> list[Fault]:
    found, seen = [], set()
    by_weight = question.positions[0].weight is not None
    for place, one in enumerate(question.positions):
        pointer = f"/positions/{place}"
        if (one.weight is None) == (one.value is None) or (one.weight is not None) != by_weight:
            found.append(Fault(pointer, "fault.weight_or_value", {}))
        name = one.symbol.upper()
        if name in seen:
            found.append(Fault(f"{pointer}/symbol", "fault.symbol_twice", {"symbol": name}))
        seen.add(name)
    if found:
        return found
    total = sum(one.weight or 0.0 for one in question.positions)
    if by_weight and abs(total - 1) > _SUM_WITHIN:
        found.append(Fault("/positions", "fault.weights_sum", {"total": f"{total:.6g}"}))
    if not by_weight and question.position_value is not None:
        found.append(Fault("/position_value", "fault.value_twice", {}))
    limit = question.constraints and question.constraints.max_weight
    if limit and limit * len(question.positions) < 1:
        least = f"{ceil(1e4 / len(question.positions)) / 1e4:.4f}"
        pointer = "/constraints/max_weight"
        found.append(Fault(pointer, "fault.max_weight", {"least": least}))
    return found


QUESTIONS: Final = Reader(PortfolioQuestion, MEMBERS, _faults)
