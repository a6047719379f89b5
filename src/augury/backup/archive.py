"""The file of a backup: a plain tar, whose inventory and its seal are written last.

A file that ends too early has no seal, so it is no backup, wherever it ends.
"""

import hashlib
import io
import os
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec

from augury.backup.inventory import Inventory, Member, read_inventory
from augury.backup.trouble import BackupTrouble
from augury.kit.progress import Tell

_INVENTORY = "inventory.json"
_SEAL = "inventory.json.sha256"
_LARGEST_INVENTORY_BYTES = 64 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024
# Beside tarfile's own errors, what broken headers make it stumble over.
_BROKEN = (tarfile.TarError, OSError, ValueError, OverflowError, EOFError)


class _Digesting:
    """Hashes what is read through it."""

    def __init__(self, file: IO[bytes], tell: Callable[[int], None]) -> None:
        self._file, self._tell = file, tell
        self._hash = hashlib.sha256()
        self.bytes = 0

    def read(self, size: int = -1) -> bytes:
        """Return what the file has next."""
        content = self._file.read(size)
        self._hash.update(content)
        self.bytes += len(content)
        self._tell(len(content))
        return content

    def member(self) -> Member:
        """Return what has been read so far."""
        return Member(self._hash.hexdigest(), self.bytes)


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pack(path: Path, files: Mapping[str, Path], inventory: Inventory, tell: Tell) -> Inventory:
    """Write a durable backup that only its owner may read; return the inventory with its files."""
    counted = _counter("packing", sum(file.stat().st_size for file in files.values()), tell)
    with path.open("xb") as raw:
        os.fchmod(raw.fileno(), 0o600)
        with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
            members = {}
            for name, place in files.items():
                with place.open("rb") as file:
                    members[name] = _add(archive, name, file, counted)
            complete = msgspec.structs.replace(inventory, members=members)
            text = msgspec.json.format(msgspec.json.encode(complete))
            listed = _add(archive, _INVENTORY, io.BytesIO(text), counted)
            # In the form of `sha256sum`, for people who look into a backup without us.
            seal = f"{listed.sha256}  {_INVENTORY}\n".encode()
            _add(archive, _SEAL, io.BytesIO(seal), counted)
        raw.flush()
        os.fsync(raw.fileno())
    return complete


def _add(
    archive: tarfile.TarFile, name: str, file: IO[bytes], counted: Callable[[int], None]
) -> Member:
    info = tarfile.TarInfo(name)
    info.size = file.seek(0, os.SEEK_END)
    info.mode = 0o600
    file.seek(0)
    reader = _Digesting(file, counted)
    archive.addfile(info, reader)
    return reader.member()


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that is whole: every digest in it has been checked."""

    path: Path
    inventory: Inventory

    def text(self, name: str) -> str:
        """Return the content of a small file of the backup."""
        copy = io.BytesIO()
        self._copy(name, copy, _silent)
        return copy.getvalue().decode()

    def extract(self, name: str, place: Path, tell: Tell) -> None:
        """Write a file of the backup to a new place, durably, for its owner's eyes only."""
        counted = _counter(name.partition("/")[0], self.inventory.members[name].bytes, tell)
        with place.open("xb") as copy:
            os.fchmod(copy.fileno(), 0o600)
            self._copy(name, copy, counted)
            copy.flush()
            os.fsync(copy.fileno())

    def _copy(self, name: str, target: IO[bytes], counted: Callable[[int], None]) -> None:
        with tarfile.open(self.path, "r:") as archive:
            found = _copied(archive, archive.getmember(name), target, counted)
        # The file may have changed since it was opened.
        _require(found, self.inventory.members[name], name)


def open_backup(path: Path, tell: Tell) -> Backup:
    """Return a backup of which every byte is as it was written, or raise `BackupTrouble`."""
    try:
        with tarfile.open(path, "r:") as archive:
            return Backup(path, _checked(archive, tell))
    except _BROKEN as error:
        message = f"{path} cannot be read as a backup: {error}."
        raise BackupTrouble(message) from error


def _checked(archive: tarfile.TarFile, tell: Tell) -> Inventory:
    listed = archive.getmembers()
    infos = {info.name: info for info in listed}
    if not {_INVENTORY, _SEAL} <= infos.keys():
        message = "This is no whole backup: it ends before its inventory."
        raise BackupTrouble(message)
    text, seal = (_small(archive, infos.pop(name)) for name in (_INVENTORY, _SEAL))
    if seal != f"{hashlib.sha256(text).hexdigest()}  {_INVENTORY}\n".encode():
        message = "The backup's inventory has been altered."
        raise BackupTrouble(message)
    inventory = read_inventory(text)
    if infos.keys() != inventory.members.keys() or len(listed) != len(infos) + 2:
        message = "The backup does not have the files that its inventory lists."
        raise BackupTrouble(message)
    counted = _counter("checking", sum(info.size for info in infos.values()), tell)
    for name, info in infos.items():
        _require(_copied(archive, info, _Nowhere(), counted), inventory.members[name], name)
    return inventory


def _small(archive: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    if info.size > _LARGEST_INVENTORY_BYTES:
        message = "The backup's inventory is too large."
        raise BackupTrouble(message)
    copy = io.BytesIO()
    _copied(archive, info, copy, _silent)
    return copy.getvalue()


def _copied(
    archive: tarfile.TarFile, info: tarfile.TarInfo, target: Any, counted: Callable[[int], None]
) -> Member:
    file = archive.extractfile(info) if info.isreg() else None
    if file is None:
        message = f"{info.name} in the backup is no file."
        raise BackupTrouble(message)
    reader = _Digesting(file, counted)
    while chunk := reader.read(_CHUNK_BYTES):
        target.write(chunk)
    return reader.member()


class _Nowhere:
    def write(self, content: bytes) -> None:
        """Forget it: it was read for its digest."""


def _require(found: Member, promised: Member, name: str) -> None:
    if found != promised:
        message = f"{name} in the backup has been altered: its SHA-256 is {found.sha256}."
        raise BackupTrouble(message)


def _counter(stage: str, total: int, tell: Tell) -> Callable[[int], None]:
    done = 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        tell(stage, min(done, total), total)

    return count


def _silent(_more: int) -> None:
    pass
