"""Numbers the way a language writes them, for cards."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Numbers:
    """Writes numbers the way a language does."""

    language: str

    def decimal(self, value: float, digits: int) -> str:
        """Return a number with so many digits after the point; NaN is a dash."""
        if math.isnan(value):
            return "–"
        written = f"{value:.{digits}f}".replace("-", "−")
        return written.replace(".", ",") if self.language == "ru" else written

    def percent(self, value: float) -> str:
        """Return a fraction in percent, with one digit."""
        gap = "\u00a0" if self.language == "ru" else ""
        return "–" if math.isnan(value) else f"{self.decimal(100 * value, 1)}{gap}%"

    def whole(self, value: int) -> str:
        """Return a whole number in groups of three digits."""
        return f"{value:,}".replace(",", "\u00a0" if self.language == "ru" else ",")
