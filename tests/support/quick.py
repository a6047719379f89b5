"""What tests that are not about passwords need not wait for."""

import pytest
from pwdlib.hashers.bcrypt import BcryptHasher

from augury.users import passwords


def quicken_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash with bcrypt's least rounds: the same code, a thousandth of the time."""
    monkeypatch.setattr(passwords, "_bcrypt", BcryptHasher(rounds=4))
