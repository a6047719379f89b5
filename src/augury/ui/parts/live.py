"""A part of a page that is drawn anew by itself, whatever the API says meanwhile."""

from collections.abc import Callable

import streamlit as st

from augury.client import ApiError, Unreachable
from augury.ui.parts.elements import show_refusal
from augury.ui.visit import Visit
from augury.ui.web.sessions import SignedOut


def show_live(visit: Visit, seconds: float, draw: Callable[[Visit], None]) -> None:
    """Draw a part now and every so many seconds.

    The page has asked the API before: so a visitor who is signed out, or may not see it, has been
    told, and here that can only have happened since.
    """
    st.fragment(_draw, run_every=seconds)(visit, draw)


def _draw(visit: Visit, draw: Callable[[Visit], None]) -> None:
    try:
        draw(visit)
    except SignedOut:
        st.rerun()
    except Unreachable:
        st.warning(visit.reader.text("error.api_down"), icon=":material/cloud_off:")
    except ApiError as refusal:
        show_refusal(refusal, visit.reader)
