"""JSON files: those of XGBoost and of CatBoost, told apart by what is inside."""

from pathlib import Path

import msgspec

from augury.publishing import sources
from augury.publishing.sources.protocol import Source
from augury.publishing.trouble import NotPublishable

_BY_MEMBER = {"learner": "xgboost", "features_info": "catboost"}


def open_source(path: Path) -> Source:
    """Return the model in a JSON file; raises `NotPublishable`."""
    try:
        members = msgspec.json.decode(path.read_bytes(), type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        members = {}
    for member, kind in _BY_MEMBER.items():
        if member in members:
            opened: Source = sources.source_of(kind).open_source(path)
            return opened
    message = f"{path.name} is the JSON of neither XGBoost nor CatBoost."
    raise NotPublishable(message)
