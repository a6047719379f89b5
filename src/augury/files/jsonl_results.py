"""Writing results as JSON Lines: the objects as they came, with the outputs among their members."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from augury.files.answers import Added, Answer
from augury.files.forms import Chunk

_encoder = msgspec.json.Encoder()


class JsonResults:
    """Results as JSON Lines: a part has lines, and that is all."""

    def __init__(self, added: Added) -> None:
        """Take the members that are added."""
        self._added = added

    def part(self, chunk: Chunk, answers: Sequence[Answer]) -> bytes:
        """Return the lines of a chunk; what a row has no value for is null."""
        outputs = self._added.outputs.items()
        return _encoder.encode_lines(
            [
                dict(row.cells)
                | {column: (given or {}).get(name) for name, column in outputs}
                | {self._added.error: error}
                for row, (given, error) in zip(chunk.rows, answers, strict=True)
            ]
        )

    def joined(self, parts: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the parts as they are."""
        yield from parts
