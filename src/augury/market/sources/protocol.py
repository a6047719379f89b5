"""What every live source of market data can do."""

from datetime import date
from typing import Protocol

from augury.market.series import Draft

FIRST_DAY = date(1990, 1, 1)


class SourceFailed(Exception):
    """A source gave no data: it did not answer, does not know the name, or sent something else."""

    def __init__(self, source: str, symbol: str, reason: str) -> None:
        """Say which, and why in a few words."""
        super().__init__(f"{source} gave nothing for {symbol}: {reason}")


class Source(Protocol):
    """A live source. It is asked by whoever runs the house, never by customers."""

    def fetch(self, symbol: str) -> Draft:
        """Return the whole series that the source calls so; raises `SourceFailed`."""
        ...
