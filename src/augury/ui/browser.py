"""The few things that only the browser can do: post a form, remember a choice."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import streamlit as st

_DRAFTS: Final = (Path(__file__).parent / "assets" / "drafts.js").read_text("utf-8")


def go(path: str, fields: Mapping[str, str]) -> None:
    """Leave the page by posting `fields` to one of our own routes, which redirects further."""
    _run(
        "const form = document.createElement('form');"
        "form.method = 'post'; form.action = path;"
        "for (const [name, value] of Object.entries(fields)) {"
        "const input = document.createElement('input');"
        "input.type = 'hidden'; input.name = name; input.value = value; form.append(input); }"
        "document.body.append(form); form.submit();",
        path,
        fields,
    )


def tell(path: str, fields: Mapping[str, str]) -> None:
    """Post `fields` to one of our own routes and stay on the page."""
    _run(
        "fetch(path, {method: 'POST', body: new URLSearchParams(fields), keepalive: true});",
        path,
        fields,
    )


def reload() -> None:
    """Load the page anew, with the cookies that the browser has now."""
    _run("location.reload();", "", {})


def set_page_language(language: str) -> None:
    """Tell the browser, and screen readers, the page's language."""
    _run("document.documentElement.lang = fields.language;", "", {"language": language})


def keep_drafts() -> None:
    """Bring back what was typed into a form and not sent, when the form comes back."""
    st.html(f"<script>{_DRAFTS}</script>", width="content", unsafe_allow_javascript=True)


def _run(code: str, path: str, fields: Mapping[str, str]) -> None:
    # `<` as an escape, so that no value can close the script element.
    data = json.dumps({"path": path, "fields": dict(fields)}).replace("<", "\\u003c")
    script = f"<script>(() => {{ const {{path, fields}} = {data}; {code} }})()</script>"
    st.html(script, width="content", unsafe_allow_javascript=True)
