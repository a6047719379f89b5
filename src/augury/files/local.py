"""A store in a folder: `ab/cd/abcd…`, two levels, so that no folder has too many files."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from augury.files.disk import blocks, make_folder, put_in_place
from augury.files.store import Digest, Stored, known


class LocalStore:
    """Files in a folder of this machine, or one that several machines share."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, which need not be there yet."""
        self._folder = folder

    def put(self, content: Iterable[bytes], most_bytes: int, digest: str = "") -> Stored:
        """Keep a file; it is on the disk when this returns."""
        make_folder(self._folder)
        passing = Digest(content, most_bytes, digest)
        handle, name = tempfile.mkstemp(prefix=".draft-", dir=self._folder)
        draft = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.writelines(passing)
                file.flush()
                os.fsync(handle)
            path = self._path(passing.stored.digest)
            make_folder(path.parent)
            put_in_place(draft, path)
        finally:
            draft.unlink(missing_ok=True)
        return passing.stored

    def read(self, digest: str) -> Iterator[bytes]:
        """Yield the content of a file; raises FileNotFoundError before the first block."""
        file = self._path(digest).open("rb")

        def content() -> Iterator[bytes]:
            with file:
                yield from blocks(file)

        return content()

    @contextmanager
    def local(self, digest: str) -> Iterator[Path]:
        """Return the file itself."""
        path = self._path(digest)
        path.stat()
        yield path

    def exists(self, digest: str) -> bool:
        """Tell whether a file is there."""
        try:
            return self._path(digest).is_file()
        except FileNotFoundError:
            return False

    def size(self, digest: str) -> int:
        """Return how many bytes a file has."""
        return self._path(digest).stat().st_size

    def delete(self, digest: str) -> None:
        """Remove a file."""
        if self.exists(digest):
            self._path(digest).unlink(missing_ok=True)

    def _path(self, digest: str) -> Path:
        digest = known(digest)
        return self._folder / digest[:2] / digest[2:4] / digest
