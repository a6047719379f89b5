"""A page that sells answers to questions: a model, its form, and the answer that was bought."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from augury.client import Model
from augury.ui.parts.answer import show_answer
from augury.ui.parts.documents import Page, titles_of
from augury.ui.parts.questions import choose_model
from augury.ui.parts.sale import bought, buy
from augury.ui.visit import Visit


def show_page(
    visit: Visit, page: Page, show_form: Callable[[Visit, Model], dict[str, Any] | None]
) -> None:
    """Show what is asked and, once bought, the answer; the form returns a question to buy."""
    reader = visit.reader
    st.title(reader.text(f"place.{page}"), anchor=False)
    model = choose_model(visit, page)
    if model is None:
        return
    question = show_form(visit, model)
    if question is not None:
        buy(visit, page, model, question, titles_of(model.input_schema, reader))
    answer = bought(visit, page, model)
    if answer is not None:
        st.header(reader.text("predict.answer"), anchor=False)
        show_answer(visit, answer, model)
