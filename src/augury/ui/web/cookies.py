"""The cookies: who is signed in, which language the reader chose, a link for a new password."""

from typing import Final

import msgspec
from msgspec import Struct

from augury.kit.decoding import decode
from augury.ui.web.hub import Hub
from augury.ui.web.sealing import Sealer
from augury.ui.web.sessions import Caller, Session

SESSION_COOKIE: Final = "augury_session"
LANGUAGE_COOKIE: Final = "augury_language"
RESET_COOKIE: Final = "augury_reset"
MAX_AGE_SECONDS: Final = 30 * 24 * 3600


class _Contents(Struct, array_like=True):
    session_id: str
    refresh_token: str


def session_cookie(hub: Hub, session: Session) -> str:
    """Return the cookie for `session`: its id and, for after a restart, its refresh token."""
    return sealed(hub.sealer, session.id, session.refresh_token_for_cookie())


def sealed(sealer: Sealer, session_id: str, refresh_token: str) -> str:
    """Return the cookie for a session's id and its refresh token."""
    return sealer.seal(msgspec.json.encode(_Contents(session_id, refresh_token)).decode())


def session_of(hub: Hub, cookie: str | None, caller: Caller) -> Session | None:
    """Return the session that a cookie stands for, or None; Unreachable when the API must say."""
    text = hub.sealer.open(cookie, MAX_AGE_SECONDS) if cookie else None
    if text is None:
        return None
    contents = decode(text, _Contents)
    return hub.sessions.find(contents.session_id) or hub.sessions.restore(
        contents.session_id, contents.refresh_token, caller
    )


def session_id_of(hub: Hub, cookie: str | None) -> str | None:
    """Return the session id in a cookie without asking whether it still lives."""
    text = hub.sealer.open(cookie, MAX_AGE_SECONDS) if cookie else None
    return decode(text, _Contents).session_id if text else None
