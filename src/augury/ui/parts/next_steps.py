"""Where a prediction leads on to: the same order in a program, and what if."""

import streamlit as st

from augury.client import Model, Prediction
from augury.ui.parts.documents import page_of
from augury.ui.parts.elements import show_way_to
from augury.ui.parts.moves import experiment_of
from augury.ui.parts.samples import show_samples
from augury.ui.visit import Visit


def show_next_steps(visit: Visit, prediction: Prediction, model: Model | None) -> None:
    """Show what can be done with a prediction, as long as its inputs and its model are there."""
    if model is None or not prediction.inputs or not prediction.outputs:
        return
    if len(prediction.inputs) == 1:
        explain = "reasons" in prediction.outputs[0]
        show_samples(visit, model.name, prediction.inputs[0], explain=explain)
    if page_of(model) != "predict" or st.query_params.get("result") == prediction.id:
        return
    if len(prediction.inputs) == 1:
        show_way_to(
            visit.places["what-if"],
            visit.reader.text("what_if.try"),
            key="answer/what-if",
            icon=":material/tune:",
            query={"prediction": prediction.id},
        )
    elif experiment_of(prediction.inputs) is not None:
        show_way_to(
            visit.places["what-if"],
            visit.reader.text("what_if.reopen"),
            key="answer/what-if",
            icon=":material/tune:",
            query={"result": prediction.id},
        )
