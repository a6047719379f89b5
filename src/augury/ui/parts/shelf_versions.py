"""A model's versions side by side, what points to them, and what can be done about each."""

import re
from typing import Final

import streamlit as st

from augury.client import ModelOnShelf, ModelVersion
from augury.ui.parts.deeds import ask_first, carry_out
from augury.ui.parts.elements import plain, show_table
from augury.ui.parts.shelf_choice import (
    ask_for_day,
    choose_version,
    numbers_of,
    size_told,
    version_title,
)
from augury.ui.parts.shelf_upload import show_upload, show_verdict
from augury.ui.reader import Reader
from augury.ui.visit import Visit

_CHAMPION: Final = "champion"
_MEASURES: Final = (
    "roc_auc",
    "average_precision",
    "brier",
    "log_loss",
    "expected_calibration_error",
    "rows",
)
_DIGITS: Final = 4
_ALIAS: Final = re.compile(r"[a-z][a-z0-9-]{0,63}", re.ASCII)


def show_versions(visit: Visit, model: ModelOnShelf) -> None:
    """Show versions, aliases, the moves of both, the verdicts, and the way to a new version."""
    reader = visit.reader
    st.header(reader.text("shelf_part.versions"), anchor=False)
    _show_table(model, reader)
    _show_champion_move(visit, model)
    _show_aliases(visit, model)
    _show_version(visit, model)
    st.header(reader.text("upload.version_title"), anchor=False)
    show_upload(visit, model.name)


def _show_table(model: ModelOnShelf, reader: Reader) -> None:
    """Show a column for each version: numbers to be compared stand beside each other."""
    titles = [version_title(reader, model, one.version) for one in model.versions]
    facts = {
        reader.text("shelf.price"): [reader.number(one.price) for one in model.versions],
        reader.text("shelf.published"): [_published(one, reader) for one in model.versions],
        reader.text("verdict.runtime"): [plain(one.runtime) for one in model.versions],
        reader.text("verdict.artifact_bytes"): [
            size_told(reader, one.artifact_bytes) for one in model.versions
        ],
        reader.text("shelf.loaded"): [_loaded(one, reader) for one in model.versions],
    }
    for name in _MEASURES:
        found = [(one.metrics or {}).get(name) for one in model.versions]
        if any(value is not None for value in found):
            facts[reader.named("metric", name)] = [
                "" if value is None else reader.rounded(value, _DIGITS) for value in found
            ]
    show_table(("", *map(plain, titles)), [(name, *cells) for name, cells in facts.items()])


def _published(one: ModelVersion, reader: Reader) -> str:
    return "" if one.published_at is None else reader.moment(one.published_at)


def _loaded(one: ModelVersion, reader: Reader) -> str:
    if one.loaded is None:
        return "–"
    return reader.text("shelf.yes" if one.loaded else "shelf.no")


def _show_champion_move(visit: Visit, model: ModelOnShelf) -> None:
    reader = visit.reader
    st.header(reader.text("champion.title"), anchor=False)
    st.markdown(reader.text("champion.introduction", version=model.champion))
    for one in model.aliases:
        if one.alias == _CHAMPION and one.begins_at is not None:
            begins = reader.moment(one.begins_at)
            told = reader.text("alias.moves", moment=begins, version=one.next_version)
            st.info(plain(told), icon=":material/schedule:")
    others = [
        one.version
        for one in model.versions
        if one.version != model.champion and one.status == "active"
    ]
    if not others:
        st.caption(reader.text("champion.no_other"))
        return
    number = choose_version(reader, model, others, "champion", reader.text("champion.which"))
    moment, is_day = ask_for_day(reader, f"champion/{model.name}/day")
    if not is_day:
        return
    effect = _effect_of_move(reader, model, number)
    if moment is not None:
        effect = f"{plain(reader.text('shelf.effect_from', moment=reader.moment(moment)))} {effect}"
    deed = f"champion/{model.name}"
    label = reader.text("champion.move", version=number)
    if ask_first(
        reader, deed, label, effect, order=f"{number}/{moment}", icon=":material/swap_horiz:"
    ):
        carry_out(
            visit,
            deed,
            model.name,
            lambda api: api.registry.move_alias(model.name, _CHAMPION, number, begins_at=moment),
            lambda _now: (
                reader.text("champion.moved", before=model.champion, version=number)
                if moment is None
                else reader.text("alias.moves", moment=reader.moment(moment), version=number)
            ),
        )


