"""What charts are made of."""

import pytest

from augury.ui.parts.charts import Closes, cone
from augury.ui.reader import Reader

QUANTILES = {"0.05": -0.2, "0.25": -0.05, "0.5": 0.01, "0.75": 0.08, "0.95": 0.25}


def test_a_cone_begins_at_the_last_close_and_ends_at_the_quantiles() -> None:
    rows = cone(Closes(["2022-12-29", "2022-12-30"], [90.0, 100.0]), QUANTILES, 5)
    names = ("low", "lower", "middle", "upper", "high")
    assert [rows[0][name] for name in names] == pytest.approx([100.0] * 5)
    assert [rows[-1][name] for name in names] == pytest.approx([80.0, 95.0, 101.0, 108.0, 125.0])
    for row in rows:
        assert [row[name] for name in names] == sorted(row[name] for name in names)


def test_a_cone_knows_no_weekends() -> None:
    rows = cone(Closes(["2022-12-30"], [100.0]), QUANTILES, 5)
    days = ["2022-12-30", "2023-01-02", "2023-01-03", "2023-01-04", "2023-01-05", "2023-01-06"]
    assert [row["day"] for row in rows] == days


def test_axes_speak_the_readers_language() -> None:
    russian, english = (Reader(language).chart_words() for language in ("ru", "en"))
    assert russian["number"]["decimal"] == ","
    assert english["number"]["thousands"] == ","
    assert (english["number"]["percent"], russian["number"]["percent"]) == ("%", "\xa0%")
    assert russian["time"]["months"][0] == "январь"
    assert (english["time"]["days"][0], russian["time"]["days"][1]) == ("Sunday", "понедельник")
    assert [len(english["time"][name]) for name in ("shortMonths", "shortDays")] == [12, 7]
