"""Identifiers: they sort by time of birth, and a moment has a first one."""

from augury.kit.clock import SECOND, now
from augury.kit.ids import first_id, is_id, new_id


def test_identifiers_sort_by_birth() -> None:
    """One that was made earlier is smaller, and all differ."""
    made = [new_id() for _ in range(1000)]
    assert made == sorted(set(made))


def test_a_moment_parts_identifiers() -> None:
    """What was born before a moment is below its first identifier, what comes later is above."""
    moment = now()
    born = new_id()
    assert is_id(first_id(moment))
    assert first_id(moment) <= born < first_id(now() + SECOND)
    assert first_id(0) < first_id(moment - SECOND) < first_id(moment)
