"""Codes can be read, dictated and typed by people, and not be guessed or read back."""

import re

import pytest

from augury.vouchers.codes import hash_of, new_code

CODE = "7Q2M-K4TZ-9WDX-03R1"


def test_a_code_is_four_groups_of_letters_that_nobody_confuses() -> None:
    """Sixteen characters of Crockford's base32, without I, L, O and U, all different."""
    codes = {new_code() for _ in range(1000)}
    form = re.compile(r"([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}")
    assert len(codes) == 1000
    assert all(form.fullmatch(code) for code in codes)
    assert set("".join(codes)) == set("0123456789ABCDEFGHJKMNPQRSTVWXYZ-")


@pytest.mark.parametrize(
    "entered",
    [
        CODE, CODE.lower(), CODE.replace("-", ""), CODE.replace("-", " "), f"  {CODE}\n",
        CODE.replace("-", "\u2013"), CODE.replace("-", "\u2011"), CODE.replace("0", "o"),
        CODE.replace("1", "l"), CODE.replace("1", "I"), "7q2mk4tz 9wdx03r1", "7Q2M\u00a0K4TZ\u00a09WDX\u00a003R1",
    ],
)  # fmt: skip
def test_a_code_may_be_entered_in_any_way(entered: str) -> None:
    """Case, blanks, dashes of every kind, and letters that look like digits do not matter."""
    assert hash_of(entered) == hash_of(CODE) is not None


@pytest.mark.parametrize(
    "entered",
    ["", "-", CODE[:-1], CODE + "2", CODE.replace("7", "U"), CODE.replace("7", "Ж"), "x" * 10_000,
     CODE.replace("7", "*"), CODE.replace("7", "\x00"), CODE.replace("7", "٧"), " " * 64 + CODE],
)  # fmt: skip
def test_what_can_be_no_code_has_no_hash(entered: str) -> None:
    """Texts of another length or alphabet are no codes, however long they are."""
    assert hash_of(entered) is None


def test_other_codes_have_other_hashes() -> None:
    """The hash does not show the code, and belongs to it alone."""
    hashes = {hash_of(new_code()) for _ in range(100)}
    assert len(hashes) == 100
    assert all(re.fullmatch(r"[0-9a-f]{64}", one or "") for one in hashes)
