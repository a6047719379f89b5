"""Mails as the rooms ask for them, with all their values."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import msgspec

from augury.kit.clock import SECOND
from augury.kit.ids import new_id
from augury.notices.leases import Parcel

FROM = "Augury <billing@augury.test>"
CABINET = "https://cabinet.test/top-up"
LOW = {"available": 12345, "alert_below": 20000}
TOP_UP = {
    "id": "0199",
    "credits": 5000,
    "money": {"amount_minor": 475050, "currency": "RUB"},
    "refunded": {"credits": 1000, "money": {"amount_minor": 95000, "currency": "RUB"}},
    "reason": None,
    "checkout_url": None,
}
# Every mail there is, with values as the rooms give them.
MAILS: dict[str, dict[str, Any]] = {
    "balance_low": LOW,
    "top_up_succeeded": TOP_UP,
    "top_up_refunded": TOP_UP,
    "automatic_top_up_failed": TOP_UP | {"reason": "card_declined"},
    "password_reset": {"minutes": 30, "secret": "dGhlIHBhcnQgYWZ0ZXIgdG9rZW49"},
    "password_changed": {"secret": ""},
    "email_changed": {"secret": ""},
    "endpoint_disabled": {"id": "0199", "url": "https://example.com/hook"},
    "model_drifted": {
        "model": "credit-catboost",
        "version": 2,
        "level": "alert",
        "rows": 12345,
        "subjects": [],
        "summary": "person_age: alert; PSI 0.312; NULL 0.1% → 4.0%",
    },
}


def letter(mail: str = "balance_low", data: dict[str, Any] | None = None) -> Parcel:
    """Return a mail that is due."""
    body = msgspec.json.encode({"mail": mail, "data": MAILS[mail] if data is None else data})
    moment = 1_770_000_000 * SECOND + 5
    return Parcel(new_id(), new_id(), None, new_id(), body.decode(), 1, 0, moment, "", "")


def read(raw: bytes) -> EmailMessage:
    """Return a message as a mailbox reads it."""
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message
