"""The front page: what there is to buy, and for those signed in what they have."""

import streamlit as st

from augury.ui.elements import plain, show_way_to
from augury.ui.screens.models import show_catalogue
from augury.ui.screens.predictions import show_rows
from augury.ui.visit import Visit

_LATEST = 5


def show(visit: Visit) -> None:
    """Show the balance and the latest predictions, or the way in; then the models on sale."""
    if visit.session is None:
        _welcome(visit)
    else:
        _show_own(visit)
    st.header(visit.reader.text("overview.on_sale"), anchor=False)
    show_catalogue(visit)


def _welcome(visit: Visit) -> None:
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


def _show_own(visit: Visit) -> None:
    reader = visit.reader
    me = visit.ask(lambda api: api.me())
    latest = visit.ask(lambda api: api.predictions(limit=_LATEST))
    st.title(reader.text("overview.greeting", username=plain(me.username)), anchor=False)
    with st.container(horizontal=True):
        available = reader.count("credits", me.balance.available)
        st.metric(reader.text("account.available"), available, border=True)
        if me.balance.held:
            held = reader.count("credits", me.balance.held)
            st.metric(reader.text("overview.held"), held, border=True)
    show_way_to(
        visit.places["top-up"],
        reader.text("account.top_up"),
        key="overview/top-up",
        icon=":material/add_card:",
    )
    st.header(reader.text("overview.latest"), anchor=False)
    if latest.items:
        show_rows(visit, latest.items)
        show_way_to(
            visit.places["predictions"],
            reader.text("overview.all_predictions"),
            key="overview/predictions",
            icon=":material/history:",
        )
    else:
        st.markdown(reader.text("predictions.none"))
