"""What the inference service answers when it does not answer."""


class Trouble(Exception):
    """A request that gets `{"error": message}` with a status."""

    def __init__(self, status: int, message: str) -> None:
        """Say it to whoever asked: a program, and the person who reads its log."""
        super().__init__(message)
        self.status = status
        self.message = message[:_LONGEST]


_LONGEST = 1000
