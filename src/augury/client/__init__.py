"""Typed Python client of Augury's public API: everything a customer can do, in one import."""

from augury.client.answers import (
    Balance,
    Charge,
    Health,
    Me,
    Model,
    Page,
    Prediction,
    PredictionWarning,
    Quote,
    Tokens,
    Transaction,
    User,
)
from augury.client.errors import ApiError, ClientError, FieldError, Unreachable
from augury.client.sdk import Client
from augury.client.transport import Patience

__all__ = [
    "ApiError",
    "Balance",
    "Charge",
    "Client",
    "ClientError",
    "FieldError",
    "Health",
    "Me",
    "Model",
    "Page",
    "Patience",
    "Prediction",
    "PredictionWarning",
    "Quote",
    "Tokens",
    "Transaction",
    "Unreachable",
    "User",
]
