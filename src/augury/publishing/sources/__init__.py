"""Where models come from. A new kind is one file here and one line below.

A source's module is imported when a file of its kind is named: it needs that library, which most
publishers do not have, and which takes seconds to load.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

from augury.publishing.sources.protocol import Source
from augury.publishing.trouble import NotPublishable

_BY_SUFFIX = {
    ".joblib": "pickles",
    ".pkl": "pickles",
    ".pickle": "pickles",
    ".skops": "pickles",
    ".json": "documents",
    ".ubj": "xgboost",
    ".xgb": "xgboost",
    ".txt": "lightgbm",
    ".lgb": "lightgbm",
    ".cbm": "catboost",
    ".cb": "catboost",
    ".onnx": "onnx",
    ".pt": "pytorch",
    ".pth": "pytorch",
    ".pt2": "pytorch",
}
_OURS = "Run: pip install 'augury[publish]'"
# The publisher trained with these, so they are asked for by their own names.
_THEIRS = {"xgboost", "lightgbm", "torch", "catboost"}


def open_file(path: Path) -> Source:
    """Return the model in a file or an MLflow folder; raises `NotPublishable`."""
    if path.is_dir():
        if (path / "MLmodel").is_file():
            return _opened("mlflow", path)
        message = f"{path} has neither manifest.json nor MLmodel in it."
        raise NotPublishable(message)
    kind = _BY_SUFFIX.get(path.suffix.lower())
    if kind is None:
        known = " ".join(_BY_SUFFIX)
        message = f"{path.name}: of this suffix no kind of model is known. Known are {known}."
        raise NotPublishable(message)
    return _opened(kind, path)


def runs_code(path: Path) -> bool:
    """Tell whether opening a file, or the folder it is in, runs code that stands in it."""
    files = path.rglob("*") if path.is_dir() else [path]
    return any(_BY_SUFFIX.get(file.suffix.lower()) in {"pickles", "pytorch"} for file in files)


def source_of(kind: str) -> Any:
    """Return the module of a kind of source; raises `NotPublishable` without its library."""
    try:
        return import_module(f"augury.publishing.sources.{kind}")
    except ModuleNotFoundError as error:
        raise missing(error) from error


def missing(error: ModuleNotFoundError) -> NotPublishable:
    """Return the sentence about a library that is not installed."""
    name = (error.name or "").partition(".")[0]
    how = f"Run: pip install {name}" if name in _THEIRS else _OURS
    return NotPublishable(f"This needs the library {name}, which is not installed here. {how}")


def _opened(kind: str, path: Path) -> Source:
    opened: Source = source_of(kind).open_source(path)
    return opened
