"""A file that a visitor gave: on the disk from the moment it is here, and gone with the tab.

Streamlit keeps what is uploaded in memory until the tab is closed. So it is moved at once to a
file without a name, which the system removes when nobody holds it any more.
"""

import hashlib
import tempfile
import weakref
from typing import BinaryIO, Final, cast

import streamlit as st
from msgspec import Struct
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from augury.ui.parts.elements import plain, say_about_files
from augury.ui.parts.shelf_choice import size_told
from augury.ui.reader import Reader
from augury.ui.theme import MOST_BATCH_MEGABYTES

_TYPES: Final = ("csv", "tsv", "txt", "jsonl", "ndjson", "parquet")
_BLOCK: Final = 1 << 20


class Kept(Struct, frozen=True, weakref=True):
    """A file on the disk; `digest` is its SHA-256."""

    name: str
    size: int
    digest: str
    content: BinaryIO


def choose_file(reader: Reader, place: str) -> Kept | None:
    """Return the file that was given, also after the page was left; a button takes another."""
    kept: Kept | None = st.session_state.get(_key(place))
    if kept is None:
        kept = _take(reader, place)
        if kept is None:
            return None
        st.session_state[_key(place)] = kept
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f":material/description: **{plain(kept.name)}** · {plain(size_told(reader, kept.size))}"
        )
        if st.button(reader.text("upload.another"), key=f"{place}/another"):
            forget(place)
            st.rerun()
    return kept


def forget(place: str) -> None:
    """Let go of the file, which takes it off the disk."""
    kept: Kept | None = st.session_state.pop(_key(place), None)
    if kept is not None:
        kept.content.close()


def _take(reader: Reader, place: str) -> Kept | None:
    # Streamlit's own words exist in English only; these stand in their place.
    refused = reader.text("upload.not_taken", most=MOST_BATCH_MEGABYTES)
    say_about_files(reader.text("upload.choose"), refused)
    given = st.file_uploader(
        reader.text("upload.label"),
        type=_TYPES,
        max_upload_size=MOST_BATCH_MEGABYTES,
        key=f"{place}/uploader",
        help=reader.text("upload.help", most=MOST_BATCH_MEGABYTES),
    )
    return None if given is None else _moved(given)


def _moved(given: UploadedFile) -> Kept:
    """Move a file from the memory to the disk."""
    content = cast("BinaryIO", tempfile.TemporaryFile(prefix="augury-ui-"))  # noqa: SIM115 - it is open as long as the tab
    seen, size = hashlib.sha256(), 0
    while block := given.read(_BLOCK):
        seen.update(block)
        size += content.write(block)
    content.seek(0)
    context = get_script_run_ctx()
    manager = None if context is None else context.uploaded_file_mgr
    if context is not None and isinstance(manager, MemoryUploadedFileManager):
        manager.remove_file(context.session_id, given.file_id)
    kept = Kept(given.name, size, seen.hexdigest(), content)
    # Tabs are closed without a word.
    weakref.finalize(kept, content.close)
    return kept


def _key(place: str) -> str:
    return f"{place}/file"
