"""The content of a series as bytes: days and values, packed, named by their SHA-256."""

import hashlib
import zlib

import numpy as np

from augury.risk.series import Days, Floats

_BYTES_OF_POINT = 12
# As small as higher levels make it, in a quarter of their time.
_LEVEL = 3


class BadContent(Exception):
    """Stored bytes are not what their name says."""


def pack(days: Days, values: Floats) -> tuple[str, bytes]:
    """Return the SHA-256 of days [n] and values [n], in hexadecimal, and both packed."""
    # Steps between days are nearly all 1 or 3, which packs to nothing.
    steps = np.diff(days, prepend=np.int32(0)).astype("<i4")
    plain = steps.tobytes() + values.astype("<f8").tobytes()
    return hashlib.sha256(plain).hexdigest(), zlib.compress(plain, _LEVEL)


def unpack(packed: bytes, points: int, digest: str) -> tuple[Days, Floats]:
    """Return days int32 [points] and values float64 [points]; raises `BadContent`.

    Both are read-only. No more is unfolded than so many points take.
    """
    try:
        plain = zlib.decompressobj().decompress(packed, points * _BYTES_OF_POINT + 1)
    except zlib.error as error:
        raise BadContent(digest) from error
    if len(plain) != points * _BYTES_OF_POINT or hashlib.sha256(plain).hexdigest() != digest:
        raise BadContent(digest)
    steps = np.frombuffer(plain, "<i4", points)
    days = np.cumsum(steps, dtype=np.int32)
    days.setflags(write=False)
    return days, np.frombuffer(plain, "<f8", points, offset=4 * points)
