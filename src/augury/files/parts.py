"""A folder of parts, each of them written whole, in any order and as often as needed."""

from collections.abc import Iterator
from pathlib import Path

from augury.files.disk import write_whole


class PartMissing(Exception):
    """A part that should be read was not written yet."""


class Parts:
    """The parts of one file, by their numbers from 0."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, which need not be there yet."""
        self._folder = folder

    def write(self, number: int, content: bytes) -> None:
        """Store a part; one that is made again takes the place of the earlier one."""
        write_whole(self._path(number), [content])

    def written(self, number: int) -> bool:
        """Tell whether a part is there."""
        return self._path(number).is_file()

    def read(self, count: int) -> Iterator[bytes]:
        """Yield the parts from 0 to below a number in their order, one at a time in memory.

        Raises `PartMissing` before the first of them when one is not there.
        """
        paths = [self._path(number) for number in range(count)]
        missing = next((path for path in paths if not path.is_file()), None)
        if missing:
            message = f"{missing.name} is not written yet"
            raise PartMissing(message)
        return (path.read_bytes() for path in paths)

    def _path(self, number: int) -> Path:
        return self._folder / f"part-{number:06}"
