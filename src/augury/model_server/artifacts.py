"""Artefacts by their content: found in the cache folder, or fetched from the API and kept there.

The service holds no secret: the address it is given is signed by the API and good for a minute.
It goes to no host but those that its operator has named, and keeps nothing that is not what its
SHA-256 says.
"""

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path

import httpx2

from augury.inference.manifest import BadModel, Manifest, verify_artifact
from augury.model_server.trouble import Trouble

_PATIENCE_SECONDS = 5.0
_FETCH_SECONDS = 60.0
_CHUNK_BYTES = 2**20


class Artifacts:
    """The cache folder, and where what is missing in it comes from. Safe to use from threads."""

    def __init__(self, folder: Path, sources: Sequence[str], most_bytes: int) -> None:
        """Take the addresses of APIs that artefacts may come from; none means the cache only."""
        self._folder = folder
        self._sources = [httpx2.URL(source) for source in sources]
        self._most_bytes = most_bytes
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def find(self, manifest: Manifest, address: str) -> Path:
        """Return the file of a manifest's artefact; raises `Trouble` when it cannot be had."""
        artifact = manifest.artifact
        if artifact.bytes > self._most_bytes:
            raise Trouble(413, f"the artefact has more than {self._most_bytes} bytes")
        place = self._folder / (artifact.sha256 + Path(artifact.file).suffix)
        with suppress(FileNotFoundError, BadModel):
            verify_artifact(artifact, place)
            return place
        url = self._known(address, artifact.sha256)
        with self._draft() as draft:
            _fetch(url, draft, artifact.bytes)
            try:
                verify_artifact(artifact, draft)
            except BadModel as bad:
                raise Trouble(502, str(bad)) from bad
            draft.replace(place)
        return place

    def _known(self, address: str, sha256: str) -> httpx2.URL:
        """Return the address when it is that of an artefact at a source, and of nothing else."""
        try:
            url = httpx2.URL(address)
        except httpx2.InvalidURL as error:
            raise Trouble(400, f"artifact_url is no address: {error}") from error
        for source in self._sources:
            path = f"{source.path.rstrip('/')}/v1/artifacts/{sha256}"
            if source.copy_with(path=path) == url.copy_with(query=None, fragment=None):
                return url
        known = ", ".join(map(str, self._sources)) or "none"
        raise Trouble(403, f"artifact_url must be of this artefact at a known API: {known}")

    @contextmanager
    def _draft(self) -> Iterator[Path]:
        handle, name = tempfile.mkstemp(prefix="draft-", dir=self._folder)
        os.close(handle)
        try:
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)


def _fetch(url: httpx2.URL, draft: Path, length: int) -> None:
    """Write what an address gives into a file; raises `Trouble` when it is not that long."""
    until = time.monotonic() + _FETCH_SECONDS
    # The query is the signature: it goes into no message and no log.
    shown, received = url.copy_with(query=None), 0
    try:
        with (
            httpx2.Client(timeout=_PATIENCE_SECONDS, trust_env=False) as client,
            client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as answer,
            draft.open("wb") as file,
        ):
            if answer.status_code != HTTPStatus.OK:
                raise Trouble(502, f"{shown} answered {answer.status_code}")
            for chunk in answer.iter_raw(_CHUNK_BYTES):
                received += len(chunk)
                if received > length or time.monotonic() > until:
                    break
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
    except httpx2.HTTPError as error:
        raise Trouble(502, f"{shown}: {type(error).__name__} {error}") from error
    if received != length:
        raise Trouble(502, f"{shown} gave {received} bytes in time, and {length} were promised")
