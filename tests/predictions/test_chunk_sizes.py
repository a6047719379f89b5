"""How many rows of a file are predicted at once: many of a fast model, fewer of a slow one."""

import math
from types import SimpleNamespace
from typing import Any

import pytest

from augury.files.forms import CHUNK_ROWS, SLOW_CHUNK_ROWS
from augury.predictions.batches import _chunk_rows


@pytest.mark.parametrize(
    ("seconds_of_row", "explain", "rows"),
    [
        (1e-6, False, CHUNK_ROWS),
        (1e-6, True, SLOW_CHUNK_ROWS),
        (1e-4, False, 20_000),
        (1.0, False, SLOW_CHUNK_ROWS),
        (math.inf, False, SLOW_CHUNK_ROWS),
    ],
    ids=["fast", "with reasons", "slow", "very slow", "elsewhere"],
)
def test_a_chunk_takes_about_two_seconds(seconds_of_row: float, explain: bool, rows: int) -> None:
    model: Any = SimpleNamespace(seconds=lambda rows: rows * seconds_of_row)
    assert _chunk_rows(model, explain=explain) == pytest.approx(rows, abs=1)
