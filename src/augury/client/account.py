"""What people do with their own account."""

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from augury.client.answers import Page, User
from augury.client.connection import Connection, path_of
from augury.client.transport import Patience


class Session(Struct, frozen=True):
    """Where somebody is signed in; `agent` is the program in short, `current` this session."""

    id: str
    created_at: datetime
    last_used_at: datetime
    address: str | None = None
    agent: str | None = None
    current: bool = False


class Ended(Struct, frozen=True):
    """How many sessions were ended."""

    ended_sessions: int


class AccountCalls:
    """The part of a client that is about the caller's account; it takes no API key."""

    def __init__(self, connection: Connection) -> None:
        """Speak through `connection`."""
        self._connection = connection

    def forgot_password(self, email: str) -> None:
        """Have a link sent to whoever has this address; nobody is told whether anybody has.

        ApiError `mail_not_configured` where no e-mail is sent.
        """
        body = {"email": email}
        path = "/v1/auth/password/forgot"
        self._connection.send("POST", path, json=body, anonymous=True)

    def reset_password(self, token: str, password: str) -> int:
        """Set a new password by a link's token, and return how many sessions that ended.

        ApiError `reset_link_invalid`, or `invalid_input` for a password that will not do.
        """
        body = {"token": token, "password": password}
        path = "/v1/auth/password/reset"
        answer = self._connection.call("POST", path, Ended, json=body, anonymous=True)
        return answer.ended_sessions

    def change_password(self, current: str, new: str) -> int:
        """Change the password, and return how many other sessions that ended.

        ApiError `wrong_password`.
        """
        body = {"current_password": current, "new_password": new}
        # Once: after the first time the present password is another one.
        once = Patience(attempts=1)
        answer = self._connection.call("PUT", "/v1/me/password", Ended, json=body, patience=once)
        return answer.ended_sessions

    def change_email(self, email: str, current_password: str) -> User:
        """Return the user with another address; ApiError `wrong_password` or `email_taken`."""
        body = {"current_password": current_password, "email": email}
        return self._connection.call("PUT", "/v1/me/email", User, json=body)

    def set_language(self, language: str) -> User:
        """Return the user, to whom e-mails and papers speak `en` or `ru` from now on."""
        return self._connection.call("PATCH", "/v1/me", User, json={"language": language})

    def sessions(self, *, limit: int = 50, cursor: str | None = None) -> Page[Session]:
        """Return one page of the sessions that go on, newest first."""
        params = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        return self._connection.call("GET", "/v1/me/sessions", Page[Session], params=params)

    def each_session(self) -> Iterator[Session]:
        """Yield all sessions that go on, newest first."""
        return self._connection.walk("/v1/me/sessions", Page[Session], {"limit": 200})

    def end_session(self, session_id: str) -> None:
        """End one session; ApiError `not_found` when it is over."""
        self._connection.send("DELETE", path_of("me", "sessions", session_id))

    def end_other_sessions(self) -> int:
        """End all sessions but this one, and return how many."""
        return self._connection.call("DELETE", "/v1/me/sessions", Ended).ended_sessions

    def close(self, password: str, *, forfeit_credits: bool = False) -> None:
        """Close the account for good.

        ApiError `wrong_password`, `account_busy`, `credits_left` or `last_administrator`.
        """
        body = {"password": password, "forfeit_credits": forfeit_credits}
        self._connection.send("DELETE", "/v1/me", json=body)
        self._connection.token = None
