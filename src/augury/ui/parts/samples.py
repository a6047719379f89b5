"""The same order in curl and in Python, with exactly the row that was sent."""

import json
import shlex
from collections.abc import Mapping
from pprint import pformat
from textwrap import indent
from typing import Any, Final

import streamlit as st

from augury.ui.visit import Visit
from augury.ui.web.hub import hub

_WIDTH: Final = 76


def show_samples(visit: Visit, model: str, row: Mapping[str, Any], *, explain: bool) -> None:
    """Show the order as programs would place it; nothing where nobody knows the API's address."""
    address = hub().public_api_url
    if not address:
        return
    reader = visit.reader
    with st.expander(reader.text("samples.title"), icon=":material/terminal:"):
        st.markdown(reader.text("samples.about"))
        st.markdown("**curl**")
        st.code(in_curl(address, model, row, explain=explain), language="bash", wrap_lines=True)
        st.markdown("**Python**")
        st.code(in_python(address, model, row, explain=explain), language="python", wrap_lines=True)


def in_curl(address: str, model: str, row: Mapping[str, Any], *, explain: bool) -> str:
    """Return a command for a shell; the key comes from its environment."""
    order = {"model": model, "inputs": [dict(row)]} | ({"explain": True} if explain else {})
    url = shlex.quote(f"{address.rstrip('/')}/v1/predictions")
    body = shlex.quote(json.dumps(order, ensure_ascii=False))
    return (
        f"curl -sS {url} \\\n"
        '  -H "Authorization: Bearer $AUGURY_API_KEY" \\\n'
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d {body}"
    )


def in_python(address: str, model: str, row: Mapping[str, Any], *, explain: bool) -> str:
    """Return a program; the key comes from its environment."""
    shown = indent(pformat(dict(row), width=_WIDTH, sort_dicts=False), " " * 8)
    reasons = "        explain=True,\n" if explain else ""
    return (
        "import os\n\n"
        "from augury.client import Client\n\n"
        f'with Client({address!r}, os.environ["AUGURY_API_KEY"]) as augury:\n'
        "    sold = augury.predict(\n"
        f"        {model!r},\n"
        f"{shown},\n"
        f"{reasons}"
        "    )\n"
        "    print(sold.outputs)\n"
    )
