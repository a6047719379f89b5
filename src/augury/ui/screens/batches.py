"""Batches: a file of rows is checked for nothing, predicted in the background, and downloaded."""

from collections.abc import Sequence
from typing import Final

import streamlit as st

from augury.client import ApiError, Batch, Model
from augury.ui.parts.batch_charts import show_results
from augury.ui.parts.batch_order import show_order
from augury.ui.parts.batch_progress import follow
from augury.ui.parts.colours import OF_WORK
from augury.ui.parts.elements import (
    Pager,
    list_row,
    plain,
    show_refused_download,
    show_way_back,
    show_way_to,
    show_way_to_download,
)
from augury.ui.reader import Reader
from augury.ui.visit import Visit
from augury.ui.web.downloads import path_of_results

_PAGE_ROWS: Final = 10
_NOT_FOUND: Final = 404
_CAME_TO_NOTHING: Final = "no_row_succeeded"


def show(visit: Visit) -> None:
    """Show the batch of the address's `id`, or the way to a new one and the list of all."""
    reader = visit.reader
    batch_id = st.query_params.get("id")
    if batch_id:
        _show_one(visit, batch_id)
        return
    st.title(reader.text("place.batches"), anchor=False)
    st.markdown(reader.text("batches.introduction"))
    on_sale = visit.ask(lambda api: api.models())
    if on_sale:
        show_order(visit, on_sale)
    st.header(reader.text("batches.all"), anchor=False)
    _show_list(visit, on_sale)


def _show_list(visit: Visit, on_sale: Sequence[Model]) -> None:
    reader, pager = visit.reader, Pager("batches", "")
    page = visit.ask(lambda api: api.batches.batches(limit=_PAGE_ROWS, cursor=pager.cursor))
    if not page.items:
        st.markdown(reader.text("batches.none"))
    titles = {model.name: reader.pick(model.title) for model in on_sale}
    for one in page.items:
        with list_row(f"batch/{one.id}"):
            title = plain(titles.get(one.model) or one.model)
            moment = plain(reader.moment(one.created_at))
            rows = plain(reader.count("rows", one.rows))
            st.markdown(f"**{title}**  \n:gray[{moment} · {rows}]")
            st.badge(_status(one, reader), color=OF_WORK.get(one.status, "blue"))
            paid = one.credits_captured if one.is_over else one.credits_held
            st.markdown(reader.count("credits", paid), width="content")
            show_way_to(
                visit.places["batches"],
                reader.text("predictions.open"),
                key=f"open/{one.id}",
                query={"id": one.id},
            )
    pager.show(page.next_cursor, reader)


def _show_one(visit: Visit, batch_id: str) -> None:
    reader = visit.reader
    show_way_back(
        visit.places["batches"],
        reader.text("batches.back"),
        key="batches/back",
    )
    try:
        batch = visit.ask(lambda api: api.batches.batch(batch_id))
    except ApiError as refusal:
        if refusal.status != _NOT_FOUND:
            raise
        st.title(reader.text("place.batches"), anchor=False)
        st.warning(reader.text("batches.not_found"), icon=":material/info:")
        return
    model = _model(visit, batch)
    st.title(plain(reader.pick(model.title) if model else batch.model), anchor=False)
    facts = (
        reader.moment(batch.created_at),
        _status(batch, reader),
        reader.text("models.version", version=batch.version),
        reader.count("rows", batch.rows),
    )
    st.caption(plain(" · ".join(facts)))
    if batch.is_over:
        _show_end(visit, batch, model)
    else:
        follow(visit, batch)


def _model(visit: Visit, batch: Batch) -> Model | None:
    on_sale = visit.ask_openly(lambda api: api.models())
    return next((one for one in on_sale if one.name == batch.model), None)


def _show_end(visit: Visit, batch: Batch, model: Model | None) -> None:
    reader = visit.reader
    show_refused_download(reader)
    with st.container(horizontal=True):
        figures = (
            ("batches.rows_done", reader.number(batch.rows_done)),
            ("batches.rows_failed", reader.number(batch.rows_failed)),
            ("batches.charged", reader.count("credits", batch.credits_captured)),
        )
        for key, shown in figures:
            st.metric(reader.text(key), shown, border=True)
    st.caption(reader.text("batches.only_good_rows"))
    if batch.error is not None:
        st.error(plain(batch.error.message or batch.error.code), icon=":material/error:")
    has_results = batch.status != "failed" or (
        batch.error is not None and batch.error.code == _CAME_TO_NOTHING
    )
    if has_results and batch.rows_done + batch.rows_failed:
        show_way_to_download(
            path_of_results(batch.id), reader.text("batches.download"), key="batches/download"
        )
        show_results(visit, batch, model)


def _status(batch: Batch, reader: Reader) -> str:
    return reader.named("status", batch.status)
