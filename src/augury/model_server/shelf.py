"""The models that are loaded: opened, proven by their self-test, side by side in versions."""

import asyncio
import functools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import msgspec

from augury.inference import manifest_rules
from augury.inference.bounds import Bounds
from augury.inference.explainers.protocol import Contributions
from augury.inference.lanes import Lane
from augury.inference.manifest import BadModel, Manifest, read_manifest
from augury.inference.model import Model
from augury.inference.runtimes import WAITING
from augury.inference.signature import Matrix
from augury.inference.wire import digest_of
from augury.kit.coalescer import Coalescer
from augury.kit.decoding import decode
from augury.kit.log import logger
from augury.model_server import metrics
from augury.model_server.artifacts import Artifacts
from augury.model_server.trouble import Trouble

_LOADS_AT_ONCE = 2
_MOST_MANIFEST_BYTES = 2**20
_MOST_VERSION = 10**9


class _Wish(msgspec.Struct, frozen=True):
    manifest: str
    version: str
    artifact_url: str
    sha256: str


class _Load(msgspec.Struct, frozen=True):
    parameters: _Wish


@dataclass(frozen=True, slots=True)
class Loaded:
    """A version that answers."""

    manifest: Manifest
    version: int
    digest: str
    bounds: Bounds
    lane: Lane
    # A line of its own, so that who asks for no reasons never waits for those of others.
    reasons: Coalescer[Matrix, Contributions]
    # What a call takes at least, what each row adds, and what the reasons of a row take.
    seconds: dict[str, float]

    def told(self) -> dict[str, Any]:
        """Return what a load and the index say about it."""
        return {
            "name": self.manifest.name,
            "version": str(self.version),
            "state": "READY",
            "reason": "",
            "digest": self.digest,
            "seconds": self.seconds,
        }


class Shelf:
    """Loads, finds and unloads versions. Its methods run on the event loop."""

    def __init__(self, artifacts: Artifacts, *, threads: int, most_models: int) -> None:
        """Start empty."""
        self._artifacts = artifacts
        self._threads = threads
        self._most_models = most_models
        self._loaded: dict[tuple[str, int], Loaded] = {}
        self._loading: dict[tuple[str, int, str], asyncio.Task[Loaded]] = {}
        self._loaders = ThreadPoolExecutor(_LOADS_AT_ONCE, thread_name_prefix="loader")

    def __iter__(self) -> Iterator[Loaded]:
        """Go through what is loaded, by name and version."""
        return iter([self._loaded[key] for key in sorted(self._loaded)])

    def versions(self, name: str) -> list[Loaded]:
        """Return the versions of a model, oldest first; raises `Trouble` when there is none."""
        found = [loaded for loaded in self if loaded.manifest.name == name]
        if not found:
            raise Trouble(404, f"the model {name[:100]!r} is not loaded")
        return found

    def find(self, name: str, version: str | None) -> Loaded:
        """Return a version, the newest unless it is named; raises `Trouble` when it is not here."""
        versions = self.versions(name)
        if version is None:
            return versions[-1]
        found = next((one for one in versions if str(one.version) == version), None)
        if found is None:
            raise Trouble(404, f"version {version[:20]!r} of {name!r} is not loaded")
        return found

    def touch(self, loaded: Loaded) -> None:
        """Note that a version is used, so that others make room before it."""
        key = (loaded.manifest.name, loaded.version)
        self._loaded[key] = self._loaded.pop(key)

    async def load(self, name: str, body: bytes) -> Loaded:
        """Return a version, loaded unless it was; content that differs takes the other's place."""
        wish = _read_wish(body)
        version = _number(wish.version)
        digest = digest_of(wish.sha256, wish.manifest)
        there = self._loaded.get((name, version))
        if there is not None and there.digest == digest:
            return there
        key = (name, version, digest)
        task = self._loading.get(key)
        if task is None:
            task = asyncio.create_task(self._put(name, version, digest, wish))
            self._loading[key] = task
            task.add_done_callback(lambda _: self._loading.pop(key, None))
        # Who asked may go away; the next one finds it loaded.
        return await asyncio.shield(task)

    def unload(self, name: str, version: str | None) -> None:
        """Forget a version, or all of a model; what runs in them is finished. Safe to repeat."""
        for key in [key for key in self._loaded if key[0] == name]:
            if version is None or str(key[1]) == version:
                del self._loaded[key]
                logger("inference").info("model_unloaded", model=name, version=key[1])
        if not any(one == name for one, _ in self._loaded):
            metrics.forget(name)

    async def _put(self, name: str, version: int, digest: str, wish: _Wish) -> Loaded:
        opening = functools.partial(
            _open, name, version, digest, wish, self._artifacts, self._threads
        )
        loaded = await asyncio.get_running_loop().run_in_executor(self._loaders, opening)
        # At the end of the line: what was asked longest ago is the first to go.
        replaced = self._loaded.pop((name, version), None) is not None
        self._loaded[name, version] = loaded
        while len(self._loaded) > self._most_models:
            self.unload(*next((one, str(number)) for one, number in self._loaded))
        logger("inference").info(
            "model_loaded", model=name, version=version, digest=digest, replaced=replaced
        )
        return loaded


def _read_wish(body: bytes) -> _Wish:
    try:
        wish = decode(body, _Load).parameters
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"a load needs the parameters manifest, version, artifact_url, sha256: {error}"
        raise Trouble(400, message) from error
    if len(wish.manifest) > _MOST_MANIFEST_BYTES:
        raise Trouble(413, f"the manifest has more than {_MOST_MANIFEST_BYTES} bytes")
    return wish


def _number(version: str) -> int:
    if not (version.isascii() and version.isdecimal() and 0 < int(version[:11]) <= _MOST_VERSION):
        raise Trouble(400, f"version {version[:20]!r} must be a number from 1 on")
    return int(version)


def _open(
    name: str, version: int, digest: str, wish: _Wish, artifacts: Artifacts, threads: int
) -> Loaded:
    """Return a version, opened and proven; raises `Trouble` when it is not what it says."""
    try:
        manifest = read_manifest(wish.manifest)
        manifest_rules.check(manifest)
        if (manifest.name, manifest.artifact.sha256) != (name, wish.sha256):
            raise Trouble(400, "name and sha256 are not those of the manifest")
        if manifest.runtime in WAITING:
            # Else whoever reaches this port could have it call any address.
            raise Trouble(400, f"models of the runtime {manifest.runtime!r} are asked directly")
        path = artifacts.find(manifest, wish.artifact_url)
        model = Model(manifest, path, threads)
    except BadModel as bad:
        raise Trouble(422, str(bad)) from bad
    return Loaded(
        manifest,
        version,
        digest,
        Bounds(manifest.inputs),
        Lane(model),
        Coalescer(model.contributions_many, name=f"contributions-{name}", weigh=len),
        _seconds(model),
    )


def _seconds(model: Model) -> dict[str, float]:
    call = model.seconds(0)
    reasons = 0.0 if model.manifest.explain is None else model.explain_seconds(1)
    return {"call": call, "row": model.seconds(1) - call, "reasons": reasons}
