"""What to do when credits are missing: how many, and the way to more."""

import streamlit as st

from augury.client import ApiError
from augury.ui.parts.elements import plain
from augury.ui.visit import Visit

_POOR = "insufficient_credits"


def show_missing_of(refusal: ApiError, visit: Visit) -> None:
    """Show how many credits a refused order lacked, if that is why it was refused."""
    if refusal.code != _POOR:
        return
    shortage = refusal.shortage
    if shortage.required is not None and shortage.available is not None:
        show_missing(visit, shortage.required, shortage.available)
        return
    _show_way(visit)


def show_missing(visit: Visit, required: int, available: int) -> None:
    """Show how many credits there are too few for a price, and the way to more."""
    reader = visit.reader
    told = reader.text(
        "missing.credits",
        missing=reader.count("credits", required - available),
        required=reader.count("credits", required),
        available=reader.count("credits", available),
    )
    st.warning(plain(told), icon=":material/account_balance_wallet:")
    _show_way(visit)


def _show_way(visit: Visit) -> None:
    # A link and not a button: it is drawn in the one run that was refused.
    st.page_link(
        visit.places["top-up"],
        label=visit.reader.text("predict.top_up"),
        icon=":material/add_card:",
    )
    st.caption(visit.reader.text("missing.kept"))
