"""Sealed texts: what a browser keeps for us and can neither read nor change."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

from itsdangerous import BadSignature, URLSafeTimedSerializer

_NONCE_BYTES = 16


class Sealer:
    """Seals and opens short texts under one secret."""

    def __init__(self, secret: str, purpose: str) -> None:
        """Derive the keys; texts sealed for another purpose do not open here."""
        self._mask_key = hmac.digest(secret.encode(), f"mask:{purpose}".encode(), "sha256")
        signing_key = hmac.digest(secret.encode(), f"sign:{purpose}".encode(), "sha256")
        self._signer = URLSafeTimedSerializer(
            signing_key, salt=purpose, signer_kwargs={"digest_method": hashlib.sha256}
        )

    def seal(self, text: str) -> str:
        """Return `text` masked and signed, fit for a cookie."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        masked = nonce + self._mask(nonce, text.encode())
        return self._signer.dumps(urlsafe_b64encode(masked).decode())

    def open(self, sealed: str, max_age_seconds: int) -> str | None:
        """Return the sealed text, or None when it is forged, too old or under another secret."""
        try:
            masked = urlsafe_b64decode(self._signer.loads(sealed, max_age=max_age_seconds))
        except (BadSignature, ValueError, TypeError):
            return None
        return self._mask(masked[:_NONCE_BYTES], masked[_NONCE_BYTES:]).decode()

    def _mask(self, nonce: bytes, data: bytes) -> bytes:
        # A keyed stream that is never used twice (fresh nonce), under a signature that is checked
        # first. The standard library has no cipher, and one token does not merit a dependency.
        stream = hashlib.shake_256(self._mask_key + nonce).digest(len(data))
        return bytes(left ^ right for left, right in zip(data, stream, strict=True))
