"""Tokens: access JWTs that are checked without the database, and the refresh tokens of sessions."""

import hashlib
import hmac
from collections import OrderedDict
from dataclasses import dataclass

import jwt

from augury.kit.clock import SECOND, now
from augury.kit.errors import Refusal

ACCESS_SECONDS = 15 * 60
REFRESH_SECONDS = 30 * 24 * 3600
_ISSUER = "augury"
_AUDIENCE = "augury-api"
_ALGORITHM = "HS256"
_MOST_REMEMBERED = 10_000
# The machine that issued a token may be ahead of ours, or our clock was put back. No token lives
# longer for it: `verify` has the last word about its end.
_CLOCKS_DIFFER_SECONDS = 60
# How every API key begins, and how many letters after that are no secret.
KEY_PREFIX = "aug_"
START_LETTERS = 12


class Unauthenticated(Refusal):
    """There is no valid access token."""

    code = "unauthenticated"
    status = 401


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is asking, as their access token or API key says; a key has scopes and no session."""

    user_id: str
    session_id: str
    role: str
    api_key_id: str | None = None
    scopes: frozenset[str] = frozenset()

    def may(self, scope: str) -> bool:
        """Tell whether a scope is open to them: all are to who has signed in."""
        return self.api_key_id is None or scope in self.scopes


class Tokens:
    """Makes and checks access tokens, with the present signing key and the one before it."""

    def __init__(self, secret_key: str, previous_secret_key: str = "") -> None:
        """Derive a key for each purpose; the secret itself signs nothing."""
        secrets = [secret for secret in (secret_key, previous_secret_key) if secret]
        keys = [_derive(secret, b"access") for secret in secrets]
        self._keys = {_key_id(key): key for key in keys}
        self._key_id = _key_id(keys[0])
        self._refresh_keys = [_derive(secret, b"refresh") for secret in secrets]
        self._verified: OrderedDict[str, tuple[Identity, int]] = OrderedDict()

    def issue(self, identity: Identity) -> str:
        """Return a new access token, valid for `ACCESS_SECONDS`."""
        issued_at = now() // SECOND
        claims = {
            "iss": _ISSUER,
            "aud": _AUDIENCE,
            "sub": identity.user_id,
            "sid": identity.session_id,
            "role": identity.role,
            "iat": issued_at,
            "exp": issued_at + ACCESS_SECONDS,
        }
        key = self._keys[self._key_id]
        return jwt.encode(claims, key, algorithm=_ALGORITHM, headers={"kid": self._key_id})

    def verify(self, token: str) -> Identity:
        """Return who a token speaks for; raises `Unauthenticated` when it is not valid now.

        A signature is checked once: tokens do not change, so the answer is remembered until the
        token expires.
        """
        remembered = self._verified.get(token)
        if remembered is None:
            remembered = self._check(token)
            self._verified[token] = remembered
            if len(self._verified) > _MOST_REMEMBERED:
                self._verified.popitem(last=False)
        identity, expires_at = remembered
        if expires_at <= now():
            self._verified.pop(token, None)
            raise Unauthenticated
        return identity

    def issue_refresh(self, session_id: str, generation: int) -> str:
        """Return the refresh token of a session's generation: only the newest one is good."""
        body = f"{session_id}.{generation}"
        return f"{body}.{hmac.digest(self._refresh_keys[0], body.encode(), 'sha256').hex()}"

    def read_refresh(self, token: str) -> tuple[str, int] | None:
        """Return session and generation of a refresh token that was issued here, else nothing.

        Old generations stay readable, so that a stolen copy is told from a guess.
        """
        body, _, signature = token.rpartition(".")
        session_id, _, generation = body.rpartition(".")
        genuine = [
            hmac.compare_digest(hmac.digest(key, body.encode(), "sha256").hex(), signature)
            for key in self._refresh_keys
            if signature.isascii()
        ]
        return (session_id, int(generation)) if any(genuine) else None

    def _check(self, token: str) -> tuple[Identity, int]:
        try:
            key = self._keys[jwt.get_unverified_header(token)["kid"]]
            claims = jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                audience=_AUDIENCE,
                issuer=_ISSUER,
                leeway=_CLOCKS_DIFFER_SECONDS,
                options={"require": ["exp", "iat", "sub", "sid", "role"]},
            )
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError) as error:
            raise Unauthenticated from error
        identity = Identity(claims["sub"], claims["sid"], claims["role"])
        return identity, int(claims["exp"]) * SECOND


def _derive(secret: str, purpose: bytes) -> bytes:
    return hmac.digest(secret.encode(), b"augury tokens: " + purpose, "sha256")


def _key_id(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:12]
