"""Choosing a model that is sold by a form or a file, and whether with reasons."""

from collections.abc import Sequence
from typing import Final

import streamlit as st

from augury.client import Model
from augury.ui.parts.elements import plain
from augury.ui.visit import Visit

# What was chosen outlives a switch of pages: to the top-up and back.
_KEPT: Final = "session"
_MODEL: Final = "model"


def choose_model(visit: Visit, screen: str, on_sale: Sequence[Model]) -> Model:
    """Return the model of the address, the one chosen here before, or the first on sale."""
    reader = visit.reader
    names = [model.name for model in on_sale]
    key, wanted = f"{screen}/model", st.query_params.get(_MODEL)
    # The address counts when it has changed; otherwise what was chosen does.
    if wanted in names and st.session_state.get(f"{key}/address") != wanted:
        st.session_state[key] = wanted
    if st.session_state.get(key) not in names:
        st.session_state[key] = names[0]
    titles = {
        model.name: reader.text(
            "predict.model_with_price",
            title=reader.pick(model.title) or model.name,
            credits=reader.count("credits", model.price),
        )
        for model in on_sale
    }
    chosen = st.selectbox(
        reader.text("predict.model"),
        names,
        format_func=lambda name: titles.get(name, name),
        filter_mode=None,
        key=key,
        persist_state=_KEPT,
    )
    st.query_params[_MODEL] = st.session_state[f"{key}/address"] = chosen
    return next(model for model in on_sale if model.name == chosen)


def choose_reasons(visit: Visit, screen: str, model: Model) -> bool:
    """Return whether reasons are wanted; asked before the form, whose button names the price."""
    if model.explain is None:
        return False
    more = visit.reader.count("credits", model.explain.price)
    return st.checkbox(
        visit.reader.text("predict.explain", credits=more),
        key=f"{screen}/explain",
        persist_state=_KEPT,
    )


def price_per_row(model: Model, *, explain: bool) -> int:
    """Return what a row costs, in credits."""
    return model.price + (model.explain.price if explain and model.explain else 0)


def show_price(visit: Visit, model: Model, *, explain: bool) -> None:
    """Show what a row costs, of what that is made up, and what is announced."""
    reader = visit.reader
    now = reader.count("credits", price_per_row(model, explain=explain))
    told = [reader.text("price.row", credits=now)]
    if explain and model.explain is not None:
        told.append(
            reader.text(
                "price.made_of",
                row=reader.number(model.price),
                reasons=reader.number(model.explain.price),
            )
        )
    st.caption(plain(" ".join(told)))
    change = model.price_change
    if change is not None:
        later = reader.count("credits", change.price)
        moment = reader.moment(change.begins_at)
        announced = reader.text("models.price_change", moment=moment, credits=later)
        st.info(plain(announced), icon=":material/event:")
