"""Which servers a model of the runtime `remote` may name: they are asked from inside the house."""

from collections.abc import Collection
from pathlib import Path

from augury.inference.manifest import BadModel, Manifest
from augury.inference.runtimes.remote import address_of


def require_known_host(manifest: Manifest, artifact: Path, hosts: Collection[str]) -> None:
    """Raise `BadModel` when a model runs on a server that the operator has not named."""
    if manifest.runtime != "remote":
        return
    server = address_of(artifact).server
    named = server.netloc.decode()
    if named not in hosts:
        raise BadModel("remote_not_allowed", host=named, known=", ".join(hosts) or "-")
