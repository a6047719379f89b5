"""Contents of series as bytes."""

import numpy as np
import pytest

from augury.market.content import BadContent, pack, unpack
from support.market import walk, working_days


def test_what_is_packed_comes_back_to_the_bit() -> None:
    days, closes = working_days("1950-01-02", 500), walk(500)
    digest, packed = pack(days, closes)
    again, values = unpack(packed, 500, digest)
    assert again.dtype == np.dtype(np.int32)
    assert values.dtype == np.dtype(np.float64)
    assert (again.tolist(), values.tolist()) == (days.tolist(), closes.tolist())


def test_equal_contents_have_one_name_and_others_another() -> None:
    days, closes = working_days("2000-01-03", 50), walk(50)
    name = pack(days, closes)[0]
    assert pack(days.copy(), closes.copy())[0] == name
    assert pack(days + np.int32(1), closes)[0] != name
    assert pack(days, closes + 1)[0] != name


def test_nobody_can_change_what_all_share() -> None:
    digest, packed = pack(working_days("2000-01-03", 5), walk(5))
    for part in unpack(packed, 5, digest):
        with pytest.raises(ValueError, match="read-only"):
            part[0] = 1


@pytest.mark.parametrize("harm", ["cut", "flipped", "more", "fewer", "another"])
def test_bytes_that_are_not_what_they_are_called_are_refused(harm: str) -> None:
    digest, packed = pack(working_days("2000-01-03", 50), walk(50))
    points = 50
    if harm == "cut":
        packed = packed[:-20]
    elif harm == "flipped":
        packed = packed[:40] + bytes([packed[40] ^ 1]) + packed[41:]
    elif harm == "more":
        points = 51
    elif harm == "fewer":
        points = 49
    else:
        digest = "0" * 64
    with pytest.raises(BadContent):
        unpack(packed, points, digest)
