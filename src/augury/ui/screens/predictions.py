"""What was bought: the list with its filters, and one prediction in full."""

from collections.abc import Sequence
from typing import Final

import streamlit as st

from augury.client import Prediction
from augury.ui.parts.answer import outcome_of
from augury.ui.parts.elements import (
    Pager,
    list_row,
    plain,
    show_refused_download,
    show_way_back,
    show_way_to,
    show_way_to_download,
)
from augury.ui.parts.filters import choose, choose_span, given
from augury.ui.parts.one_prediction import show_one
from augury.ui.visit import Visit
from augury.ui.web.prediction_files import path_of_predictions

_PAGE_ROWS: Final = 20
_STATUSES: Final = ("succeeded", "queued", "running", "failed", "cancelled")
FILTERS: Final = ("model", "status", "period", "from", "to")


def show(visit: Visit) -> None:
    """Show the prediction of the address's `id`, or the list that its filters let through."""
    prediction_id = st.query_params.get("id")
    if prediction_id:
        _show_way_back(visit)
        show_one(visit, visit.ask(lambda api: api.prediction(prediction_id)))
        return
    reader = visit.reader
    st.title(reader.text("place.predictions"), anchor=False)
    show_refused_download(reader)
    titles = _titles(visit)
    left, middle, right = st.columns(3)
    with left:
        model = choose(
            "model",
            reader.text("predict.model"),
            _models(titles),
            lambda name: titles.get(name) or name,
            reader.text("predictions.any_model"),
        )
    with middle:
        status = choose(
            "status",
            reader.text("predictions.status"),
            _STATUSES,
            lambda name: reader.named("status", name),
            reader.text("predictions.any_status"),
        )
    with right:
        span = choose_span(reader)
    pager = Pager("predictions", f"{model} {status} {span}")
    page = visit.ask(
        lambda api: api.predictions(
            limit=_PAGE_ROWS,
            cursor=pager.cursor,
            model=model,
            status=status,
            since=span.since,
            until=span.until,
        )
    )
    if not page.items:
        is_filtered = model or status or span.query()
        told = "predictions.none_such" if is_filtered else "predictions.none"
        st.markdown(reader.text(told))
    else:
        show_rows(visit, page.items)
    pager.show(page.next_cursor, reader)
    if page.items:
        show_way_to_download(
            path_of_predictions(model, status, span),
            reader.text("predictions.csv"),
            key="predictions/csv",
        )


def show_rows(visit: Visit, predictions: Sequence[Prediction]) -> None:
    """Show predictions in short, each with the way to it in full."""
    reader, titles, kept = visit.reader, _titles(visit), given(FILTERS)
    for one in predictions:
        with list_row(f"prediction/{one.id}"):
            title = plain(titles.get(one.model) or one.model)
            st.markdown(f"**{title}**  \n:gray[{plain(reader.moment(one.created_at))}]")
            outcome, colour = outcome_of(reader, one)
            st.badge(plain(outcome), color=colour)
            # What has failed or was cancelled costs nothing; what is unfinished has its price held.
            price = 0 if one.is_over and one.charge is None else one.price
            st.markdown(reader.count("credits", price), width="content")
            show_way_to(
                visit.places["predictions"],
                reader.text("predictions.open"),
                key=f"open/{one.id}",
                query={**kept, "id": one.id},
            )


def _titles(visit: Visit) -> dict[str, str]:
    return {
        model.name: visit.reader.pick(model.title) for model in visit.ask(lambda api: api.models())
    }


def _models(titles: dict[str, str]) -> list[str]:
    """Return the models to choose from: those on sale, and the address's own if it is not."""
    wanted = st.query_params.get("model")
    return [*titles, *([wanted] if wanted and wanted not in titles else [])]


def _show_way_back(visit: Visit) -> None:
    show_way_back(
        visit.places["predictions"],
        visit.reader.text("predictions.back"),
        key="predictions/back",
        query=given(FILTERS),
    )
