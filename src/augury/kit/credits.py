"""Credits: the unit of balance, always a whole number."""

# The largest integer that every JSON reader keeps exact; no balance may pass it.
MAX_CREDITS = 2**53 - 1
