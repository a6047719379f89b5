"""Finds the numbers of invoices in what a payer wrote, as people and banks write them."""

import re

MOST_NAMED = 50
# Letters that look the same, and dashes that are the same.
_ALIKE = str.maketrans("АВЕКМНОРСТХУ‐‑‒–—―−", "ABEKMHOPCTXY-------")
# A whole token: no letter or digit touches it, also not across a dash or a slash. What may stand
# before it without a space is the sign for "number".
_NUMBER = re.compile(
    r"(?<!\w)(?<!\w[-/])(NO?)?\.? ?([A-Z][A-Z0-9]{0,9} ?- ?[0-9]{4} ?- ?[0-9]{6,9})(?!\w|[-/]\w)"
)


def numbers_in(purpose: str) -> set[str]:
    """Return what may be numbers of invoices; whether they are, the invoices say.

    Of a purpose with more than `MOST_NAMED`, one more than that is returned.
    """
    found: set[str] = set()
    for match in _NUMBER.finditer(purpose.upper().translate(_ALIKE)):
        sign, number = match[1] or "", match[2].replace(" ", "")
        # A number may itself begin with the letters of the sign.
        found |= {sign[start:] + number for start in range(len(sign) + 1)}
        if len(found) > MOST_NAMED:
            break
    return found
