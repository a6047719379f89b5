"""Real money in: top-ups, the providers that take the money, refunds and reconciliation."""
