"""Numbers between 0 and 1 with six digits, which is how probabilities are given, written at once.

Written as Python writes them: 0.25, 0.0, 1.0, 2.5e-05. Arrow takes three times as long, and has
another way with the last three.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_WHOLE = 10**6
# A number is looked up in two halves: all up to its first two digits, and the four behind them.
_HALF = 10**4
_WIDTH = 8
# By the length of a number, what is left of the eight letters; the others become nothing.
_KEPT = np.array([256**length - 1 for length in range(_WIDTH + 1)], "<u8")
# Below it Python writes an exponent.
_SMALL = 100


def are_shares(values: npt.NDArray[np.float64]) -> bool:
    """Tell whether all numbers lie between 0 and 1 and have no more than six digits."""
    millionths = np.rint(values * _WHOLE)
    exact = ~np.signbit(values) & (millionths <= _WHOLE) & (millionths / _WHOLE == values)
    return bool(exact.all())


def written_shares(values: npt.NDArray[np.float64], decimal: str) -> pa.Array:
    """Return numbers that are such as Python writes them, but for the decimal mark, as bytes."""
    millionths = np.rint(values * _WHOLE).astype(np.intp)
    first, last, whole = _tables(decimal)
    upper = millionths // _HALF
    lower = millionths - upper * _HALF
    letters = first.letters[upper] | last.letters[lower]
    length = np.where(lower != 0, last.length[lower], first.length[upper])
    odd = np.flatnonzero((millionths < _SMALL) | (millionths == _WHOLE))
    at = np.minimum(millionths[odd], _SMALL)
    letters[odd], length[odd] = whole.letters[at], whole.length[at]
    spread = (letters & _KEPT[length]).view(np.uint8)
    kept = spread[spread != 0]
    offsets = np.concatenate([[0], np.cumsum(length)]).astype(np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(kept)]
    return pa.Array.from_buffers(pa.binary(), len(values), buffers)


class _Table(NamedTuple):
    letters: npt.NDArray[np.uint64]  # eight, the first of them in the lowest byte
    length: npt.NDArray[np.int64]  # of a number that ends here


@cache
def _tables(decimal: str) -> tuple[_Table, _Table, _Table]:
    """Return the beginnings of numbers, their ends, and whole numbers of the odd kinds."""
    # One more than there are, for the whole, whose words are among the odd ones.
    first = [f"0{decimal}{number % 100:02}" for number in range(_WHOLE // _HALF + 1)]
    last = [f"{number:04}" for number in range(_HALF)]
    odd = [repr(number / _WHOLE).replace(".", decimal) for number in (*range(_SMALL), _WHOLE)]
    return (
        _Table(_letters(first, "<"), np.array([len(text.rstrip("0")) for text in first])),
        _Table(_letters(last, ">"), np.array([4 + len(text.rstrip("0")) for text in last])),
        _Table(_letters(odd, "<"), np.array([len(text) for text in odd])),
    )


def _letters(texts: Sequence[str], side: str) -> npt.NDArray[np.uint64]:
    """Return texts as letters that stand at one side of the eight, with nothing at the other."""
    filled = "".join(f"{text:\0{side}{_WIDTH}}" for text in texts)
    return np.frombuffer(filled.encode(), "<u8")
