"""The parts of a question that both pages of investment risk ask for."""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import islice
from typing import Any, Final, cast

import streamlit as st

from augury.client import MarketSeries, Model
from augury.ui.parts.documents import Page, help_of, of_page, properties_of, title_of
from augury.ui.parts.elements import plain, prose
from augury.ui.parts.fields import value_title
from augury.ui.parts.own_files import Trouble
from augury.ui.reader import Reader
from augury.ui.visit import Visit

# What was typed outlives a switch of pages: to the top-up and back.
KEPT: Final = "session"
HORIZONS: Final = (5, 21, 63)
USUAL_HORIZON: Final = 21
USUAL_THRESHOLD: Final = 0.05
USUAL_VALUE: Final = 10_000.0
_USUAL_BENCHMARK: Final = "SP500"
_EARLIEST: Final = date(1900, 1, 1)
# A longer list would keep everybody waiting; other names can be typed.
_MOST_LISTED: Final = 1000
_HUNDRED: Final = 100


def choose_model(visit: Visit, page: Page) -> Model | None:
    """Return the model of the address, or the first that is sold on this page."""
    reader = visit.reader
    on_sale = {model.name: model for model in of_page(visit.ask(lambda api: api.models()), page)}
    if not on_sale:
        st.markdown(reader.text("investing.none"))
        return None
    wanted = st.query_params.get("model")
    names = list(on_sale)
    chosen = wanted if wanted in on_sale else names[0]
    if len(names) > 1:
        chosen = st.selectbox(
            reader.text("predict.model"),
            names,
            index=names.index(chosen),
            format_func=lambda name: reader.pick(on_sale[name].title) or name,
            filter_mode=None,
        )
        st.query_params["model"] = chosen
    st.markdown(prose(reader.pick(on_sale[chosen].description)))
    return on_sale[chosen]


def known_prices(visit: Visit) -> dict[str, str]:
    """Return the names of the prices that the house keeps, each with its title."""

    def titled(one: MarketSeries) -> str:
        title = visit.reader.pick({k: v for k, v in one.title.items() if v})
        return f"{one.symbol} · {title}" if title else one.symbol

    listed = visit.ask(lambda api: list(islice(api.market.series(kind="price"), _MOST_LISTED)))
    return {one.symbol: titled(one) for one in listed}


def choose_symbol(
    label: str, known: Mapping[str, str], usual: str | None, key: str, *, help_text: str | None
) -> str | None:
    """Return a symbol of the house's list, or one that was typed."""
    names = list(known)
    return st.selectbox(
        label,
        names,
        index=names.index(usual) if usual is not None and usual in known else None,
        format_func=lambda name: known.get(name, name),
        placeholder="",
        accept_new_options=True,
        help=help_text,
        key=key,
        persist_state=KEPT,
    )


def draw_rest(
    model: Model,
    known: Mapping[str, str],
    reader: Reader,
    page: Page,
    *,
    with_value: bool = True,
) -> dict[str, Any]:
    """Draw what is asked besides the subject, two abreast; return the members of the question."""
    left, right = st.columns(2)
    with left:
        horizon = _choose_horizon(model, reader, page)
    with right:
        threshold = percent_input(
            model, "loss_threshold", reader, f"{page}/loss_threshold", usual=USUAL_THRESHOLD
        )
    left, right = st.columns(2)
    value = None
    with left:
        if with_value:
            value = _money_input(model, reader, page)
        as_of = _choose_day(model, reader, page)
    with right:
        benchmark = choose_symbol(
            title_of(model.input_schema, "benchmark", reader),
            known,
            _USUAL_BENCHMARK,
            f"{page}/benchmark",
            help_text=help_of(model.input_schema, "benchmark", reader),
        )
        objective = _choose_objective(model, reader, page)
    asked = {
        "horizon_days": horizon,
        "loss_threshold": threshold,
        "position_value": value,
        "as_of": as_of.isoformat() if as_of else None,
        "benchmark": benchmark,
        "objective": objective,
    }
    return {name: one for name, one in asked.items() if one is not None}


def percent_input(
    model: Model,
    name: str,
    reader: Reader,
    key: str,
    *,
    usual: float,
) -> float:
    """Return a share of one that is typed in percent; emptied, it is the usual one again."""
    rules = model.input_schema
    typed = st.number_input(
        plain(reader.text("investing.in_percent", title=title_of(rules, name, reader))),
        value=usual * _HUNDRED,
        step=1.0,
        format="%g",
        help=help_of(rules, name, reader),
        key=key,
        persist_state=KEPT,
    )
    return share_of(typed)


def share_of(percent: float) -> float:
    """Return hundredths as a share of one, as they were written."""
    # Not `percent / 100`: 7 % would be 0.07000000000000001.
    return round(percent / _HUNDRED, 10)


def show_troubles(troubles: Sequence[Trouble], reader: Reader) -> None:
    """Show what is wrong with a file, line by line."""
    lines = [reader.text("file.unread")]
    for one in troubles:
        told = plain(reader.text(one.key, value=one.value))
        where = reader.text("file.line", line=reader.number(one.line)) if one.line else ""
        lines.append(f"- {f'**{where}**: ' if where else ''}{told}")
    st.error("\n".join(lines), icon=":material/error:")


def _choose_horizon(model: Model, reader: Reader, page: Page) -> int:
    chosen: int = st.selectbox(
        title_of(model.input_schema, "horizon_days", reader),
        HORIZONS,
        index=HORIZONS.index(USUAL_HORIZON),
        format_func=lambda days: reader.text(f"horizon.{days}"),
        help=help_of(model.input_schema, "horizon_days", reader),
        key=f"{page}/horizon_days",
        persist_state=KEPT,
        filter_mode=None,
    )
    return chosen


def _money_input(model: Model, reader: Reader, page: Page) -> float | None:
    return cast(
        "float | None",
        st.number_input(
            title_of(model.input_schema, "position_value", reader),
            value=USUAL_VALUE,
            step=1000.0,
            format="%.15g",
            help=help_of(model.input_schema, "position_value", reader),
            key=f"{page}/position_value",
            persist_state=KEPT,
        ),
    )


def _choose_day(model: Model, reader: Reader, page: Page) -> date | None:
    chosen = st.date_input(
        title_of(model.input_schema, "as_of", reader),
        value=None,
        min_value=_EARLIEST,
        max_value=None,
        format="DD.MM.YYYY" if reader.language == "ru" else "YYYY-MM-DD",
        help=help_of(model.input_schema, "as_of", reader),
        key=f"{page}/as_of",
        persist_state=KEPT,
    )
    return chosen if isinstance(chosen, date) else None


def _choose_objective(model: Model, reader: Reader, page: Page) -> str | None:
    rules = properties_of(model.input_schema).get("objective", {})
    chosen: str | None = st.selectbox(
        title_of(model.input_schema, "objective", reader),
        [one for one in rules.get("enum", ()) if one is not None],
        index=None,
        format_func=lambda name: value_title(rules, name, reader),
        placeholder=reader.text("objective.none"),
        help=help_of(model.input_schema, "objective", reader),
        key=f"{page}/objective",
        persist_state=KEPT,
        filter_mode=None,
    )
    return chosen
