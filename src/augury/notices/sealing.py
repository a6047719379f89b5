"""Secrets of endpoints at rest: whoever reads the database alone cannot sign in our name."""

import hmac
from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from augury.settings import Settings

_NOT_OURS = (InvalidToken, ValueError)  # the second of what is not even text of that kind


class Unreadable(Exception):
    """The text was sealed under another key or for another owner, or somebody changed it."""


class Sealer:
    """Seals and opens short texts; what the previous key sealed opens too."""

    def __init__(self, secret_key: str, previous_secret_key: str = "") -> None:
        """Derive the keys: they are good for nothing that the signing key is used for."""
        keys = [_key(secret) for secret in (secret_key, previous_secret_key) if secret]
        self._present = keys[0]
        self._any = MultiFernet(keys)

    def seal(self, text: str, owner: str) -> str:
        """Return `text` sealed for its owner: moved to another row it does not open."""
        return self._present.encrypt(f"{owner} {text}".encode()).decode()

    def open(self, sealed: str, owner: str) -> str:
        """Return the sealed text, or raise `Unreadable`."""
        try:
            opened = self._any.decrypt(sealed).decode()
        except _NOT_OURS:
            raise Unreadable from None
        named, _, text = opened.partition(" ")
        if named != owner:
            raise Unreadable
        return text

    def renewed(self, sealed: str) -> str | None:
        """Return the same sealed under the present key, or nothing when it is, or is unreadable."""
        try:
            self._present.decrypt(sealed)
        except _NOT_OURS:
            pass
        else:
            return None
        try:
            return self._any.rotate(sealed).decode()
        except _NOT_OURS:
            return None


def _key(secret: str) -> Fernet:
    return Fernet(urlsafe_b64encode(hmac.digest(secret.encode(), b"webhook secrets", "sha256")))


def sealer_of(settings: Settings) -> Sealer:
    """Return the sealer of a house."""
    return Sealer(
        settings.secret_key.get_secret_value(), settings.previous_secret_key.get_secret_value()
    )
