"""The few things that only the browser can do: post a form, remember a choice."""

import json
from collections.abc import Mapping

import streamlit as st


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


def set_page_language(language: str) -> None:
    """Tell the browser, and screen readers, the page's language."""
    _run("document.documentElement.lang = fields.language;", "", {"language": language})


def keep_links_in_this_tab() -> None:
    """Let link buttons lead on in the same tab: Streamlit's own way is a new one."""
    _run(
        "if (window.auguryLinks) return; window.auguryLinks = true;"
        "document.addEventListener('click', (event) => {"
        "const link = event.target.closest('[data-testid=stLinkButton] a');"
        "if (link) link.target = '_self'; }, true);",
        "",
        {},
    )


def _run(code: str, path: str, fields: Mapping[str, str]) -> None:
    # `<` as an escape, so that no value can close the script element.
    data = json.dumps({"path": path, "fields": dict(fields)}).replace("<", "\\u003c")
    script = f"<script>(() => {{ const {{path, fields}} = {data}; {code} }})()</script>"
    st.html(script, width="content", unsafe_allow_javascript=True)
