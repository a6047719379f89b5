"""Models to publish in tests: tiny scorecards, with a gain that tells the versions apart."""

import hashlib
from pathlib import Path
from typing import Any

import msgspec
from starlette.testclient import TestClient

from augury.inference.manifest import Manifest
from support.houses import sign_in
from support.tiny_models import ROWS, Tiny, proven, save_onnx

NAME = "tiny"
ROW = ROWS[0]


def version(folder: Path, gain: float = 1.0, **changes: Any) -> Tiny:
    """Return a tiny scorecard; another gain gives other probabilities."""
    folder.mkdir(parents=True, exist_ok=True)
    path = save_onnx(folder / f"gain-{gain}.onnx", gain=gain)
    return proven(path, "onnx", **changes)


def parts(tiny: Tiny, manifest: Manifest | bytes | None = None) -> dict[str, Any]:
    """Return what an upload sends, for `files=` of a client."""
    told = manifest or tiny.manifest
    text = told if isinstance(told, bytes) else msgspec.json.encode(told)
    return {
        "manifest": (None, text, "application/json"),
        "artifact": (tiny.path.name, tiny.path.read_bytes(), "application/octet-stream"),
        "card_en": (None, b"# A card"),
        "card_ru": (None, "# Карточка".encode()),
    }


class Registrar:
    """An administrator at the API's door."""

    def __init__(self, client: Any) -> None:
        """Sign in as the first administrator."""
        self.client = client
        self.headers = sign_in(client, "admin")

    def publish(self, tiny: Tiny, **changes: Any) -> Any:
        """Return the answer to a new model."""
        return self.client.post(
            "/v1/admin/models", files=parts(tiny, **changes), headers=self.headers
        )

    def add(self, tiny: Tiny, name: str = NAME, **changes: Any) -> Any:
        """Return the answer to a new version."""
        path = f"/v1/admin/models/{name}/versions"
        return self.client.post(path, files=parts(tiny, **changes), headers=self.headers)

    def patch(self, name: str = NAME, **changes: Any) -> Any:
        """Return the answer to a change of a model."""
        path = f"/v1/admin/models/{name}"
        return self.client.patch(path, json=changes, headers=self.headers)

    def point(self, version: int, alias: str = "champion", name: str = NAME) -> Any:
        """Return the answer to a move of an alias."""
        path = f"/v1/admin/models/{name}/aliases/{alias}"
        return self.client.put(path, json={"version": version}, headers=self.headers)

    def ask(self, method: str, path: str, **options: Any) -> Any:
        """Return the answer to anything below `/v1/admin/models`."""
        path = f"/v1/admin/models{path}"
        return self.client.request(method, path, headers=self.headers, **options)


def buy(client: TestClient, headers: dict[str, str], model: str = NAME, **more: Any) -> Any:
    """Return the answer to one row."""
    body = {"model": model, "inputs": [ROW], **more}
    return client.post("/v1/predictions", json=body, headers=headers)


def sha256(content: bytes) -> str:
    """Return the digest of a content."""
    return hashlib.sha256(content).hexdigest()
