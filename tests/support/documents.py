"""Asking models of documents as a sale asks them."""

from typing import Any

import msgspec
import pytest

from augury.inference.asking import Asked
from augury.inference.documents.protocol import DocumentModel
from augury.kit.errors import InvalidInput
from augury.kit.texts import LANGUAGES, texts


def ask(model: DocumentModel, *rows: Any, language: str = "en") -> list[dict[str, Any]]:
    """Return the outputs of rows that one caller asks about."""
    raw = msgspec.json.encode(rows)
    return model.answer(Asked(model.read(raw), raw, explain=False, language=language))


def refused(model: DocumentModel, *rows: Any) -> list[tuple[str, str]]:
    """Return the faults as pairs of pointer and key; every sentence must be told in both."""
    with pytest.raises(InvalidInput) as caught:
        ask(model, *rows)
    for fault in caught.value.faults:
        for language in LANGUAGES:
            assert texts("api", language).text(fault.key, **fault.values)
    return [(fault.pointer, fault.key) for fault in caught.value.faults]


def codes(answer: dict[str, Any]) -> set[str]:
    """Return the codes of the warnings in an answer."""
    return {warning["code"] for warning in answer["warnings"]}
