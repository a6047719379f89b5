"""Real `augury inference` processes, and artefacts for them without an API."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx2
import msgspec

from augury.inference.wire import digest_of
from support.houses import free_port
from support.tiny_models import Tiny

# `augury`, which the test's own process may keep waiting for longer than a peer in earnest, and
# which may stand still while it drains.
_PATIENT = """
from augury.cli import app, inference
from augury.model_server import artifacts
artifacts._PATIENCE_SECONDS = 60.0
inference._DRAIN_SECONDS, inference._ABANDON_SECONDS = 60, 90.0
app()
"""


class InferenceProcess:
    """A process that can be killed, stopped for a while, and started again on its port."""

    process: "subprocess.Popen[bytes]"

    def __init__(
        self, folder: Path, *options: str, port: int | None = None, is_patient: bool = True
    ) -> None:
        """Start it; unless it is patient, it is the program as it ships."""
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._options = options
        self._program = ["-c", _PATIENT] if is_patient else ["-m", "augury.cli"]
        self._client = httpx2.Client(timeout=90, trust_env=False)
        self.start()

    def start(self) -> None:
        """Start it, again if need be; its cache folder is the same."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("AUGURY_")}
        command = [sys.executable, *self._program, "inference", "--port", str(self.port)]
        command += ["--cache-dir", str(self._folder / f"cache-{self.port}"), *self._options]
        with (self._folder / f"inference-{self.port}.log").open("ab") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def ready(self, seconds: float = 200) -> "InferenceProcess":
        """Wait until it answers."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log()
            try:
                if self.get("/v2/health/ready").status_code == 200:
                    return self
            except httpx2.TransportError:
                time.sleep(0.05)
        raise TimeoutError(self.log())

    def get(self, path: str) -> httpx2.Response:
        return self._client.get(self.url + path)

    def post(self, path: str, content: bytes = b"", **headers: str) -> httpx2.Response:
        return self._client.post(self.url + path, content=content, headers=headers)

    def load(self, tiny: Tiny, version: int = 1, **changes: Any) -> httpx2.Response:
        """Have a model loaded from its cache folder or from where `artifact_url` says."""
        body = msgspec.json.encode({"parameters": load_parameters(tiny, version) | changes})
        name = tiny.manifest.name
        return self.post(f"/v2/repository/models/{name}/load", body)

    def keep(self, tiny: Tiny) -> None:
        """Put an artefact into the cache folder, as if it had been fetched before."""
        artifact = tiny.manifest.artifact
        cache = self._folder / f"cache-{self.port}"
        cache.mkdir(exist_ok=True)
        place = cache / (artifact.sha256 + Path(artifact.file).suffix)
        place.write_bytes(tiny.path.read_bytes())

    def loaded(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.post("/v2/repository/index").json()
        return found

    def log(self) -> str:
        return (self._folder / f"inference-{self.port}.log").read_text()

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it the hard way, whatever its state."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def end(self) -> None:
        """End it for good."""
        self.kill()
        self._client.close()


def load_parameters(tiny: Tiny, version: int = 1) -> dict[str, str]:
    """Return what a load of a model says."""
    return {
        "manifest": msgspec.json.encode(tiny.manifest).decode(),
        "version": str(version),
        "artifact_url": "http://127.0.0.1:1/v1/artifacts/" + tiny.manifest.artifact.sha256,
        "sha256": tiny.manifest.artifact.sha256,
    }


def digest(tiny: Tiny) -> str:
    """Return the digest of a version as the service works it out."""
    told = load_parameters(tiny)
    return digest_of(told["sha256"], told["manifest"])


@contextmanager
def inference_process(
    folder: Path, *options: str, is_patient: bool = True
) -> Iterator[InferenceProcess]:
    """Give a process that is ready."""
    process = InferenceProcess(folder, *options, is_patient=is_patient)
    try:
        yield process.ready()
    finally:
        process.end()


class ArtifactHost:
    """A server with artefacts that anybody may fetch; it counts how often."""

    def __init__(self, folder: Path) -> None:
        self.paths: list[str] = []
        host = self

        class Handler(SimpleHTTPRequestHandler):
            def __init__(self, *given: Any) -> None:
                super().__init__(*given, directory=str(folder))

            def do_GET(self) -> None:
                host.paths.append(self.path)
                super().do_GET()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
