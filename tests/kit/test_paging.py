"""Keyset paging: cursors go round, and what is not a cursor is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augury.kit.errors import InvalidInput
from augury.kit.paging import cursor_of, page, position_of


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_a_cursor_names_its_position(position: str) -> None:
    """Every position survives the way through a cursor, which is safe in an address."""
    cursor = cursor_of(position)
    assert position_of(cursor, lambda found: found == position) == position
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_no_cursor_is_the_first_page() -> None:
    """Without a cursor there is no position."""
    assert position_of(None, lambda _: False) is None


@pytest.mark.parametrize(
    "cursor", ["", "!", "a", "Анна", "====", "AAA\n", "\x00", cursor_of("twelve")]
)
def test_what_is_not_a_cursor_is_refused(cursor: str) -> None:
    """A cursor of the wrong form is a fault of the input, with its place."""
    with pytest.raises(InvalidInput) as refused:
        position_of(cursor, str.isdecimal)
    (fault,) = refused.value.faults
    assert (fault.pointer, fault.key) == ("/cursor", "fault.cursor")


@given(st.lists(st.integers(), unique=True, max_size=30), st.integers(1, 7))
def test_pages_give_everything_once(items: list[int], limit: int) -> None:
    """Following the cursors gives every item exactly once, in order, with no empty last page."""
    items.sort(reverse=True)
    seen: list[int] = []
    cursor: str | None = None
    pages = 0
    while True:
        position = position_of(cursor, lambda found: found.lstrip("-").isdecimal())
        left = [item for item in items if position is None or item < int(position)]
        found, cursor = page(left[: limit + 1], limit, str)
        seen += found
        pages += 1
        assert found or pages == 1
        if cursor is None:
            break
    assert seen == items
