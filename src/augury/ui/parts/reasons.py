"""Why a prediction came out so: bars for what raises and lowers the risk, and the sentences."""

from collections.abc import Mapping
from typing import Any, Final

import streamlit as st

from augury.client import Model
from augury.ui.parts.charts import BETTER, WORSE, Bar, show_bars
from augury.ui.parts.documents import title_of
from augury.ui.parts.elements import plain
from augury.ui.reader import Reader

_MOST_BARS: Final = 12
# What is smaller changes the odds by less than a hundredth.
_LEAST: Final = 0.01
_MINUS: Final = "\N{MINUS SIGN}"


def show_reasons(output: Mapping[str, Any], model: Model | None, reader: Reader) -> None:
    """Show the reasons of an output; nothing if it has none."""
    reasons = output.get("reasons")
    if not isinstance(reasons, list) or not reasons:
        return
    st.subheader(reader.text("answer.reasons"), anchor=False)
    schema = model.input_schema if model else {}
    moves = contributions(output)
    bars = [
        Bar(
            reader.text(
                "reasons.bar", field=title_of(schema, name, reader), size=_signed(value, reader)
            ),
            value,
            WORSE if value > 0 else BETTER,
        )
        for name, value in moves.items()
    ]
    raising = sum(value > 0 for value in moves.values())
    alt = reader.text("reasons.alt", raising=raising, lowering=len(moves) - raising)
    show_bars(bars, key="answer/reasons", alt=alt)
    st.caption(reader.text("reasons.colours"))
    st.markdown(
        "\n".join(
            f"1. {plain(str(one.get('text', '')))} ({_signed(one['contribution'], reader)})"
            for one in reasons
            if isinstance(one, Mapping) and isinstance(one.get("contribution"), (int, float))
        )
    )
    st.caption(reader.text("answer.about_reasons"))


def contributions(output: Mapping[str, Any]) -> dict[str, float]:
    """Return what the fields add, the strongest first: of all fields where they are told."""
    explanation = output.get("explanation")
    told = explanation.get("contributions") if isinstance(explanation, Mapping) else None
    found: Mapping[str, Any] = (
        told
        if isinstance(told, Mapping)
        else {
            str(one.get("feature")): one.get("contribution")
            for one in output.get("reasons", ())
            if isinstance(one, Mapping)
        }
    )
    felt = {
        name: float(value)
        for name, value in found.items()
        if isinstance(value, (int, float)) and abs(value) >= _LEAST
    }
    strongest = sorted(felt, key=lambda name: -abs(felt[name]))
    return {name: felt[name] for name in strongest[:_MOST_BARS]}


def _signed(value: float, reader: Reader) -> str:
    return f"{'+' if value > 0 else _MINUS}{reader.rounded(abs(value), 2)}"
