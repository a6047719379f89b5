"""What the checks of a series find, each by a series that has nothing else."""

import numpy as np
import pytest

from augury.kit.errors import Fault
from augury.kit.texts import LANGUAGES, texts
from augury.market.checks import MOST_TOLD, Checked, examine
from augury.market.series import MOST_POINTS
from augury.risk.series import Days, Floats
from support.market import day, walk, working_days

TODAY = day("2026-11-22")
COUNT = 120


def days() -> Days:
    return working_days("2024-01-01", COUNT)


def look(at: Days, values: Floats, **more: object) -> Checked:
    return examine(at, values, today=TODAY, **more)  # type: ignore[arg-type] # kinds of series


def keys(found: list[Fault]) -> list[str]:
    return [one.key for one in found]


def test_a_good_series_is_kept_as_it_is_without_a_word() -> None:
    found = look(days(), walk(COUNT))
    assert (found.faults, found.notes) == ([], [])
    assert found.days.tolist() == days().tolist()
    assert found.values.tolist() == walk(COUNT).tolist()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_finite_number_is_a_fault_at_its_place(bad: float) -> None:
    closes = walk(COUNT)
    closes[17] = bad
    faults = look(days(), closes).faults
    assert ("fault.market_number", "/prices/17") in [(one.key, one.pointer) for one in faults]


@pytest.mark.parametrize("bad", [0.0, -0.0, -37.63])
def test_a_price_is_more_than_nothing_and_an_indicator_need_not_be(bad: float) -> None:
    closes = walk(COUNT)
    closes[17] = bad
    (fault,) = look(days(), closes).faults
    assert (fault.key, fault.pointer) == ("fault.market_not_positive", "/prices/17")
    assert look(days(), closes, kind="indicator").faults == []


def test_a_day_in_the_future_is_a_fault_and_today_is_not() -> None:
    at = days()
    at[-1] = TODAY
    assert look(at, walk(COUNT)).faults == []
    at[-1] = TODAY + 1
    (fault,) = look(at, walk(COUNT)).faults
    assert (fault.key, fault.values["day"]) == ("fault.market_future", "2026-11-23")


def test_newest_first_is_sorted_and_said() -> None:
    found = look(days()[::-1].copy(), walk(COUNT)[::-1].copy())
    assert found.faults == []
    assert (keys(found.notes), found.notes[0].pointer) == (["note.market_order"], "/prices/1")
    assert found.days.tolist() == days().tolist()
    assert found.values.tolist() == walk(COUNT).tolist()


def test_a_day_twice_with_one_value_is_merged_and_with_two_is_a_fault() -> None:
    at, closes = days(), walk(COUNT)
    again, same = np.insert(at, 5, at[5]), np.insert(closes, 5, closes[5])
    found = look(again, same)
    assert (found.faults, keys(found.notes)) == ([], ["note.market_twice"])
    assert found.days.tolist() == at.tolist()
    other = same.copy()
    other[5] += 1
    (fault,) = look(again, other).faults
    assert (fault.key, fault.pointer) == ("fault.market_twice", "/prices/6")


def test_two_days_of_one_month_are_the_same_period() -> None:
    at = np.array([day("2024-01-01"), day("2024-01-31"), day("2024-02-01")], np.int32)
    found = look(at, np.array([1.0, 2.0, 3.0]), kind="indicator", frequency="monthly")
    assert keys(found.faults) == ["fault.market_twice"]


def test_a_price_that_never_moves_is_a_fault_and_a_pause_a_note() -> None:
    assert keys(look(days(), np.full(COUNT, 7.0)).faults) == ["fault.market_constant"]
    closes = walk(COUNT)
    closes[20:31] = closes[20]
    found = look(days(), closes)
    assert found.faults == []
    (note,) = found.notes
    assert (note.key, note.values["points"], note.pointer) == ("note.market_flat", 11, "/prices/20")
    assert look(days(), np.full(COUNT, 7.0), kind="indicator").faults == []


