"""Writing a file so that it is there whole, after a crash too, or not at all."""

import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

BLOCK_BYTES = 2**20


def write_whole(path: Path, content: Iterable[bytes]) -> None:
    """Write a file, or put it in the place of the one that is there; it is on the disk then."""
    make_folder(path.parent)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with draft.open("xb") as file:
            file.writelines(content)
            file.flush()
            os.fsync(file.fileno())
        put_in_place(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def put_in_place(draft: Path, path: Path) -> None:
    """Rename a file that is on the disk, and see that the disk knows its new name."""
    draft.replace(path)
    _settle(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, each of which the disk knows then."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True, mode=0o700)
        _settle(folder.parent)


def _settle(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def blocks(file: BinaryIO) -> Iterator[bytes]:
    """Yield what is left of a file, a block at a time."""
    while block := file.read(BLOCK_BYTES):
        yield block
