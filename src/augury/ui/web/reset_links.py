"""Links for a new password: what comes in the address is moved into a cookie before any page.

Else it would stay in the history, and in the address that the page's own requests tell.
"""

import re
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from augury.ui.web.cookies import RESET_COOKIE

_PATH: Final = "/reset"
_TOKEN: Final = re.compile(r"[\w-]{1,200}", re.ASCII)
_SECONDS: Final = 30 * 60
_SEE_OTHER: Final = 303


class ResetLinks:
    """Answers the link of the e-mail, and passes everything else on."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the token out of the address."""
        is_page = scope["type"] == "http" and scope["path"] == _PATH and scope["method"] == "GET"
        token = Request(scope).query_params.get("token") if is_page else None
        if token is None:
            await self._app(scope, receive, send)
            return
        answer = RedirectResponse(_PATH, _SEE_OTHER, headers={"Cache-Control": "no-store"})
        if _TOKEN.fullmatch(token):
            answer.set_cookie(
                RESET_COOKIE,
                token,
                max_age=_SECONDS,
                httponly=True,
                samesite="lax",
                secure=scope["scheme"] == "https",
            )
        await answer(scope, receive, send)
