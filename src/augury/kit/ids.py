"""Identifiers: UUID version 7, so that keys sort by time of birth and indexes grow at one end."""

import re

from uuid_utils import uuid7

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def new_id() -> str:
    """Return a new identifier as its canonical text of 36 characters."""
    return str(uuid7())


def is_id(text: str) -> bool:
    """Tell whether a text has the form of an identifier."""
    return _UUID.fullmatch(text) is not None
