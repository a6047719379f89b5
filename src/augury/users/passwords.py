"""Passwords: which are good enough, and how they are stored."""

import base64
import hashlib
from functools import cache

from pwdlib.hashers.bcrypt import BcryptHasher
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from augury.kit.errors import Fault

MINIMUM_LENGTH = 10
MAXIMUM_LENGTH = 128
# The two keyboards of one key: "йцукенгшщз" is "qwertyuiop" typed without looking.
_LATIN_OF_CYRILLIC_KEY = str.maketrans(
    "йцукенгшщзхъфывапролджэячсмитьбюё", "qwertyuiop[]asdfghjkl;'zxcvbnm,.`"
)
_bcrypt = BcryptHasher(rounds=12)
# Of random bytes that nobody kept: checked for names that do not exist, so that they take as long.
_NOBODYS_HASH = "$2b$12$yV/RmR2Ttz3aSjOLQrO4d.xd9.guaZuG4.g3tjx72aYjQ94pjKxja"


def faults_of(password: str, username: str) -> list[Fault]:
    """Return what is wrong with a new password, with pointer `/password`; empty when it is fine."""

    def fault(key: str) -> list[Fault]:
        values: dict[str, object] = {"minimum": MINIMUM_LENGTH, "maximum": MAXIMUM_LENGTH}
        return [Fault("/password", key, values)]

    if not MINIMUM_LENGTH <= len(password) <= MAXIMUM_LENGTH:
        return fault("fault.password_length")
    if password.casefold() == username.casefold():
        return fault("fault.password_is_username")
    if password.casefold().translate(_LATIN_OF_CYRILLIC_KEY) in _common_passwords():
        return fault("fault.password_common")
    return []


def hash_password(password: str) -> str:
    """Return the bcrypt hash to store. Takes a quarter of a second of CPU on purpose."""
    return _bcrypt.hash(_digest(password))


def matches(password: str, stored: str | None) -> bool:
    """Tell whether a password fits a stored hash; without a hash, false after the same time."""
    fits = _bcrypt.verify(_digest(password), stored or _NOBODYS_HASH)
    return fits and stored is not None


def _digest(password: str) -> str:
    # bcrypt looks at 72 bytes and no further, which is 36 Cyrillic letters; hashing first makes
    # every letter count. Base64, because bcrypt stops at a zero byte.
    return base64.b64encode(hashlib.sha384(password.encode()).digest()).decode()


@cache
def _common_passwords() -> frozenset[str]:
    return frozenset(FREQUENCY_LISTS["passwords"])
