"""JSON is read into types that msgspec has got to know, each by one thread."""

import threading
from typing import Any, TypeVar

import msgspec

_T = TypeVar("_T")

_learning = threading.Lock()
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def decoder_of(kind: type[_T]) -> msgspec.json.Decoder[_T]:
    """Return the decoder of a type, the same one each time.

    Msgspec looks a struct over when it first meets it, and other threads that meet it meanwhile
    find half of what there is to know and crash the process. So one thread at a time may.
    """
    decoder = _decoders.get(kind)
    if decoder is None:
        with _learning:
            decoder = _decoders.setdefault(kind, msgspec.json.Decoder(kind))
    return decoder


def decode(content: bytes | memoryview | str, kind: type[_T]) -> _T:
    """Return what a JSON text says, as `msgspec.json.decode` does."""
    return decoder_of(kind).decode(content)
