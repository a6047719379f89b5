"""MLflow model folders: `MLmodel` says which file has the model, and which fields it takes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import yaml

from augury.publishing import sources
from augury.publishing.sources.protocol import Source
from augury.publishing.trouble import NotPublishable

# Where each flavour names its file, relative to the folder.
_FLAVOURS = {
    "sklearn": "pickled_model",
    "xgboost": "data",
    "lightgbm": "data",
    "catboost": "data",
    "onnx": "data",
    "pytorch": "model_data",
}
_TORCH = (".pt2", ".pt", ".pth")


def open_source(folder: Path) -> Source:
    """Return the model in a folder, with the fields of its signature; raises `NotPublishable`."""
    document = document_of(folder)
    source = sources.open_file(artifact_of(folder, document))
    inputs = _inputs(document)
    if not inputs:
        return source
    names = [field["name"] for field in inputs]
    if source.names is not None and sorted(source.names) != sorted(names):
        message = f"The signature of {folder.name} names {names}, the model {source.names}."
        raise NotPublishable(message)
    optional = frozenset(field["name"] for field in inputs if not field.get("required", True))
    return replace(source, names=source.names or names, nullable=optional)


def document_of(folder: Path) -> dict[str, Any]:
    """Return what `MLmodel` says; raises `NotPublishable`."""
    try:
        document = yaml.safe_load((folder / "MLmodel").read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        message = f"{folder / 'MLmodel'} is not YAML: {error}"
        raise NotPublishable(message) from error
    if not isinstance(document, dict) or not isinstance(document.get("flavors"), dict):
        message = f"{folder / 'MLmodel'} names no flavors."
        raise NotPublishable(message)
    return document


def artifact_of(folder: Path, document: dict[str, Any]) -> Path:
    """Return the file with the model; raises `NotPublishable` if no flavour is known."""
    for name, member in _FLAVOURS.items():
        flavour = document["flavors"].get(name)
        if not isinstance(flavour, dict) or member not in flavour:
            continue
        path = (folder / str(flavour[member])).resolve()
        if not path.is_relative_to(folder.resolve()):
            message = f"{folder / 'MLmodel'} names a file outside of its folder."
            raise NotPublishable(message)
        if path.is_dir():
            found = sorted(file for file in path.iterdir() if file.suffix in _TORCH)
            path = found[0] if found else path / "model.pt2"
        if not path.is_file():
            message = f"{folder.name} has no {path.name}, which its MLmodel names."
            raise NotPublishable(message)
        return path
    known = ", ".join(_FLAVOURS)
    message = f"{folder.name} has the flavors {', '.join(document['flavors'])}; known are {known}."
    raise NotPublishable(message)


def _inputs(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the named columns of the signature; a tensor or nothing has none."""
    written = (document.get("signature") or {}).get("inputs")
    if not written:
        return []
    columns: list[dict[str, Any]] = msgspec.json.decode(written, type=list[dict[str, Any]])
    return columns if all("name" in column for column in columns) else []
