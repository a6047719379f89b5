"""The choice of one of a model's versions, and of the day from which something shall hold."""

from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Final

import streamlit as st

from augury.client import ModelOnShelf
from augury.kit.dates import read_date
from augury.ui.parts.elements import plain
from augury.ui.reader import Reader

_KILOBYTE: Final = 1024
_MEGABYTE: Final = 1024 * 1024


def choose_version(
    reader: Reader, model: ModelOnShelf, numbers: Sequence[int], key: str, label: str | None = None
) -> int:
    """Return the version that is chosen; the first of `numbers` unless another is."""
    return st.selectbox(
        label or reader.text("shelf.version"),
        numbers,
        format_func=lambda number: version_title(reader, model, number),
        filter_mode=None,
        # A choice may not outlive the versions that it was made from.
        key=f"shelf/{model.name}/{key}/{'-'.join(map(str, numbers))}",
    )


def numbers_of(model: ModelOnShelf) -> list[int]:
    """Return the numbers of all versions, the champion first and then the newest."""
    others = [one.version for one in model.versions if one.version != model.champion]
    return [model.champion, *others]


def size_told(reader: Reader, size_bytes: int) -> str:
    """Return the length of a file as people say it."""
    if size_bytes < _MEGABYTE:
        return reader.text("unit.kilobytes", value=reader.rounded(size_bytes / _KILOBYTE, 1))
    return reader.text("unit.megabytes", value=reader.rounded(size_bytes / _MEGABYTE, 1))


def version_title(reader: Reader, model: ModelOnShelf, number: int) -> str:
    """Return a version's number with what points to it, or that it is retired."""
    facts = [one.alias for one in model.aliases if one.version == number]
    if model.challenger is not None and model.challenger.version == number:
        facts.append(reader.text("shelf_part.trial").lower())
    if model.version(number).status == "retired":
        facts.append(reader.named("model_status", "retired").lower())
    title = reader.text("models.version", version=number)
    return f"{title} ({', '.join(facts)})" if facts else title


def ask_for_day(reader: Reader, key: str) -> tuple[datetime | None, bool]:
    """Return the first moment of the day that is typed, None for now; and whether it is a day."""
    typed = st.text_input(
        reader.text("shelf.from_day"),
        max_chars=20,
        placeholder=reader.text("shelf.from_now"),
        help=reader.text("shelf.about_from_day"),
        key=key,
        persist_state="session",
    )
    if not (typed or "").strip():
        return None, True
    day = read_date(typed.strip())
    moment = None if day is None else datetime.combine(day, time(), UTC)
    if moment is None or moment <= datetime.now(UTC):
        st.error(plain(reader.text("shelf.no_day", typed=typed)), icon=":material/event_busy:")
        return None, False
    return moment, True
