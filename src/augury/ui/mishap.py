"""What a visitor sees when the script itself fails: a sentence, never a trace."""

import logging

import streamlit as st

from augury.ui.visit import current_reader

_LOG = logging.getLogger(__name__)


def show_mishap(error: Exception) -> bool:
    """Log the error in full, and show the visitor one sentence instead of Streamlit's own box."""
    _LOG.error("a page failed", exc_info=error)
    st.error(current_reader().text("error.mishap"), icon=":material/error:")
    return True
