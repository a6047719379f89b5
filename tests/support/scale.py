"""How long a test goes on: for a moment in the suite, for long in `make soak`."""

import os

import pytest

SOAKS = os.environ.get("SOAK") == "true"


def times(in_suite: int, in_soak: int) -> int:
    """Return how often something is done."""
    return in_soak if SOAKS else in_suite


# Crashes take long, and what they prove is the same statement on both databases: one of them in the
# suite, where the short chaos test has PostgreSQL as well, and both in `make soak`.
on_sqlite_in_suite = pytest.mark.parametrize(
    "database_url", ["sqlite", "postgresql"] if SOAKS else ["sqlite"], indirect=True
)
on_postgres_in_suite = pytest.mark.parametrize(
    "database_url", ["sqlite", "postgresql"] if SOAKS else ["postgresql"], indirect=True
)
