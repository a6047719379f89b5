"""The front page: for guests what is sold here and to whom, for the others how they stand."""

from collections.abc import Sequence
from typing import Any, Final

import streamlit as st

from augury.client import Me, Prediction
from augury.ui.parts.charts import show_days
from augury.ui.parts.elements import plain, show_way_to
from augury.ui.parts.sample import show_sample
from augury.ui.parts.spending import Spending, read_spending
from augury.ui.screens.models import show_catalogue
from augury.ui.screens.predictions import show_rows
from augury.ui.visit import Visit

_LATEST: Final = 5
_STEPS: Final = ("account", "data", "answer")
# Places that other pages may bring; a shortcut to one that is not there is left out.
_SHORTCUTS: Final = (
    ("predict", ":material/insights:"),
    ("batches", ":material/table_view:"),
    ("top-up", ":material/add_card:"),
    ("usage", ":material/monitoring:"),
    ("keys", ":material/key:"),
)


def show(visit: Visit) -> None:
    """Show the landing page to guests, and the dashboard to whoever has signed in."""
    if visit.session is None:
        _show_landing(visit)
    else:
        _show_dashboard(visit)


def _show_landing(visit: Visit) -> None:
    reader = visit.reader
    st.title(reader.text("overview.headline"), anchor=False)
    st.markdown(reader.text("overview.pitch"))
    with st.container(horizontal=True):
        for place in ("register", "sign-in"):
            show_way_to(
                visit.places[place],
                reader.text(f"place.{place}"),
                key=f"welcome/{place}",
                is_primary=place == "register",
            )
    # Filled in at the end: a model that is slow with its sample holds nothing else up.
    sample = st.container()
    st.header(reader.text("overview.how"), anchor=False)
    for number, (column, step) in enumerate(
        zip(st.columns(len(_STEPS)), _STEPS, strict=True), start=1
    ):
        with column:
            st.markdown(
                f"**{number}. {plain(reader.text(f'overview.step.{step}'))}**  \n"
                f"{plain(reader.text(f'overview.about_step.{step}'))}"
            )
    st.header(reader.text("overview.on_sale"), anchor=False)
    on_sale = show_catalogue(visit)
    with sample:
        show_sample(visit, on_sale)


def _show_dashboard(visit: Visit) -> None:
    reader = visit.reader
    me = visit.ask(lambda api: api.me())
    latest = visit.ask(lambda api: api.predictions(limit=_LATEST))
    spending = read_spending(visit)
    st.title(reader.text("overview.greeting", username=plain(me.username)), anchor=False)
    _show_money(visit, me, spending)
    if not latest.items and not any(spending.predictions.values()):
        _show_first_steps(visit, me)
        return
    with st.container(horizontal=True):
        for place, icon in _SHORTCUTS:
            if place in visit.places:
                title = reader.text(f"place.{place}")
                show_way_to(visit.places[place], title, key=f"overview/{place}", icon=icon)
    _show_days(visit, spending)
    _show_latest(visit, latest.items)


def _show_money(visit: Visit, me: Me, spending: Spending) -> None:
    reader = visit.reader
    with st.container(horizontal=True):
        available = reader.count("credits", me.balance.available)
        _show_figure(reader.text("account.available"), available)
        if me.balance.held:
            held = reader.count("credits", me.balance.held)
            _show_figure(
                reader.text("overview.held"), held, help=reader.text("overview.about_held")
            )
        if not spending.this_month and not spending.last_month_so_far:
            return
        _show_figure(
            reader.text("overview.this_month"),
            reader.count("credits", spending.this_month),
            delta=plain(reader.signed(spending.this_month - spending.last_month_so_far)),
            # Whether it is good to spend more than last month, the visitor knows best.
            delta_color="off",
            delta_arrow="off",
            delta_description=reader.text("overview.against_last"),
        )
        _show_figure(
            reader.text("overview.last_month"),
            reader.count("credits", spending.last_month_so_far),
        )


def _show_figure(label: str, value: str, **more: Any) -> None:
    st.metric(label, value, border=True, height="stretch", **more)


def _show_first_steps(visit: Visit, me: Me) -> None:
    reader = visit.reader
    st.header(reader.text("overview.first_steps"), anchor=False)
    credits_ = reader.count("credits", me.balance.available)
    has_credits = me.balance.available > 0
    steps = (
        (
            "top-up",
            reader.text("overview.begin.credits", credits=credits_)
            if has_credits
            else reader.text("overview.begin.no_credits"),
        ),
        ("predict", reader.text("overview.begin.predict")),
        ("batches", reader.text("overview.begin.batch")),
    )
    first = "predict" if has_credits else "top-up"
    for number, (place, told) in enumerate(
        (step for step in steps if step[0] in visit.places), start=1
    ):
        with st.container(
            border=True,
            horizontal=True,
            horizontal_alignment="distribute",
            vertical_alignment="center",
        ):
            st.markdown(f"**{number}.** {plain(told)}")
            show_way_to(
                visit.places[place],
                reader.text(f"place.{place}"),
                key=f"overview/begin/{place}",
                is_primary=place == first,
            )


def _show_days(visit: Visit, spending: Spending) -> None:
    reader = visit.reader
    st.header(reader.text("overview.by_day"), anchor=False)
    total = sum(spending.predictions.values())
    if not total:
        st.markdown(reader.text("overview.none_lately"))
        return
    told = reader.text("overview.in_days", predictions=reader.count("predictions", total))
    show_days(
        spending.predictions,
        reader,
        key="overview/days",
        alt=f"{reader.text('overview.by_day')}: {told}",
        what=reader.text("usage.predictions"),
    )
    st.caption(told)


def _show_latest(visit: Visit, latest: Sequence[Prediction]) -> None:
    if not latest:
        # Batches only, or answers of more than a month ago.
        return
    reader = visit.reader
    st.header(reader.text("overview.latest"), anchor=False)
    show_rows(visit, latest)
    show_way_to(
        visit.places["predictions"],
        reader.text("overview.all_predictions"),
        key="overview/predictions",
        icon=":material/history:",
    )
