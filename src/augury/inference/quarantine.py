"""The quarantine of uploaded models: nothing is stored that was not opened and tried apart.

The manifest is read here; the artefact is opened in a child process with limits, in a folder of
its own, and the child's answer is not trusted to be one. See `docs/quarantine.md`.
"""

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from augury.inference import containers, manifest_rules
from augury.inference.examination import (
    ANSWER,
    ERRORS,
    OUT_OF_MEMORY,
    TASK,
    Answer,
    Refused,
    Task,
    Verdict,
)
from augury.inference.manifest import BadModel, Manifest, read_manifest
from augury.kit.coalescer import Overloaded
from augury.kit.decoding import decode
from augury.kit.texts import LANGUAGES

__all__ = ["Limits", "Verdict", "examine"]

_AT_ONCE = 2
_WAIT_SECONDS = 10.0
_RETRY_AFTER_SECONDS = 30
_CHUNK_BYTES = 2**20
_MOST_ANSWER_BYTES = 2**16
_PROGRAM = ("-m", "augury.inference.examination")
# What an interpreter may need to find its own libraries; nothing else is handed on.
_HANDED_ON = ("LD_LIBRARY_PATH", "SYSTEMROOT")

_turns = threading.BoundedSemaphore(_AT_ONCE)


@dataclass(frozen=True, slots=True)
class Limits:
    """What an examination may take."""

    manifest_bytes: int = 2**20
    artifact_bytes: int = 100 * 2**20
    # On top of what the libraries take.
    memory_bytes: int = 2 * 2**30
    seconds: int = 60
    # Of an ONNX graph; a forest of a thousand trees is one node.
    nodes: int = 10_000


_DEFAULT = Limits()


def examine(manifest: bytes, artifact: Path, limits: Limits = _DEFAULT) -> Verdict:
    """Return the verdict about an uploaded model, or raise `BadModel` with the reason.

    Takes seconds and blocks; raises `Overloaded` when others are being examined for too long.
    """
    if len(manifest) > limits.manifest_bytes:
        raise BadModel("manifest_too_large", most=limits.manifest_bytes)
    told = read_manifest(manifest)
    manifest_rules.check(told)
    with _turn(), _folder() as folder:
        _copy(artifact, folder / told.artifact.file, told, limits)
        containers.check(folder / told.artifact.file, told.runtime)
        return _ask_child(folder, told, limits)


@contextlib.contextmanager
def _turn() -> Iterator[None]:
    if not _turns.acquire(timeout=_WAIT_SECONDS):
        raise Overloaded(retry_after_seconds=_RETRY_AFTER_SECONDS)
    try:
        yield
    finally:
        _turns.release()


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="augury-quarantine-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy(source: Path, target: Path, manifest: Manifest, limits: Limits) -> None:
    """Copy the artefact; raises `BadModel` unless it is as long and the same as promised."""
    promised, digest, length = manifest.artifact, hashlib.sha256(), 0
    with source.open("rb") as reading, target.open("xb") as writing:
        while chunk := reading.read(_CHUNK_BYTES):
            length += len(chunk)
            if length > limits.artifact_bytes:
                raise BadModel("artifact_too_large", most=limits.artifact_bytes)
            digest.update(chunk)
            writing.write(chunk)
    if length != promised.bytes:
        raise BadModel("artifact_length", file=promised.file, found=length, promised=promised.bytes)
    if digest.hexdigest() != promised.sha256:
        raise BadModel(
            "artifact_differs",
            file=promised.file,
            found=digest.hexdigest(),
            promised=promised.sha256,
        )
    target.chmod(0o444)


def _ask_child(folder: Path, manifest: Manifest, limits: Limits) -> Verdict:
    task = Task(manifest, limits.memory_bytes, limits.seconds, limits.nodes)
    (folder / TASK).write_bytes(msgspec.json.encode(task))
    # Files and no pipes: the child's limit on the length of files is one on its answer too.
    with (folder / ANSWER).open("wb") as answer, (folder / ERRORS).open("wb") as errors:
        child = subprocess.Popen(  # noqa: S603 -- our own module in our own interpreter
            [sys.executable, "-I", "-B", *_PROGRAM],
            cwd=folder,
            env=_environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=answer,
            stderr=errors,
            close_fds=True,
            start_new_session=True,
        )
        try:
            code = child.wait(limits.seconds)
        except subprocess.TimeoutExpired:
            raise BadModel("quarantine_time", seconds=limits.seconds) from None
        finally:
            _end(child)
    return _verdict(code, folder, limits)


def _environment(folder: Path) -> dict[str, str]:
    own = {
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LANG": "C.UTF-8",
        # Threads and the memory that each of them reserves would count against the limits.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
        # It would report to its maker from a thread of its own.
        "ORT_DISABLE_TELEMETRY": "1",
    }
    return own | {name: os.environ[name] for name in _HANDED_ON if name in os.environ}


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill the child and whatever it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _verdict(code: int, folder: Path, limits: Limits) -> Verdict:
    """Return what the child found; whatever is no answer is a reason of its own."""
    answer = _answer(folder)
    if answer is not None and answer.refused is not None:
        raise _told_by_child(answer.refused)
    if code == 0 and answer is not None and answer.verdict is not None:
        return answer.verdict
    errors = (folder / ERRORS).read_bytes()[-_MOST_ANSWER_BYTES:]
    if any(mark in errors for mark in OUT_OF_MEMORY):
        raise BadModel("quarantine_memory", megabytes=limits.memory_bytes // 2**20)
    if code == -signal.SIGXCPU:
        raise BadModel("quarantine_time", seconds=limits.seconds)
    if code < 0:
        raise BadModel("quarantine_signal", signal=-code)
    raise BadModel("quarantine_silent")


def _answer(folder: Path) -> Answer | None:
    with (folder / ANSWER).open("rb") as file:
        text = file.read(_MOST_ANSWER_BYTES + 1)
    if len(text) > _MOST_ANSWER_BYTES:
        return None
    try:
        return decode(text, Answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _told_by_child(refused: Refused) -> BadModel:
    """Return the reason that the child gave, if it can be told in every language."""
    try:
        error = BadModel(refused.key, **refused.values)
        for language in LANGUAGES:
            error.told(language)
    except (KeyError, ValueError, TypeError, IndexError, AttributeError):
        return BadModel("quarantine_silent")
    return error
