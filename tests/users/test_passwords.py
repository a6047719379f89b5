"""Passwords: which are taken, and that every letter of them counts."""

import pytest
from pwdlib.hashers.bcrypt import BcryptHasher

from augury.users import passwords


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("", "fault.password_length"),
        ("a" * 9, "fault.password_length"),
        ("correct horse" * 10, "fault.password_length"),
        ("anna.petrova", "fault.password_is_username"),
        ("ANNA.Petrova", "fault.password_is_username"),
        ("qwertyuiop", "fault.password_common"),
        ("QWERTYuiop", "fault.password_common"),
        ("1234567890", "fault.password_common"),
        ("йцукенгшщз", "fault.password_common"),
        ("ЙЦУКЕНгшщз", "fault.password_common"),
        ("зфыыцщкв123", "fault.password_common"),
    ],
)
def test_a_bad_password_is_told_why(password: str, fault: str) -> None:
    """Too short, too long, the user name, and common ones, also typed on the Russian layout."""
    (found,) = passwords.faults_of(password, "anna.petrova")
    assert (found.pointer, found.key) == ("/password", fault)


@pytest.mark.parametrize(
    "password",
    [
        "a b c d e ",
        "correct horse",
        "лошадь верно",
        "x" * 10 + "y" * 118,
        "🙂🙃" * 5,
        "пароль, которого нет",
    ],
)
def test_a_good_password_has_no_faults(password: str) -> None:
    """Ten to a hundred and twenty-eight characters of any alphabet, spaces included."""
    assert passwords.faults_of(password, "anna") == []


def test_letters_beyond_the_72nd_byte_count() -> None:
    """Two passwords of 37 Cyrillic letters that differ in the last one do not open each other's door.

    bcrypt alone looks at 72 bytes, which are 36 such letters.
    """
    mine, yours = "ш" * 36 + "а", "ш" * 36 + "б"
    assert len(mine.encode()) == 74
    stored = passwords.hash_password(mine)
    assert passwords.matches(mine, stored)
    assert not passwords.matches(yours, stored)
    assert not passwords.matches("ш" * 36, stored)


def test_hashes_are_bcrypt_with_a_salt_and_a_cost() -> None:
    """What is stored is bcrypt of cost 12, different each time, without the password in it."""
    first, second = (passwords.hash_password("correct horse battery") for _ in range(2))
    assert first != second
    assert first.startswith("$2b$12$")
    assert "horse" not in first


def test_nobody_has_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a stored hash no password fits, not even the one behind the stand-in, at equal work."""
    verified: list[str | bytes] = []
    verify = BcryptHasher.verify

    def counted(self: BcryptHasher, password: str | bytes, stored: str | bytes) -> bool:
        verified.append(stored)
        return verify(self, password, stored)

    monkeypatch.setattr(BcryptHasher, "verify", counted)
    assert not passwords.matches("nobody has this password", None)
    (stand_in,) = verified
    assert str(stand_in).startswith("$2b$12$")
