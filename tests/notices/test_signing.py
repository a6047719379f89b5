"""Signatures: the official library of Standard Webhooks takes ours and refuses every forgery."""

import time
from base64 import b64decode

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from augury.kit.ids import new_id
from augury.notices.signing import new_secret, signature_headers

BODY = '{"type":"ping","data":{"имя":"Анна"}}'.encode()


def signed(secret: str, *, id_: str = "event-1", age: int = 0) -> dict[str, str]:
    """Return the headers of the body as they are sent."""
    return signature_headers(secret, id_, int(time.time()) - age, BODY)


def test_a_signed_body_is_verified() -> None:
    """What we sign, the official library verifies, Cyrillic included."""
    for _ in range(20):
        secret = new_secret()
        assert Webhook(secret).verify(BODY, signed(secret))["data"] == {"имя": "Анна"}


def test_secrets_are_long_and_differ() -> None:
    """A secret is `whsec_` and base64 of 32 random bytes."""
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    for secret in secrets:
        assert secret.startswith("whsec_")
        assert len(b64decode(secret.removeprefix("whsec_"), validate=True)) == 32


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": new_id()},
        {"webhook-timestamp": str(int(time.time()) - 60)},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": ""},
    ],
)
def test_a_changed_header_is_refused(change: dict[str, str]) -> None:
    """Neither the id nor the time nor the signature can be another."""
    secret = new_secret()
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, signed(secret) | change)


def test_a_changed_body_is_refused() -> None:
    """A body with one byte more is not ours."""
    secret = new_secret()
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY + b" ", signed(secret))


def test_a_forged_secret_is_refused() -> None:
    """Somebody who knows everything but the secret cannot sign."""
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(BODY, signed(new_secret()))


def test_an_old_signature_is_refused() -> None:
    """A request that was recorded cannot be played again six minutes later."""
    secret = new_secret()
    with pytest.raises(WebhookVerificationError, match="too old"):
        Webhook(secret).verify(BODY, signed(secret, age=360))