def _effect_of_move(reader: Reader, model: ModelOnShelf, number: int) -> str:
    before, after = model.version(model.champion), model.version(number)
    key = "champion.effect" if before.price == after.price else "champion.effect_with_price"
    return reader.text(
        key,
        version=number,
        before=model.champion,
        old=plain(reader.count("credits", before.price)),
        new=plain(reader.count("credits", after.price)),
    )


def _show_aliases(visit: Visit, model: ModelOnShelf) -> None:
    reader = visit.reader
    with st.expander(reader.text("alias.title"), icon=":material/label:"):
        st.markdown(reader.text("alias.introduction", name=plain(model.name)))
        for one in model.aliases:
            if one.alias != _CHAMPION:
                st.markdown(f"**{plain(one.alias)}** → {version_title(reader, model, one.version)}")
                _show_drop(visit, model, one.alias)
        _show_new_alias(visit, model)


def _show_drop(visit: Visit, model: ModelOnShelf, alias: str) -> None:
    reader = visit.reader
    deed = f"alias/{model.name}/{alias}/drop"
    effect = reader.text("alias.drop_effect", alias=plain(alias))
    label = reader.text("alias.drop", alias=plain(alias))
    if ask_first(reader, deed, label, effect, icon=":material/label_off:"):
        carry_out(
            visit,
            deed,
            model.name,
            lambda api: api.registry.drop_alias(model.name, alias),
            lambda _now: reader.text("alias.dropped", alias=alias),
        )


def _show_new_alias(visit: Visit, model: ModelOnShelf) -> None:
    reader = visit.reader
    typed = st.text_input(
        reader.text("alias.name"),
        max_chars=64,
        help=reader.text("alias.about_name"),
        key=f"alias/{model.name}/name",
        persist_state="session",
    )
    active = [one.version for one in model.versions if one.status == "active"]
    number = choose_version(reader, model, active, "alias")
    alias = (typed or "").strip()
    if not alias:
        return
    if not _ALIAS.fullmatch(alias) or alias == _CHAMPION:
        st.error(reader.text("alias.no_name"), icon=":material/error:")
        return
    deed = f"alias/{model.name}/set"
    effect = reader.text("alias.effect", bought=plain(f"{model.name}@{alias}"), version=number)
    if ask_first(reader, deed, reader.text("alias.set"), effect, order=f"{alias}/{number}"):
        carry_out(
            visit,
            deed,
            model.name,
            lambda api: api.registry.move_alias(model.name, alias, number),
            lambda _now: reader.text("alias.is_set", alias=alias, version=number),
        )


def _show_version(visit: Visit, model: ModelOnShelf) -> None:
    reader = visit.reader
    st.header(reader.text("version.title"), anchor=False)
    number = choose_version(reader, model, numbers_of(model), "version")
    version = model.version(number)
    if version.verdict is None:
        st.markdown(reader.text("version.no_verdict"))
    else:
        show_verdict(version.verdict, reader)
    st.caption(plain(f"SHA-256 {version.digest}"))
    is_retired = version.status == "retired"
    deed = f"version/{model.name}/{number}"
    todo = "bring_back" if is_retired else "retire"
    label = reader.text(f"version.{todo}", version=number)
    effect = reader.text(f"version_effect.{todo}", version=number)
    if ask_first(reader, deed, label, effect, order=version.status):
        carry_out(
            visit,
            deed,
            model.name,
            lambda api: api.registry.set_version_status(
                model.name, number, "active" if is_retired else "retired"
            ),
            lambda _now: reader.text(
                "version.is_back" if is_retired else "version.is_retired", version=number
            ),
        )
