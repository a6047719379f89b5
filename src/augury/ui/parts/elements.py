"""Small parts that several screens are made of."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Literal
from urllib.parse import urlsplit

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.uploaded_file_manager import UploadedFile

from augury.client import ApiError, ClientError
from augury.ui.reader import Reader
from augury.ui.web.hub import hub

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#$~|:])")
_RECOVERY_SECONDS = 3
_MOST_CSV_MEGABYTES = 1
REFUSED_DOWNLOAD = "download_refused"


def plain(text: str) -> str:
    """Return `text` so that Streamlit's Markdown shows it letter by letter."""
    return _MARKDOWN.sub(r"\\\1", text)


def prose(markdown: str) -> str:
    """Return Markdown from the API with dollars as dollars: Streamlit takes pairs for formulas."""
    return markdown.replace("$", r"\$")


def show_refusal(
    refusal: ApiError, reader: Reader, titles: Mapping[str, str] | None = None
) -> None:
    """Show why the API said no, with the faults of single fields under the names people know."""
    # The API speaks to programs, too; some of it is said differently to somebody with a mouse.
    lines = [plain(reader.named("refusal", refusal.code, refusal.detail))]
    for fault in refusal.errors:
        title = _place_of(fault.pointer, reader, titles or {})
        lines.append(f"- {f'**{plain(title)}**: ' if title else ''}{plain(fault.message)}")
    st.error("\n".join(lines), icon=":material/error:")
    if refusal.request_id and refusal.status >= 500:  # noqa: PLR2004 - server faults
        st.caption(reader.text("error.request_id", request_id=refusal.request_id))


def _place_of(pointer: str, reader: Reader, titles: Mapping[str, str]) -> str:
    """Return where a fault is, as people say it: `Positions, 2, Symbol`."""
    parts = re.sub("^/inputs/[0-9]+", "", pointer).strip("/").split("/")
    named = (
        reader.number(int(part) + 1)
        if part.isdecimal()
        else titles.get(part) or reader.named("field", part)
        for part in parts
        if part
    )
    return ", ".join(named)


def show_api_down(reader: Reader) -> None:
    """Say that the service is away, and come back as soon as it does."""
    st.warning(reader.text("error.api_down"), icon=":material/cloud_off:")
    _watch_for_recovery()


@st.fragment(run_every=_RECOVERY_SECONDS)
def _watch_for_recovery() -> None:
    try:
        hub().api.health()
    except ClientError:
        return
    st.rerun()


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Show rows as a plain table that narrow screens can scroll."""
    st.table(
        [dict(zip(columns, row, strict=True)) for row in rows],
        border="horizontal",
        hide_index=True,
    )


def list_row(key: str) -> DeltaGenerator:
    """Return the frame of an item of a list, whose facts stand side by side where there is room."""
    return st.container(
        border=True,
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        key=key,
    )


def choose_csv(reader: Reader, label: str, help_text: str, *, key: str) -> UploadedFile | None:
    """Let the visitor give a CSV file; what it should have is in its label."""
    # Streamlit's own words on the button exist in English only.
    say_about_files(
        reader.text("file.choose"), reader.text("file.refused", most=_MOST_CSV_MEGABYTES)
    )
    return st.file_uploader(
        label, type="csv", max_upload_size=_MOST_CSV_MEGABYTES, help=help_text, key=key
    )


def say_about_files(choose: str, refused: str) -> None:
    """Set what the button of a choice of files says, and what is said of one that is not taken."""
    words = {"--augury-choose-file": choose, "--augury-file-refused": refused}
    rules = " ".join(f"{k}: {json.dumps(v, ensure_ascii=False)};" for k, v in words.items())
    st.html(f"<style>:root {{ {rules} }}</style>")


def show_way_to(
    page: st.Page,
    label: str,
    *,
    key: str,
    icon: str | None = None,
    is_primary: bool = False,
    query: Mapping[str, str] | None = None,
) -> None:
    """Show a button that leads to another page.

    Not Streamlit's page link: that one marks itself as current when only the query differs.
    """
    style: Literal["primary", "secondary"] = "primary" if is_primary else "secondary"
    if st.button(label, key=key, icon=icon, type=style):
        st.switch_page(page, query_params=query)


def show_way_back(
    page: st.Page, label: str, *, key: str, query: Mapping[str, str] | None = None
) -> None:
    """Show the button that leads from one thing to the list of all."""
    show_way_to(page, label, key=key, icon=":material/arrow_back:", query=query)


def show_way_to_pay(url: str | None, label: str, *, key: str, is_primary: bool = False) -> None:
    """Show a button that leads to where a payment is made, in the same tab; nothing without it."""
    if url is not None and urlsplit(url).scheme in {"https", "http"}:
        style: Literal["primary", "secondary"] = "primary" if is_primary else "secondary"
        st.link_button(label, url, type=style, icon=":material/payments:", key=key)


def show_way_to_download(path: str, label: str, *, key: str) -> None:
    """Show a button that downloads a file from one of our own routes."""
    st.link_button(label, path, icon=":material/download:", key=key)


def show_refused_download(reader: Reader) -> None:
    """Say why a download has led back to this page, if it has."""
    code = st.query_params.get(REFUSED_DOWNLOAD)
    if code is not None:
        told = reader.named("download_refused", code, reader.text("download.refused"))
        st.error(told, icon=":material/error:")


class Pager:
    """Walks a keyset-paged list back and forth, remembering the way in the visitor's session."""

    def __init__(self, name: str, filters: str) -> None:
        """Start at the newest page whenever `filters` differ from last time."""
        self._key = f"pager/{name}"
        known_filters, _ = st.session_state.get(self._key, (None, []))
        if known_filters != filters:
            st.session_state[self._key] = (filters, [])

    @property
    def cursor(self) -> str | None:
        """The cursor of the page to show; None for the newest."""
        trail = self._trail()
        return trail[-1] if trail else None

    def show(self, next_cursor: str | None, reader: Reader) -> None:
        """Show the buttons that have somewhere to lead."""
        trail = self._trail()
        if not trail and next_cursor is None:
            return
        with st.container(horizontal=True):
            if trail:
                st.button(
                    reader.text("pager.newer"),
                    icon=":material/arrow_back:",
                    key=f"{self._key}/newer",
                    on_click=self._back,
                )
            if next_cursor is not None:
                st.button(
                    reader.text("pager.older"),
                    icon=":material/arrow_forward:",
                    icon_position="right",
                    key=f"{self._key}/older",
                    on_click=trail.append,
                    args=(next_cursor,),
                )

    def _back(self) -> None:
        self._trail().pop()

    def _trail(self) -> list[str]:
        trail: list[str] = st.session_state[self._key][1]
        return trail
