"""Market data: prices and indicators, where they came from, and when each was known."""
