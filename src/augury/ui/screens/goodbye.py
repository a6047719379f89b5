"""What somebody sees who has closed their account."""

import streamlit as st

from augury.ui.visit import Visit


def show(visit: Visit) -> None:
    """Say that it is done."""
    reader = visit.reader
    st.title(reader.text("place.goodbye"), anchor=False)
    st.markdown(reader.text("goodbye.text"))
