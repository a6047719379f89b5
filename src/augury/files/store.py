"""A store of files by their content: the name of a file is the SHA-256 of it."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

from augury.files.faults import FileTooLarge
from augury.settings import Settings

_DIGEST = re.compile(r"[0-9a-f]{64}")


class Stored(NamedTuple):
    """A file in the store: its SHA-256 in hexadecimal, and its size."""

    digest: str
    bytes: int


class Store(Protocol):
    """Where files are kept. What is not there raises FileNotFoundError; a store may fail: OSError.

    The same content is kept once, so who deletes a file must know that nobody else names it.
    """

    def put(self, content: Iterable[bytes], most_bytes: int, digest: str = "") -> Stored:
        """Keep a file for good before this returns; raises `FileTooLarge` and keeps nothing.

        A digest that is known already, of content that is in memory, is not made again.
        """
        ...

    def read(self, digest: str) -> Iterator[bytes]:
        """Yield the content of a file, a block at a time."""
        ...

    def local(self, digest: str) -> AbstractContextManager[Path]:
        """Return the file as one on this machine, for as long as the block lasts; not to change."""
        ...

    def exists(self, digest: str) -> bool:
        """Tell whether a file is there."""
        ...

    def size(self, digest: str) -> int:
        """Return how many bytes a file has."""
        ...

    def delete(self, digest: str) -> None:
        """Remove a file; one that is not there is removed already."""
        ...


class Digest:
    """Content on its way into a store: it is hashed and counted as it passes."""

    def __init__(self, content: Iterable[bytes], most_bytes: int, digest: str = "") -> None:
        """Take content, how much of it there may be, and its digest if that is known."""
        self._content = content
        self._most_bytes = most_bytes
        self._known = digest
        self._hash = hashlib.sha256()
        self._bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        """Yield the content as it is; raises `FileTooLarge` instead of a byte too many."""
        for block in self._content:
            self._bytes += len(block)
            if self._bytes > self._most_bytes:
                raise FileTooLarge(most_bytes=self._most_bytes)
            if not self._known:
                self._hash.update(block)
            yield block

    @property
    def stored(self) -> Stored:
        """What has passed."""
        return Stored(self._known or self._hash.hexdigest(), self._bytes)


def known(digest: str) -> str:
    """Return a digest that can be the name of a file; any other text raises FileNotFoundError."""
    if not _DIGEST.fullmatch(digest):
        raise FileNotFoundError(digest[:64])
    return digest


def store_of(settings: Settings) -> Store:
    """Return the store that the settings name; ValueError says what a store elsewhere lacks."""
    url = settings.files_url.get_secret_value()
    try:
        module: Any = import_module(f"augury.files.{'s3' if url else 'local'}")
    except ModuleNotFoundError as error:
        message = "AUGURY_FILES_URL needs the extra `s3`: pip install 'augury[s3]'"
        raise ValueError(message) from error
    return cast("Store", module.S3Store(url) if url else module.LocalStore(settings.files_dir))
