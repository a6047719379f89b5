"""Addresses under which the inference service may fetch an artefact, for a minute.

The service has no secret and no account. It gets an address that is signed with a key derived from
the API's, names one artefact by its SHA-256, and soon expires.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from pathlib import Path

from augury.kit.clock import SECOND, now
from augury.kit.errors import NotFound, Refusal

VALID_SECONDS = 60
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PURPOSE = b"augury: links to artefacts"


class InvalidLink(Refusal):
    """The link was not signed here, or has expired."""

    code = "invalid_link"
    status = 403


class ArtifactLinks:
    """Signs links and follows them."""

    def __init__(self, secret_keys: Sequence[str], base_url: str, artifacts_dir: Path) -> None:
        """Derive the keys, which are good for nothing else; the first of them signs."""
        self._keys = [
            hmac.digest(secret.encode(), _PURPOSE, hashlib.sha256) for secret in secret_keys
        ]
        self._base_url = base_url.rstrip("/")
        self._artifacts_dir = artifacts_dir

    def link_of(self, sha256: str) -> str:
        """Return the address of an artefact, good for a minute."""
        expires = now() // SECOND + VALID_SECONDS
        signature = _signature(self._keys[0], sha256, expires)
        return f"{self._base_url}/v1/artifacts/{sha256}?expires={expires}&signature={signature}"

    def follow(self, sha256: str, expires: int, signature: str) -> Path:
        """Return the file that a link leads to; raises `InvalidLink` or `NotFound`."""
        good = [
            hmac.compare_digest(_signature(key, sha256, expires).encode(), signature.encode())
            for key in self._keys
        ]
        if not any(good) or expires < now() // SECOND or not _SHA256.fullmatch(sha256):
            raise InvalidLink
        for path in sorted(self._artifacts_dir.glob(f"{sha256}*")):
            # What is being written stands beside it under another name.
            if path.suffix != ".draft":
                return path
        raise NotFound


def _signature(key: bytes, sha256: str, expires: int) -> str:
    return hmac.new(key, f"{sha256} {expires}".encode(), hashlib.sha256).hexdigest()
