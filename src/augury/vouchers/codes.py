"""Codes: 80 random bits as people can read, dictate and type them."""

import base64
import hashlib
import re
import secrets

# Crockford's: no I, L, O or U, so that nothing looks like anything else.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_FROM_BASE32 = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", _ALPHABET)
_MISREAD = str.maketrans("OIL", "011")
_BYTES = 10
_GROUP = re.compile(r"(.{4})(?=.)")
# What people and their mail programs put between the groups: blanks and dashes of every length.
_SEPARATORS = re.compile(r"[\s\-\u00ad\u200b\u2010-\u2015\u2212]+")
_CODE = re.compile(rf"[{_ALPHABET}]{{16}}")
LONGEST_ENTERED = 64


def new_code() -> str:
    """Return a new code in groups of four, like `7Q2M-K4TZ-9WDX-03RF`."""
    random = base64.b32encode(secrets.token_bytes(_BYTES)).decode().translate(_FROM_BASE32)
    return _GROUP.sub(r"\1-", random)


def hash_of(entered: str) -> str | None:
    """Return the SHA-256 under which an entered code is stored; nothing if it can be no code.

    A plain hash is enough: there are too many codes to try, so nobody finds one from its hash.
    """
    code = _SEPARATORS.sub("", entered[:LONGEST_ENTERED].upper()).translate(_MISREAD)
    return hashlib.sha256(code.encode()).hexdigest() if _CODE.fullmatch(code) else None
