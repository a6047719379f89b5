"""What Streamlit says in English and leaves undone, mended in the browser by a script of ours."""

import json
from pathlib import Path
from typing import Final

import streamlit as st

from augury.ui.reader import Reader

_SCRIPT: Final = Path(__file__).parents[1].joinpath("assets", "cabinet.js").read_text("utf-8")
# What it says, to screen readers above all, and the keys of our words for it. Where it ends with a
# space, the name of something follows.
_THEIRS: Final = {
    "Add row": "theirs.add_row",
    "App pages": "theirs.pages",
    "Choose an option": "form.choose",
    "Choose date": "theirs.choose_date",
    "Choose date range": "theirs.choose_dates",
    "Clear all": "theirs.clear",
    "Clear date": "theirs.clear",
    "Clear dates": "theirs.clear",
    "Clear entry": "theirs.clear",
    "Clear value": "theirs.clear",
    "Close": "theirs.close",
    "Collapse sidebar": "theirs.close_menu",
    "Copy to clipboard": "theirs.copy",
    "Decrement": "theirs.less",
    "Delete row(s)": "theirs.delete_rows",
    "Download as CSV": "theirs.download",
    "Empty": "theirs.empty",
    "Expand sidebar": "theirs.open_menu",
    "Fullscreen": "theirs.full_screen",
    "Close fullscreen": "theirs.close",
    "Hide password text": "theirs.hide_password",
    "Increment": "theirs.more",
    "Logo": "theirs.logo",
    "Navigate to home page": "theirs.home",
    "Next month": "theirs.next_month",
    "Open": "theirs.open",
    "Previous month": "theirs.previous_month",
    "Search": "theirs.search",
    "Selected values": "theirs.selected",
    "Show password text": "theirs.show_password",
    "Show/hide columns": "theirs.columns",
    "Sidebar": "theirs.menu",
    "Skip to main content": "theirs.skip",
    "file upload": "theirs.file",
    "Help for ": "theirs.help_for",
    "Remove ": "theirs.remove",
    "day, ": "theirs.day_of",
    "month, ": "theirs.month_of",
    "year, ": "theirs.year_of",
}

# What the styles write instead of Streamlit's words.
_IN_STYLES: Final = {
    "menu": "theirs.menu",
    "day": "theirs.empty_day",
    "month": "theirs.empty_month",
    "year": "theirs.empty_year",
}


def mend_streamlit(reader: Reader) -> None:
    """Have the browser say Streamlit's words in the reader's language, and open it to keys."""
    words = {theirs: reader.text(key, what="{}") for theirs, key in _THEIRS.items()}
    # `<` as an escape, so that no value can close the script element.
    data = json.dumps(words, ensure_ascii=False).replace("<", "\\u003c")
    ours = " ".join(
        f"--augury-{name}: {json.dumps(reader.text(key), ensure_ascii=False)};"
        for name, key in _IN_STYLES.items()
    )
    style = f"<style>:root {{ {ours} }}</style>"
    st.html(
        f"<script>({_SCRIPT.strip().removesuffix(';')})({data})</script>{style}",
        width="content",
        unsafe_allow_javascript=True,
    )
