"""What a card says of parity is never better than what was found."""

import pytest

from augury.publishing.cards import _at_most


@pytest.mark.parametrize(
    ("worst", "told"), [(0.0, "1e-09"), (1.4e-6, "2e-06"), (9.9e-6, "1e-05"), (2.1e-7, "3e-07")]
)
def test_the_bound_on_a_card_is_rounded_up(worst: float, told: str) -> None:
    """One digit, not below the difference itself."""
    assert _at_most(worst) == told
    assert float(told) >= worst