@pytest.mark.parametrize("ratio", [2, 3, 4, 5, 10, 20, 100])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_split_that_was_not_adjusted_is_suspected(ratio: int, reverse: bool) -> None:
    closes = walk(COUNT)
    closes[60:] *= float(ratio) if reverse else 1 / ratio
    found = look(days(), closes)
    assert found.faults == []
    (note,) = found.notes
    assert (note.key, note.values["ratio"]) == ("note.market_split", ratio)
    assert note.pointer == "/prices/60"
    assert note.values["day"] == "2024-03-25"


def test_a_jump_that_is_no_split_is_worth_a_look_and_a_crash_of_a_third_is_not() -> None:
    closes = walk(COUNT)
    closes[60:] *= 2.5
    assert keys(look(days(), closes).notes) == ["note.market_jump"]
    closes = walk(COUNT)
    closes[60:] *= 0.66
    assert look(days(), closes).notes == []


def test_missing_weeks_are_said_with_their_bounds() -> None:
    at, closes = np.delete(days(), range(40, 55)), np.delete(walk(COUNT), range(40, 55))
    (note,) = look(at, closes).notes
    assert note.key == "note.market_gap"
    assert (note.values["day"], note.values["until"], note.values["days"]) == (
        "2024-02-23",
        "2024-03-18",
        24,
    )


def test_a_week_of_holidays_is_no_gap() -> None:
    at, closes = np.delete(days(), range(40, 45)), np.delete(walk(COUNT), range(40, 45))
    assert look(at, closes).notes == []


def test_weekly_prices_are_refused() -> None:
    at = days()[0] + 7 * np.arange(COUNT, dtype=np.int32)
    assert keys(look(at, walk(COUNT)).faults) == ["fault.market_not_daily"]
    assert look(at, walk(COUNT), kind="indicator", frequency="weekly").faults == []


def test_fewer_than_sixty_points_are_kept_with_a_note() -> None:
    assert keys(look(days()[:59], walk(59)).notes) == ["note.market_few"]
    assert look(days()[:60], walk(60)).notes == []


@pytest.mark.parametrize("count", [0, MOST_POINTS + 1])
def test_a_series_has_points_and_not_too_many(count: int) -> None:
    at = np.arange(-count, 0, dtype=np.int32)
    assert keys(look(at, np.ones(count)).faults) == ["fault.market_points"]


def test_a_thousand_faults_of_a_kind_are_told_in_a_few_lines() -> None:
    faults = look(days(), -walk(COUNT)).faults
    assert keys(faults) == ["fault.market_not_positive"] * MOST_TOLD + ["fault.market_more"]
    assert faults[-1].values["more"] == COUNT - MOST_TOLD


def test_many_gaps_are_told_in_a_few_lines() -> None:
    """The widest of them, in their order, and how many others there are."""
    weeks = [working_days("2020-01-06", 40) + 100 * block for block in range(15)]
    at = np.concatenate(weeks)
    notes = look(at, walk(len(at))).notes
    assert keys(notes) == ["note.market_gap"] * MOST_TOLD + ["note.market_more"]
    assert notes[-1].values["more"] == 14 - MOST_TOLD
    assert [one.values["day"] for one in notes[:2]] == ["2020-02-28", "2020-06-07"]


def test_every_finding_has_its_sentence_in_both_languages() -> None:
    """With the values that it is given: none is missing, none is left over."""
    closes = walk(COUNT)
    closes[60:] *= 2
    closes[90:] *= 2.6
    closes[20:40] = closes[20]
    at = days() - 300 * (np.arange(COUNT) < 50).astype(np.int32)
    bad = closes.copy()
    bad[:30] = [-1.0] * 28 + [np.nan, 0.0]
    future = days() + 1200
    looks = [
        look(at[::-1].copy(), closes[::-1].copy()),
        look(np.repeat(at, 2), np.repeat(closes, 2)),
        look(np.repeat(at, 2), walk(2 * COUNT)),
        look(at[:20], closes[:20]),
        look(at, bad),
        look(future, closes),
        look(at, np.ones(COUNT)),
        look(at[:0], closes[:0]),
        look(days()[0] + 7 * np.arange(COUNT, dtype=np.int32), closes),
    ]
    found = [one for each in looks for one in (*each.faults, *each.notes)]
    assert len({one.key for one in found}) >= 15
    for language in LANGUAGES:
        for one in found:
            sentence = texts("api", language).text(one.key, **one.values)
            assert "{" not in sentence
