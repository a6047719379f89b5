"""Publishing: the files, and what quarantine found about them."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import streamlit as st
from msgspec import Struct
from streamlit.runtime.uploaded_file_manager import UploadedFile

from augury.client import ApiError, Client, PublishedVersion
from augury.kit.texts import LANGUAGES, texts
from augury.ui.parts.deeds import keep, kept
from augury.ui.parts.elements import plain, say_about_files, show_refusal, show_table, show_way_to
from augury.ui.parts.shelf_choice import size_told
from augury.ui.reader import Reader
from augury.ui.theme import MOST_MODEL_MEGABYTES
from augury.ui.visit import Visit

_ARTIFACTS: Final = ("onnx", "cbm", "json")
_DIGITS: Final = 3
_ERROR_DIGITS: Final = 9
_SERVER_FAULTS: Final = 500
_CHECKED: Final = ("manifest", "file", "kind", "graph", "opening", "trial")


class _Files(Struct, frozen=True):
    """What is to be published."""

    manifest: UploadedFile
    artifact: UploadedFile
    cards: Mapping[str, UploadedFile]

    def order(self) -> str:
        """Return what tells these files from all others."""
        digest = hashlib.sha256()
        for one in (self.manifest, self.artifact, *self.cards.values()):
            digest.update(one.getbuffer())
        return digest.hexdigest()

    def text(self, language: str) -> str:
        """Return the card of a language, empty without one."""
        card = self.cards.get(language)
        return "" if card is None else card.getvalue().decode("utf-8", errors="replace")


def show_upload(visit: Visit, name: str | None) -> None:
    """Let a new model be published, or a new version of the one named, and tell the verdict."""
    reader = visit.reader
    st.markdown(reader.text("upload.of_model" if name is None else "upload.of_version"))
    answer: PublishedVersion | None = kept(subject_of(name))
    if answer is not None:
        _show_published(visit, answer, is_new=name is None)
    files = _choose(reader, name)
    if files is None:
        return
    if st.button(
        reader.text("upload.publish"),
        type="primary",
        icon=":material/upload:",
        key=f"upload/{name}/publish",
    ):
        _publish(visit, name, files)


def _choose(reader: Reader, name: str | None) -> _Files | None:
    # Streamlit's own words on the buttons exist in English only.
    refused = reader.text("file.refused", most=MOST_MODEL_MEGABYTES)
    say_about_files(reader.text("file.choose"), refused)
    # New fields after each upload: only then are the files out of memory.
    turn = f"upload/{name}/{st.session_state.get(_turn_key(name), 0)}"
    manifest = st.file_uploader(
        reader.text("upload.manifest"), type="json", key=f"{turn}/manifest", max_upload_size=1
    )
    artifact = st.file_uploader(
        reader.text("upload.artifact"),
        type=_ARTIFACTS,
        help=reader.text("upload.about_artifact", most=MOST_MODEL_MEGABYTES),
        key=f"{turn}/artifact",
        max_upload_size=MOST_MODEL_MEGABYTES,
    )
    cards = {}
    with st.expander(reader.text("upload.cards"), icon=":material/description:"):
        for language in LANGUAGES:
            card = st.file_uploader(
                reader.text("upload.card", language=reader.text(f"language.{language}")),
                type="md",
                key=f"{turn}/card/{language}",
                max_upload_size=1,
            )
            if card is not None:
                cards[language] = card
    if manifest is None or artifact is None:
        return None
    return _Files(manifest, artifact, cards)


def _publish(visit: Visit, name: str | None, files: _Files) -> None:
    reader = visit.reader
    order, last_key = files.order(), f"upload/{name}/last"
    # A second click interrupts the run of the first, whose files may be published already.
    last: tuple[str, PublishedVersion] | None = st.session_state.get(last_key)
    if last is None or last[0] != order:
        try:
            with st.spinner(reader.text("upload.working")):
                published = visit.ask(lambda api: _send(api, name, files))
        except ApiError as refusal:
            _show_refused(refusal, reader)
            return
        st.session_state[last_key] = last = (order, published)
    keep(subject_of(name), last[1])
    st.session_state[_turn_key(name)] = st.session_state.get(_turn_key(name), 0) + 1
    st.rerun()


def _send(api: Client, name: str | None, files: _Files) -> PublishedVersion:
    manifest, cards = (
        files.manifest.getvalue(),
        {f"card_{one}": files.text(one) for one in LANGUAGES},
    )
    files.artifact.seek(0)
    if name is not None:
        return api.registry.publish_version(name, manifest, files.artifact, **cards)
    known = _name_in(manifest)
    if known is not None and api.registry.model(known) is not None:
        return api.registry.publish_version(known, manifest, files.artifact, **cards)
    return api.registry.publish(manifest, files.artifact, **cards)


def _name_in(manifest: bytes) -> str | None:
    """Return the model's name as a manifest says it; what is no manifest the API explains."""
    try:
        told: Any = msgspec.json.decode(manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    name = told.get("name") if isinstance(told, dict) else None
    return name if isinstance(name, str) and name else None


def _show_refused(refusal: ApiError, reader: Reader) -> None:
    show_refusal(refusal, reader)
    if refusal.status < _SERVER_FAULTS:
        st.markdown(reader.text("upload.refused"))


def _show_published(visit: Visit, answer: PublishedVersion, *, is_new: bool) -> None:
    reader = visit.reader
    with st.container(border=True):
        told = reader.text("upload.published", name=answer.name, version=answer.version)
        st.success(plain(told), icon=":material/verified:")
        if answer.verdict is not None:
            show_verdict(answer.verdict, reader)
        st.markdown(reader.text("upload.next" if answer.version == 1 else "upload.next_version"))
        if is_new:
            show_way_to(
                visit.places["admin-models"],
                reader.text("shelf.open"),
                key="upload/open",
                query={"model": answer.name},
                is_primary=True,
            )


def show_verdict(verdict: Mapping[str, Any], reader: Reader) -> None:
    """Show what was checked, what was measured, and what this server could not do."""
    steps = [f":green[:material/check:] {reader.text(f'checked.{step}')}" for step in _CHECKED]
    if verdict.get("nodes") is None:
        del steps[_CHECKED.index("graph")]
    st.markdown("  \n".join(steps))
    rows = [
        (reader.text(f"verdict.{name}"), told)
        for name, told in _measures(verdict, reader).items()
        if told is not None
    ]
    show_table((reader.text("models.metric"), reader.text("models.value")), rows)
    # The same sentences as those of `augury publish`.
    sentences = texts("models", reader.language)
    for note in verdict.get("notes", ()):
        if note in sentences.keys:
            st.caption(f":material/info: {plain(sentences.text(note))}")


def _measures(verdict: Mapping[str, Any], reader: Reader) -> dict[str, str | None]:
    def shown(name: str, key: str, digits: int = _DIGITS) -> str | None:
        value = verdict.get(name)
        return None if value is None else reader.text(key, value=reader.rounded(value, digits))

    return {
        "runtime": plain(str(verdict.get("runtime", ""))),
        "artifact_bytes": size_told(reader, verdict.get("artifact_bytes", 0)),
        "nodes": shown("nodes", "unit.none"),
        "rows_tried": shown("rows_tried", "unit.none"),
        "self_test_error": shown("self_test_error", "unit.none", _ERROR_DIGITS),
        "latency_ms_one_row": shown("latency_ms_one_row", "unit.milliseconds"),
        "latency_ms_per_row_of_thousand": shown(
            "latency_ms_per_row_of_thousand", "unit.milliseconds"
        ),
        "reasons_ms_one_row": shown("reasons_ms_one_row", "unit.milliseconds"),
        "memory_mb_peak": shown("memory_mb_peak", "unit.megabytes", 1),
        "seconds": shown("seconds", "unit.seconds", 1),
    }


def subject_of(name: str | None) -> str:
    """Return under which subject the outcome of an upload is kept."""
    return f"upload/{name}"


def _turn_key(name: str | None) -> str:
    return f"upload/{name}/turn"
