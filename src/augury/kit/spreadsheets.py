"""What spreadsheets do to the files that people open with them, and how to keep them from it."""

from typing import Final

# Spreadsheets take a file without it for one of the machine's own old alphabet.
BYTE_ORDER_MARK: Final = "\ufeff"
# What makes a spreadsheet take text for a formula, in the form of the East as well.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def harmless(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: a quote before what looks like one."""
    return f"'{text}" if text.lstrip(" \u00a0").startswith(_FORMULA) else text
