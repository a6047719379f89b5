"""How long a test goes on: for a moment in the suite, for long in `make soak`."""

import os

SOAKS = os.environ.get("SOAK") == "true"


def times(in_suite: int, in_soak: int) -> int:
    """Return how often something is done."""
    return in_soak if SOAKS else in_suite
