"""What may be asked about an asset, and what every fault is told as."""

from typing import Any

import msgspec
import pytest

from augury.inference.documents.risk import RiskModel
from augury.inference.documents.risk_question import QUESTIONS
from augury.kit.errors import InvalidInput
from augury.kit.texts import LANGUAGES, texts
from support.markets import series, told, walk

HISTORY = told(series(walk(7)))


def faults(*rows: Any) -> list[tuple[str, str]]:
    """Return what is refused, as pairs of pointer and key; the sentence must be told in both."""
    with pytest.raises(InvalidInput) as refused:
        QUESTIONS.read(msgspec.json.encode(rows))
    for fault in refused.value.faults:
        for language in LANGUAGES:
            assert texts("api", language).text(fault.key, **fault.values)
    return [(fault.pointer, fault.key) for fault in refused.value.faults]


def test_a_symbol_alone_is_a_question() -> None:
    (question,) = QUESTIONS.read(b'[{"symbol": "AAPL"}]')
    assert question.symbol == "AAPL"
    assert question.horizon_days is None


def test_sixty_and_ten_thousand_points_are_taken() -> None:
    many = [{"date": f"{1900 + n // 365}-01-01", "close": 1.0} for n in range(10_000)]
    assert len(QUESTIONS.read(msgspec.json.encode([{"prices": HISTORY[:60]}]))) == 1
    assert len(QUESTIONS.read(msgspec.json.encode([{"prices": many}]))) == 1


@pytest.mark.parametrize("count", [0, 59, 10_001])
def test_too_few_and_too_many_points_are_refused(count: int) -> None:
    points = [{"date": "2020-01-01", "close": 1.0}] * count
    assert faults({"prices": points}) == [("/inputs/0/prices", "fault.points")]


@pytest.mark.parametrize(
    ("changed", "pointer", "key"),
    [
        ({"horizon_days": 20}, "horizon_days", "fault.category"),
        ({"horizon_days": True}, "horizon_days", "fault.category"),
        ({"horizon_days": "21"}, "horizon_days", "fault.category"),
        ({"loss_threshold": 0}, "loss_threshold", "fault.range"),
        ({"loss_threshold": 1}, "loss_threshold", "fault.range"),
        ({"loss_threshold": "5 %"}, "loss_threshold", "fault.number"),
        ({"position_value": -1}, "position_value", "fault.range"),
        ({"as_of": "yesterday"}, "as_of", "fault.date"),
        ({"as_of": "2022-02-30"}, "as_of", "fault.date"),
        ({"as_of": 20220101}, "as_of", "fault.date"),
        ({"benchmark": ""}, "benchmark", "fault.name"),
        ({"benchmark": "X" * 33}, "benchmark", "fault.name"),
        ({"risk_free_rate": -0.01}, "risk_free_rate", "fault.range"),
        ({"objective": "best"}, "objective", "fault.category"),
        ({"macro": [1]}, "macro", "fault.numbers_by_name"),
        ({"macro": {"AAA": "high"}}, "macro/AAA", "fault.number"),
        ({"horizon": 21}, "horizon", "fault.unknown_field"),
        ({"symbol": 5}, "symbol", "fault.name"),
    ],
)
def test_a_wrong_member_is_named(changed: dict[str, Any], pointer: str, key: str) -> None:
    assert faults({"symbol": "AAPL"} | changed) == [(f"/inputs/0/{pointer}", key)]


@pytest.mark.parametrize(
    ("point", "pointer", "key"),
    [
        ({"date": "2022-13-01", "close": 1.0}, "/date", "fault.date"),
        ({"date": "2022-01-01"}, "/close", "fault.missing"),
        ({"date": "2022-01-01", "close": None}, "/close", "fault.missing"),
        ({"date": "2022-01-01", "close": "1"}, "/close", "fault.number"),
        ({"date": "2022-01-01", "close": 1.0, "open": 1.0}, "/open", "fault.unknown_field"),
        ("2022-01-01", "", "fault.not_object"),
    ],
)
def test_a_wrong_point_is_named(point: Any, pointer: str, key: str) -> None:
    points = [*HISTORY[:70], point]
    assert faults({"prices": points}) == [(f"/inputs/0/prices/70{pointer}", key)]


def test_a_symbol_and_prices_are_one_too_many_and_neither_is_one_too_few() -> None:
    both = {"symbol": "AAPL", "prices": HISTORY[:60]}
    assert faults(both, {"horizon_days": 5}) == [
        ("/inputs/0", "fault.symbol_or_prices"),
        ("/inputs/1", "fault.symbol_or_prices"),
    ]


@pytest.mark.parametrize("body", [b"", b"{}", b"[", b"[]", b'["x"]', b"[NaN]", b"\xff", b"[1e999]"])
def test_what_is_no_list_of_questions_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        QUESTIONS.read(body)


def test_not_a_number_is_refused_with_its_place() -> None:
    raw = b'[{"symbol": "AAPL", "loss_threshold": NaN}]'
    with pytest.raises(InvalidInput) as refused:
        QUESTIONS.read(raw)
    assert [fault.pointer for fault in refused.value.faults] == ["/inputs/0/loss_threshold"]


def test_the_schema_tells_every_member_in_both_languages() -> None:
    for schema in (RiskModel.input_schema(), RiskModel.output_schema()):
        for name, rules in schema["properties"].items():
            assert set(rules["x-title"]) == set(LANGUAGES), name
            assert rules["x-title"]["en"] != rules["x-title"]["ru"]
            assert rules["description"]
