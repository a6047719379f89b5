"""Long work in lots: until nothing is left, or until it is to stop."""

import threading

import pytest

from augury.kit import lots


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lots, "_PAUSE_SECONDS", 0)


def test_lots_are_done_until_nothing_is_left() -> None:
    """A lot in which nothing was to be done is not the end; None is."""
    found: list[int | None] = [3, 0, 4, None, 5]
    assert lots.by_lots(lambda: found.pop(0), threading.Event()) == 7
    assert found == [5]


def test_who_is_told_to_stop_begins_no_other_lot() -> None:
    """What is under way is finished and counted."""
    stop = threading.Event()

    def lot() -> int:
        stop.set()
        return 2

    assert lots.by_lots(lot, stop) == 2
    assert lots.by_lots(lot, stop) == 0
