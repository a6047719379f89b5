"""What came of an attempt to deliver, whatever it travels by."""

from dataclasses import dataclass

LONGEST_TEXT = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """A receiver's answer: its status and the beginning of its text.

    Without a status nobody answered, and `text` is a short code of why. `final` means that asking
    again is of no use.
    """

    status: int | None
    text: str
    delivered: bool = False
    final: bool = False

    @property
    def stored_text(self) -> str:
        """The text as databases take it: of limited length, without NUL."""
        return self.text.replace("\0", "")[:LONGEST_TEXT]
