"""The cabinet's process: Streamlit as an ASGI application, with our routes beside its own."""

import logging
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import streamlit as st

from augury.ui.mishap import show_mishap
from augury.ui.theme import streamlit_config
from augury.ui.web.downloads import DOWNLOADS
from augury.ui.web.headers import MIDDLEWARE
from augury.ui.web.hub import new_client, open_hub
from augury.ui.web.queues import keep_answers
from augury.ui.web.routes import ROUTES
from augury.ui.web.uploads import UPLOADS

_HERE = Path(__file__).parent


def run(host: str, port: int, api_url: str, secret: str, public_api_url: str | None = None) -> None:
    """Serve the cabinet until SIGTERM or SIGINT.

    `api_url` is where this process finds the API; `public_api_url` is where the visitor's browser
    does, and None when it does not. `secret` seals the cookies: with the same one people stay
    signed in across restarts.
    """
    # Streamlit puts the folder of argv[0] first on the import path; none of ours that holds
    # modules may stand there, or `import client` would find one.
    sys.argv = [str(_HERE / "assets" / "augury-ui")]
    _at_an_order_to_stop(_end)
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    with new_client(api_url) as api:
        open_hub(api, secret, public_api_url)
        keep_answers()
        app = st.App(
            _HERE / "script.py",
            routes=[*ROUTES, *DOWNLOADS],
            middleware=[*MIDDLEWARE, *UPLOADS],
            on_script_error=show_mishap,
        )
        app.run(config=streamlit_config(host, port))


def _end(_number: int, _frame: FrameType | None) -> None:
    # The server drains first and then raises the signal again: this runs when all is closed. Who
    # orders it once more meanwhile should not break off the end.
    _at_an_order_to_stop(signal.SIG_IGN)
    sys.exit(0)


def _at_an_order_to_stop(what: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, what)
