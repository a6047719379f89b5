"""Searching what is on sale: few enough to look at each."""

import re
from collections.abc import Sequence

from augury.registry.window import Offer

_NAME = re.compile(r"[a-z0-9][a-z0-9\-]{0,63}")
_NUMBER = re.compile(r"[0-9]{1,9}")


def is_model_name(text: str) -> bool:
    """Tell whether a text has the form of a model's name."""
    return _NAME.fullmatch(text) is not None


def is_version_number(text: str) -> bool:
    """Tell whether a text has the form of a version's number."""
    return _NUMBER.fullmatch(text) is not None


def find(offers: Sequence[Offer], words: str | None, task: str | None) -> list[Offer]:
    """Return the offers of a task whose texts have every word, in either language."""
    wanted = (words or "").casefold().split()
    return [
        offer
        for offer in offers
        if (task is None or offer.version.manifest.task == task)
        and all(word in _text_of(offer) for word in wanted)
    ]


def _text_of(offer: Offer) -> str:
    manifest = offer.version.manifest
    localised = [offer.title, offer.description, *(field.title for field in manifest.inputs)]
    parts = [offer.version.model, manifest.task, *(field.name for field in manifest.inputs)]
    for text in localised:
        parts += [text.en, text.ru]
    return "\n".join(parts).casefold()
