"""Who is signed in: token pairs that never leave this process except sealed in a cookie."""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TypeVar

from msgspec import Struct

from augury.client import ApiError, Client, Tokens, Unreachable

T = TypeVar("T")

_REFRESH_AHEAD_SECONDS = 30.0
_MOST_SESSIONS = 20_000
_GATES = 64
_LONGEST_AGENT = 300
_UNAUTHORISED = 401
_REFUSED = (400, 401, 403)


class Caller(Struct, frozen=True):
    """For whom a call is made: the language of refusals, the address that limits count.

    `agent` is what the browser calls itself.
    """

    language: str
    address: str | None = None
    agent: str | None = None

    def guest_of(self, api: Client) -> Client:
        """Return a client for what is done without being signed in."""
        return api.acting_as(None, self.language, self.address, self.agent)


def agent_of(headers: Mapping[str, str]) -> str | None:
    """Return what a browser calls itself, if it does so in a way that can be passed on."""
    agent = headers.get("User-Agent") or ""
    return agent[:_LONGEST_AGENT] if agent.isascii() and agent.isprintable() else None


class SignedOut(Exception):
    """The session is over: signed out elsewhere, revoked or expired."""


class Session:
    """One signed-in browser, shared by all of its tabs."""

    def __init__(
        self, session_id: str, api: Client, tokens: Tokens, now: Callable[[], float]
    ) -> None:
        """Hold `tokens`, fresh from the API."""
        self.id = session_id
        # Known as soon as somebody has asked the API.
        self.user_id: str | None = None
        self._api = api
        self._now = now
        self._lock = threading.Lock()
        self._ended = False
        self._keep(tokens)
        # The refresh token that the browser's cookie holds; a mismatch means: renew the cookie.
        self._delivered: str | None = None

    def call(self, work: Callable[[Client], T], caller: Caller) -> T:
        """Return `work` done with a client that is signed in; SignedOut when it cannot be."""
        client = self._client(caller)
        try:
            return work(client)
        except ApiError as refusal:
            if refusal.status != _UNAUTHORISED:
                raise
        # Revoked before its time, or our clock is off: one new token, one more try.
        client = self._client(caller, rejected=client.token)
        try:
            return work(client)
        except ApiError as refusal:
            if refusal.status == _UNAUTHORISED:
                raise SignedOut from refusal
            raise

    def refresh_token_for_cookie(self) -> str:
        """Return the refresh token for the cookie, and count it as delivered."""
        with self._lock:
            self._delivered = self._tokens.refresh_token
            return self._delivered

    @property
    def is_in_a_cookie(self) -> bool:
        """Whether this process has put the session into a browser's cookie."""
        with self._lock:
            return self._delivered is not None

    def cookie_is_stale(self) -> bool:
        """Return whether the browser holds an older refresh token than this process does."""
        with self._lock:
            return self._delivered != self._tokens.refresh_token

    def end(self) -> None:
        """Revoke the tokens; an API that is down cannot keep anybody signed in here."""
        with self._lock:
            self._ended = True
            client = self._api.acting_as(self._tokens.access_token)
            try:
                client.sign_out(self._tokens.refresh_token)
            except (ApiError, Unreachable):
                return

    def _client(self, caller: Caller, rejected: str | None = None) -> Client:
        token = self._access_token(caller, rejected)
        return self._api.acting_as(token, caller.language, caller.address, caller.agent)

    def _access_token(self, caller: Caller, rejected: str | None) -> str:
        # Tabs and reruns of one browser queue here: a refresh token sent twice looks stolen, and
        # the API would revoke the whole family.
        with self._lock:
            if self._ended:
                raise SignedOut
            is_fresh = self._now() < self._expires_at - _REFRESH_AHEAD_SECONDS
            if is_fresh and self._tokens.access_token != rejected:
                return self._tokens.access_token
            try:
                api = caller.guest_of(self._api)
                self._keep(api.refresh(self._tokens.refresh_token))
            except ApiError as refusal:
                if refusal.status in _REFUSED:
                    self._ended = True
                    raise SignedOut from refusal
                raise
            return self._tokens.access_token

    def _keep(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._expires_at = self._now() + tokens.expires_in


class Sessions:
    """All signed-in browsers of this process."""

    def __init__(self, api: Client, now: Callable[[], float] = time.monotonic) -> None:
        """Start with none; `api` is the way to the API."""
        self._api = api
        self._now = now
        self._lock = threading.Lock()
        # A handful shared by all: per-session locks would have to be tidied away safely.
        self._gates = tuple(threading.Lock() for _ in range(_GATES))
        self._live: OrderedDict[str, Session] = OrderedDict()
        self._over: OrderedDict[str, None] = OrderedDict()

    def start(self, tokens: Tokens) -> Session:
        """Return a new session for somebody who has just signed in."""
        return self._add(Session(secrets.token_urlsafe(24), self._api, tokens, self._now))

    def find(self, session_id: str) -> Session | None:
        """Return a session that lives in this process."""
        with self._lock:
            session = self._live.get(session_id)
            if session is not None:
                self._live.move_to_end(session_id)
            return session

    def restore(self, session_id: str, refresh_token: str, caller: Caller) -> Session | None:
        """Return the session of a sealed cookie, also after a restart; None when it is over."""
        # All tabs reconnect at once after a restart; the first one restores for the rest.
        with self._gates[hash(session_id) % _GATES]:
            return self.find(session_id) or self._revive(session_id, refresh_token, caller)

    def forget(self, session_id: str) -> None:
        """Drop a session that is over, and remember that it is."""
        with self._lock:
            self._live.pop(session_id, None)
            # Other tabs still hold its old cookie; asking the API with it would raise an alarm.
            self._over[session_id] = None
            while len(self._over) > _MOST_SESSIONS:
                self._over.popitem(last=False)

    def _revive(self, session_id: str, refresh_token: str, caller: Caller) -> Session | None:
        if self._is_over(session_id):
            return None
        try:
            api = caller.guest_of(self._api)
            tokens = api.refresh(refresh_token)
        except ApiError as refusal:
            if refusal.status not in _REFUSED:
                raise
            self.forget(session_id)
            return None
        session = Session(session_id, self._api, tokens, self._now)
        if self._is_over(session_id):
            # Signed out while the API was answering.
            session.end()
            return None
        return self._add(session)

    def _is_over(self, session_id: str) -> bool:
        with self._lock:
            return session_id in self._over

    def _add(self, session: Session) -> Session:
        with self._lock:
            self._live[session.id] = session
            while len(self._live) > _MOST_SESSIONS:
                self._live.popitem(last=False)
        return session
