"""Identifiers: UUID version 7, so that keys sort by time of birth and indexes grow at one end."""

import re

from uuid_utils import uuid7

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def new_id() -> str:
    """Return a new identifier as its canonical text of 36 characters."""
    return str(uuid7())


def first_id(moment: int) -> str:
    """Return an identifier below all that are born at a moment (microseconds) or later."""
    born = f"{moment // 1000:012x}"
    return f"{born[:8]}-{born[8:]}-7000-8000-000000000000"


def is_id(text: str) -> bool:
    """Tell whether a text has the form of an identifier."""
    return _UUID.fullmatch(text) is not None
