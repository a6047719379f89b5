"""Objects of Python: joblib, pickle and skops. Opening one runs code that stands in the file."""

import pickle
from pathlib import Path
from typing import Any

import joblib
import skops.io

from augury.publishing import sources
from augury.publishing.sources.protocol import Source
from augury.publishing.trouble import NotPublishable


def open_source(path: Path) -> Source:
    """Return the estimator in a file; raises `NotPublishable`."""
    try:
        found = _loaded(path)
    except ModuleNotFoundError as error:
        raise sources.missing(error) from error
    except Exception as error:  # whatever stands in the file may raise anything
        message = f"{path.name} cannot be opened: {type(error).__name__}: {error}"
        raise NotPublishable(message) from error
    return source_of(found)


def source_of(model: Any) -> Source:
    """Return an estimator of any library that we know as a source; raises `NotPublishable`."""
    rooms = {kind.__module__.partition(".")[0] for kind in type(model).__mro__}
    kind = next((name for name in ("xgboost", "lightgbm", "catboost") if name in rooms), "sklearn")
    opened: Source = sources.source_of(kind).source_of(model)
    return opened


def _loaded(path: Path) -> Any:
    if path.suffix.lower() == ".skops":
        # The publisher named this file, and it is opened on the publisher's own machine.
        return skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
    if path.suffix.lower() == ".joblib":
        return joblib.load(path)
    with path.open("rb") as file:
        return pickle.load(file)  # noqa: S301 -- the same
