"""What an answer tells of the parts of a portfolio, as people read it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st

from augury.ui.parts.charts import BETTER, WORSE, Bar, show_bars
from augury.ui.parts.documents import title_of
from augury.ui.parts.elements import plain, show_table
from augury.ui.reader import Reader

_MOST_BARS: Final = 20
_MOST_ROWS: Final = 100
_RISKS: Final = ("volatility", "value_at_risk", "expected_shortfall")
Output = Mapping[str, Any]


def show_parts(output: Output, schema: Output, reader: Reader) -> None:
    """Show where the risk comes from, what bad times would cost, and weights of lower risk."""
    _show_positions(output["positions"], reader)
    _show_scenarios(output["scenarios"], schema, reader)
    _show_lower_risk(output["lower_risk"], output["positions"], schema, reader)


def _show_positions(positions: Sequence[Output], reader: Reader) -> None:
    st.subheader(reader.text("parts.title"), anchor=False)
    heaviest = sorted(positions, key=lambda one: -float(one["risk_share"]))
    bars = [
        Bar(
            reader.text(
                "parts.bar",
                symbol=one["symbol"],
                share=reader.percent(one["risk_share"]),
                weight=reader.percent(one["weight"]),
            ),
            one["risk_share"],
            WORSE if one["risk_share"] > one["weight"] else BETTER,
        )
        for one in heaviest[:_MOST_BARS]
    ]
    show_bars(bars, key="parts", alt=reader.text("parts.title"))
    st.caption(reader.text("parts.about"))
    rows = [
        (
            plain(str(one["symbol"])),
            reader.percent(one["weight"]),
            reader.amount(one["value"]),
            reader.percent(one["volatility"]),
            reader.rounded(one["beta"], 2),
            reader.percent(one["shortfall_share"]),
        )
        for one in heaviest[:_MOST_ROWS]
    ]
    columns = ("symbol", "weight", "value", "volatility", "beta", "shortfall_share")
    show_table([reader.text(f"parts.{name}") for name in columns], rows)
    if len(positions) > _MOST_ROWS:
        st.caption(reader.text("answer.first_rows", shown=_MOST_ROWS, rows=len(positions)))


def _show_scenarios(scenarios: Sequence[Output], schema: Output, reader: Reader) -> None:
    if not scenarios:
        return
    st.subheader(plain(title_of(schema, "scenarios", reader)), anchor=False)
    # A loss is told as what becomes of the value: less.
    bars = [
        Bar(
            reader.text(
                "scenario.bar",
                title=one["title"],
                change=reader.percent(-one["loss"]),
                money=reader.amount(-one["loss_money"]),
            ),
            one["loss"],
            WORSE if one["loss"] > 0 else BETTER,
        )
        for one in scenarios
    ]
    show_bars(bars, key="scenarios", alt=title_of(schema, "scenarios", reader))
    st.caption(reader.text("scenario.about"))
    rows = [(plain(str(one["title"])), reader.percent(one["observed_share"])) for one in scenarios]
    show_table((reader.text("scenario.title"), reader.text("scenario.observed")), rows)


def _show_lower_risk(
    ways: Sequence[Output], positions: Sequence[Output], schema: Output, reader: Reader
) -> None:
    if not ways:
        return
    st.subheader(plain(title_of(schema, "lower_risk", reader)), anchor=False)
    aims = [reader.named("aim", str(way["aim"])) for way in ways]
    now = reader.text("lower_risk.now")
    weights = [
        [
            plain(str(one["symbol"])),
            reader.percent(one["weight"]),
            *(reader.percent(way["weights"][one["symbol"]]) for way in ways),
        ]
        for one in positions[:_MOST_ROWS]
    ]
    show_table([reader.text("parts.symbol"), now, *aims], weights)
    risks = [
        [
            reader.text(f"hedge.{name}"),
            reader.percent(ways[0][f"{name}_before"]),
            *(reader.percent(way[f"{name}_after"]) for way in ways),
        ]
        for name in _RISKS
    ]
    nothing = reader.percent(0.0)
    turnover = [reader.text("lower_risk.turnover"), nothing]
    risks.append([*turnover, *(reader.percent(way["turnover"]) for way in ways)])
    show_table([reader.text("lower_risk.measure"), now, *aims], risks)
    st.caption(reader.text("lower_risk.about"))
    if not all(way["optimal"] for way in ways):
        st.warning(reader.text("lower_risk.not_optimal"), icon=":material/warning:")
