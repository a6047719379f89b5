"""The answer of a model of investment risk, as people read it."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

import streamlit as st

from augury.client import ApiError, MarketValues, Model
from augury.ui.parts.charts import BETTER, WORSE, Bar, Closes, show_bars, show_cone
from augury.ui.parts.documents import help_of, title_of
from augury.ui.parts.elements import plain, show_table, show_way_to
from augury.ui.parts.portfolio import show_parts
from augury.ui.parts.questions import USUAL_HORIZON, USUAL_THRESHOLD
from augury.ui.reader import Reader
from augury.ui.visit import Visit

_FIRST: Final = ("probability_of_loss", "probability_of_decline")
_SHARES: Final = (
    "expected_return",
    "volatility",
    "value_at_risk_95",
    "expected_shortfall_95",
    "max_drawdown",
)
_PLAIN: Final = ("beta", "diversification_ratio")
_DIGITS: Final = 2
_YEAR_DAYS: Final = 366
_YEAR_VALUES: Final = 260
_ALL_VALUES: Final = 10_000
_RISKS: Final = ("volatility", "value_at_risk", "expected_shortfall")
Output = Mapping[str, Any]


def is_answer(output: Output) -> bool:
    """Tell whether an output is of a model of investment risk."""
    return {"return_quantiles", "hedges", "drivers"} <= output.keys()


def show_investing(
    visit: Visit, output: Output, question: Output | None, model: Model | None
) -> None:
    """Show one answer; without the `question` what only it tells is left out."""
    reader, schema = visit.reader, model.output_schema if model else {}
    asked = question or {}
    _show_what_was_asked(output["data"], asked, reader)
    _show_figures(output, schema, reader)
    _show_warnings(output["warnings"])
    closes = _closes(visit, output["data"], asked)
    if closes is not None:
        st.subheader(reader.text("cone.title"), anchor=False)
        horizon = int(asked.get("horizon_days") or USUAL_HORIZON)
        show_cone(closes[0], output["return_quantiles"], horizon, reader, closes[1])
        st.caption(reader.text("cone.about"))
    else:
        _show_quantiles(output["return_quantiles"], schema, reader)
    if "positions" in output:
        show_parts(output, schema, reader)
    _show_hedges(output["hedges"], schema, reader)
    _show_drivers(output["drivers"], schema, reader)
    _show_data(output["data"], schema, reader)
    _show_record(visit, output.get("track_record"), model)
    st.info(reader.text("investing.no_advice"), icon=":material/info:")


def _show_what_was_asked(data: Output, asked: Output, reader: Reader) -> None:
    days = asked.get("horizon_days") or USUAL_HORIZON
    told = reader.text(
        "investing.asked",
        day=reader.day(data["as_of"]),
        horizon=reader.text(f"horizon.{days}"),
        threshold=reader.percent(asked.get("loss_threshold") or USUAL_THRESHOLD),
    )
    name = data.get("symbol")
    st.markdown(plain(f"{name}. {told}" if name else told))


def _show_figures(output: Output, schema: Output, reader: Reader) -> None:
    rows = (
        [(name, reader.percent(output[name])) for name in _FIRST],
        [(name, reader.percent(output[name])) for name in _SHARES]
        + [
            (name, reader.rounded(output[name], _DIGITS))
            for name in _PLAIN
            if output.get(name) is not None
        ],
    )
    for place, row in enumerate(rows):
        with st.container(horizontal=True, key=f"figures-{place}"):
            for name, value in row:
                st.metric(
                    plain(title_of(schema, name, reader)),
                    value,
                    help=help_of(schema, name, reader),
                    border=True,
                )


def _show_warnings(warnings: Sequence[Output]) -> None:
    told = [plain(str(one["message"])) for one in warnings]
    if told:
        lines = told if len(told) == 1 else [f"- {line}" for line in told]
        st.warning("\n".join(lines), icon=":material/warning:")


def _closes(visit: Visit, data: Output, asked: Output) -> tuple[Closes, str] | None:
    """Return the closes of the last year that was used, and their unit; None if nobody has them."""
    own, unit = asked.get("prices"), ""
    if own:
        closes = _last_year([one["date"] for one in own], [one["close"] for one in own], data)
    elif data.get("symbol"):
        try:
            series = _series(visit, data["symbol"], data["to"])
        except ApiError:
            # It was removed since: the answer stands without a picture of it.
            return None
        closes, unit = _last_year(series.days, series.values, data), series.unit
    else:
        return None
    return (closes, unit) if closes.days else None


def _series(visit: Visit, symbol: str, last: str) -> MarketValues:
    """Return a series with the year before a day, which is one of the last unless asked for."""
    newest = visit.ask(lambda api: api.market.values(symbol, limit=_YEAR_VALUES))
    begins = date.fromisoformat(last) - timedelta(days=_YEAR_DAYS)
    if newest.days and date.fromisoformat(newest.days[0]) <= begins:
        return newest
    return visit.ask(lambda api: api.market.values(symbol, limit=_ALL_VALUES))


def _last_year(days: Sequence[str], values: Sequence[float], data: Output) -> Closes:
    last = date.fromisoformat(data["to"])
    kept = [
        (day, value)
        for day, value in zip(days, values, strict=True)
        if 0 <= (last - date.fromisoformat(day)).days < _YEAR_DAYS
    ]
    return Closes([day for day, _ in kept], [value for _, value in kept])


def _show_quantiles(quantiles: Output, schema: Output, reader: Reader) -> None:
    st.subheader(plain(title_of(schema, "return_quantiles", reader)), anchor=False)
    columns = [reader.whole_percent(round(float(level) * 100)) for level in quantiles]
    show_table(columns, [[reader.percent(value) for value in quantiles.values()]])
    st.caption(reader.text("investing.about_quantiles"))


def _show_hedges(hedges: Sequence[Output], schema: Output, reader: Reader) -> None:
    if not hedges:
        return
    st.subheader(plain(title_of(schema, "hedges", reader)), anchor=False)
    rows = [
        [
            plain(str(one["title"])),
            reader.amount(one["size_money"]),
            reader.amount(one["cost"]),
            *(_change(one, name, reader) for name in _RISKS),
        ]
        for one in hedges
    ]
    columns = ["hedge.way", "hedge.size", "hedge.cost", *(f"hedge.{name}" for name in _RISKS)]
    show_table([reader.text(key) for key in columns], rows)
    st.caption(reader.text("hedge.about"))
    for one in hedges:
        told = f"**{plain(str(one['title']))}.** {plain(str(one['assumption']))}"
        st.markdown(f"{told} :gray[{plain(_terms(one, reader))}]")


def _terms(one: Output, reader: Reader) -> str:
    terms = [reader.text("hedge.units", units=reader.rounded(one["size"], _DIGITS))]
    terms += [
        reader.text(f"hedge.{name}", price=reader.amount(one[name]))
        for name in ("strike", "call_strike")
        if name in one
    ]
    return "; ".join(terms)


def _change(one: Output, name: str, reader: Reader) -> str:
    before, after = (reader.percent(one[f"{name}_{when}"]) for when in ("before", "after"))
    return f"{before}\N{NO-BREAK SPACE}→\N{NO-BREAK SPACE}{after}"


def _show_drivers(drivers: Sequence[Output], schema: Output, reader: Reader) -> None:
    if not drivers:
        return
    st.subheader(plain(title_of(schema, "drivers", reader)), anchor=False)
    bars = []
    for one in drivers:
        name = reader.named("feature", str(one["feature"]))
        moved = reader.points(one["contribution"])
        colour = WORSE if one["contribution"] > 0 else BETTER
        bars.append(Bar(f"{name}: {moved}", one["contribution"], colour))
    show_bars(bars, key="drivers", alt=title_of(schema, "drivers", reader))
    st.caption(reader.text("investing.about_drivers"))
    st.markdown("\n".join(f"1. {plain(str(one['text']))}" for one in drivers))


def _show_data(data: Output, schema: Output, reader: Reader) -> None:
    told = reader.text(
        "investing.data",
        first=reader.day(data["from"]),
        last=reader.day(data["to"]),
        closes=reader.count("closes", data["observations"]),
    )
    name = data.get("benchmark")
    against = [reader.text("investing.benchmark", name=name)] if name else []
    st.subheader(plain(title_of(schema, "data", reader)), anchor=False)
    st.markdown(plain(" ".join([told, *against])))


def _show_record(visit: Visit, record: Output | None, model: Model | None) -> None:
    reader = visit.reader
    measures = {
        name: value
        for name, value in (record or {}).items()
        if isinstance(value, (int, float)) and name != "rows"
    }
    if not measures and model is None:
        return
    st.subheader(reader.text("record.title"), anchor=False)
    if record and measures:
        rows = reader.number(record["rows"]) if "rows" in record else ""
        st.markdown(reader.text("record.about", rows=rows))
        _show_promises(model, reader)
        shown = [
            (reader.named("metric", name), reader.rounded(value, 4))
            for name, value in measures.items()
        ]
        show_table((reader.text("models.metric"), reader.text("models.value")), shown)
    if model is not None:
        show_way_to(
            visit.places["models"],
            reader.text("record.card"),
            key="record/card",
            icon=":material/description:",
            query={"model": model.name},
        )


def _show_promises(model: Model | None, reader: Reader) -> None:
    """Show how often it came as forecast, for forecasts of about the same probability."""
    bins = model.metrics.get("calibration_curve") if model else None
    if not bins:
        return
    rows = [
        (
            reader.percent(one["predicted"]),
            reader.percent(one["observed"]),
            reader.number(one["rows"]),
        )
        for one in bins
    ]
    columns = ("record.forecast", "record.came", "record.count")
    show_table([reader.text(key) for key in columns], rows)
