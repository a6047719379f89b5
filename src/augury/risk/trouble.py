"""Why a series, a position or a portfolio cannot be judged."""


class BadSeries(ValueError):
    """What was given cannot be worked on; `key` names the sentence, `values` fill it."""

    def __init__(self, key: str, **values: object) -> None:
        """Take the key of the sentence and what belongs into its braces."""
        super().__init__(key, values)
        self.key = key
        self.values = values

    def __str__(self) -> str:
        """Return the key and its values, for logs."""
        return f"{self.key} {self.values}" if self.values else self.key
