"""A house that lives through days of the past: its clock is set, and goes on from there."""

import sys
import time

import pytest

from augury.kit import clock, ids

# What a token library checks against the clock of the machine is made by that clock, too.
_AT_HOME = {
    "augury.kit.clock",
    "augury.kit.ids",
    "augury.users.tokens",
    "augury.users.gate",
    "augury.kit.log",
}
_NEW_ID = ids.new_id


class TravellingClock:
    """Moments and identifiers for every module of ours that asks for them."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        """Start at the present, for all modules that are imported by now."""
        self._ahead = 0
        for name, module in list(sys.modules.items()):
            if not name.startswith("augury.") or name in _AT_HOME:
                continue
            if getattr(module, "now", None) is clock.now:
                patch.setattr(module, "now", self.now)
            if getattr(module, "new_id", None) is _NEW_ID:
                patch.setattr(module, "new_id", self.new_id)

    def now(self) -> int:
        """Return the moment where we are, in microseconds."""
        return time.time_ns() // 1000 + self._ahead

    def new_id(self) -> str:
        """Return an identifier that was born at that moment."""
        # Ours with another first part, its time: what follows keeps the order of one millisecond.
        ours = _NEW_ID()
        born = f"{int(ours[:8] + ours[9:13], 16) + self._ahead // 1000:012x}"
        return f"{born[:8]}-{born[8:]}-{ours[14:]}"

    def go_to(self, moment: int) -> None:
        """Go to a moment, in microseconds, or less than a millisecond later."""
        # By whole milliseconds: those of identifiers begin and end where ours do.
        self._ahead = -((time.time_ns() // 1000 - moment) // 1000) * 1000
