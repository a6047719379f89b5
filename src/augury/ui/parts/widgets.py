"""One widget for each kind of field, and what the visitor put in."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

import streamlit as st

from augury.ui.parts.elements import plain
from augury.ui.parts.fields import Field
from augury.ui.reader import Reader

_SCREENFUL: Final = 12
_SEEDED_KEY: Final = "form/seeded"
# What was typed outlives a switch of pages, and a page not drawn because the API was away.
_KEPT: Final = "session"
# The overloads have no case for a step whose type is known only when it runs.
_number_input = cast("Callable[..., float | None]", st.number_input)


def draw_form(
    fields: Sequence[Field], reader: Reader, key_prefix: str
) -> tuple[dict[str, Any], list[Field]]:
    """Draw the fields two abreast; return the row so far and the fields that were left empty."""
    row: dict[str, Any] = {}
    empty: list[Field] = []
    for start in range(0, len(fields), 2):
        pair = fields[start : start + 2]
        for column, field in zip(st.columns(2), pair, strict=False):
            with column:
                value = _draw(field, reader, f"{key_prefix}/{field.name}")
            if value is not None:
                row[field.name] = value
            elif field.nullable:
                row[field.name] = None
            elif field.required:
                empty.append(field)
    return row, empty


def _draw(field: Field, reader: Reader, key: str) -> Any:
    label = plain(f"{field.title}, {field.unit}" if field.unit else field.title)
    help_text = _help(field, reader)
    if field.kind == "choice":
        return _draw_choice(field, label, help_text, key, reader)
    if field.kind == "flag":
        return st.toggle(
            label, value=bool(field.example), help=help_text, key=key, persist_state=_KEPT
        )
    if field.kind == "text":
        example = str(field.example) if field.example is not None else ""
        text = st.text_input(
            label,
            value=example,
            max_chars=field.max_length,
            help=help_text,
            key=key,
            persist_state=_KEPT,
        )
        return (text or "").strip() or None
    return _draw_number(field, label, help_text, key, reader)


def _draw_choice(field: Field, label: str, help_text: str | None, key: str, reader: Reader) -> Any:
    # The values and not the titles are the options: they survive a switch of language.
    titles = {choice.value: choice.title for choice in field.choices}
    values = list(titles)
    example = field.example if field.example in titles else None
    if field.nullable:
        _seed(key, example)
    return st.selectbox(
        label,
        values,
        index=None if field.nullable or example is None else values.index(example),
        format_func=lambda value: titles.get(value, str(value)),
        placeholder=reader.text("form.unknown" if field.nullable else "form.choose"),
        help=help_text,
        key=key,
        persist_state=_KEPT,
        filter_mode=None if len(values) < _SCREENFUL else "fuzzy",
    )


def _draw_number(
    field: Field, label: str, help_text: str | None, key: str, reader: Reader
) -> float | int | None:
    empty = reader.text("form.unknown") if field.nullable else None
    example = field.example if _is_number(field.example) else None
    # Streamlit wants all of a widget's numbers to be of one type.
    kind = int if field.kind == "integer" else float
    _seed(key, _as(kind, example))
    return _number_input(
        label,
        # No bounds here: Streamlit would explain them in English. The API does in the reader's
        # language, for nothing, and it is the judge anyway.
        min_value=None,
        max_value=None,
        value=None,
        step=_as(kind, field.step or _step(field)),
        # The shortest form: 50000 and 0.2, not 50000.00 and 0.20.
        format="%d" if kind is int else "%g",
        placeholder=empty,
        help=help_text,
        key=key,
        persist_state=_KEPT,
    )


def _seed(key: str, example: object) -> None:
    # Not as the widget's default: emptying such a widget brings the default back, and somebody
    # who meant "not known" would pay for a prediction about the example.
    seeded: set[str] = st.session_state.setdefault(_SEEDED_KEY, set())
    if key not in seeded:
        seeded.add(key)
        st.session_state[key] = example


def _step(field: Field) -> float:
    """Return a step that is felt: a tenth of the example's order of magnitude."""
    least = 1.0 if field.kind == "integer" else 0.01
    if not _is_number(field.example) or not field.example:
        return least
    return max(least, 10.0 ** (math.floor(math.log10(abs(field.example))) - 1))


def _as(kind: type[int] | type[float], value: float | None) -> float | None:
    return None if value is None else kind(value)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _help(field: Field, reader: Reader) -> str | None:
    parts = [plain(field.description)] if field.description else []
    bounds: Mapping[str, str] = {
        name: reader.number(bound)
        for name, bound in (("low", field.minimum), ("high", field.maximum))
        if bound is not None
    }
    if len(bounds) == 2:  # noqa: PLR2004 - both ends
        parts.append(reader.text("form.range", **bounds))
    elif "low" in bounds:
        parts.append(reader.text("form.at_least", **bounds))
    elif "high" in bounds:
        parts.append(reader.text("form.at_most", **bounds))
    if field.nullable:
        parts.append(reader.text("form.may_be_empty"))
    return " ".join(parts) or None
