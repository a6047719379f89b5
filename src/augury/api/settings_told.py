"""Every setting as administrators may see it: no secret leaves the process.

What is a secret is not decided here by its name: it is one by its type, `SecretStr`, and whatever
stands where addresses have names, passwords and parameters is one, too.
"""

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import SecretStr
from pydantic_settings import BaseSettings

HIDDEN = "***"
# `command`: from a switch, or worked out at the start from other settings.
Origin = Literal["environment", "file", "command", "default"]

# `user:password@` of an address, with or without a scheme; up to the last `@`, for a password may
# have one, or a slash.
_NAMED = re.compile(r"(?<=//).*@|^(?!\w+://)[^\s,/@<]+:.*@")
_PARAMETERS = re.compile(r"(?<=[^\s,?#])[?#][^\s,]+")


class Told(NamedTuple):
    """A setting; a secret has no value, only whether there is one."""

    name: str
    value: str | None
    is_secret: bool
    is_set: bool
    origin: Origin
    about: str


def told(settings: Sequence[BaseSettings], secrets_dir: str) -> Iterator[Told]:
    """Yield every setting of these objects, in their order."""
    files = _files(secrets_dir)
    for one in settings:
        prefix = one.model_config.get("env_prefix", "")
        for field, info in type(one).model_fields.items():
            name = f"{prefix}{field}".upper()
            value = getattr(one, field)
            is_default = value == info.get_default(call_default_factory=True)
            origin = _origin(name, files, is_default=is_default)
            is_secret = isinstance(value, SecretStr)
            is_set = bool(value.get_secret_value()) if is_secret else value not in ("", None, [])
            shown = None if is_secret else masked(value)
            yield Told(name, shown, is_secret, is_set, origin, info.description or "")


def masked(value: Any) -> str:
    """Return a value in writing, without what an address may keep secret."""
    if isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, list):
        return ", ".join(masked(part) for part in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _PARAMETERS.sub(f"?{HIDDEN}", _NAMED.sub(f"{HIDDEN}@", value))
    return "" if value is None else str(value)


def _origin(name: str, files: frozenset[str], *, is_default: bool) -> Origin:
    # Files are made variables at the start, unless there is a variable already.
    if name in files:
        return "file"
    if any(each.upper() == name for each in os.environ):
        return "environment"
    return "default" if is_default else "command"


def _files(secrets_dir: str) -> frozenset[str]:
    if not secrets_dir:
        return frozenset()
    try:
        return frozenset(path.name.upper() for path in Path(secrets_dir).iterdir())
    except OSError:
        return frozenset()
