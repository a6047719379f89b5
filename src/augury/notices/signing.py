"""Signatures of webhooks, as standardwebhooks.com has them: any of its libraries verifies ours."""

import hmac
import secrets
from base64 import b64decode, b64encode

_PREFIX = "whsec_"
_SECRET_BYTES = 32


def new_secret() -> str:
    """Return a new secret for an endpoint: `whsec_` and base64 of random bytes."""
    return _PREFIX + b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signature_headers(secret: str, event_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers that prove a body ours; `timestamp` is in seconds."""
    key = b64decode(secret.removeprefix(_PREFIX))
    signed = hmac.digest(key, f"{event_id}.{timestamp}.".encode() + body, "sha256")
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{b64encode(signed).decode()}",
    }
