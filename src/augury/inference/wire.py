"""What the inference service and its client say to each other: names, and how tensors travel.

The Open Inference Protocol v2 with its binary tensor extension: a JSON document, and behind it the
bytes of the tensors that say how many bytes they have. A header tells how long the document is.
"""

import hashlib
from collections.abc import Sequence

# The one input: float32 [rows, fields], a category as its place in the list, a missing value NaN.
ROWS = "rows"
# The outputs: float64 [rows], and the reasons of a model that has some.
PROBABILITY = "probability"
CONTRIBUTIONS, BASE, ERROR = "contributions", "base", "error"
REASONS = (CONTRIBUTIONS, BASE, ERROR)

DOCUMENT_BYTES = "inference-header-content-length"
BINARY = "binary_data_size"


def digest_of(artifact_sha256: str, manifest_text: str) -> str:
    """Return what addresses a version by its content: SHA-256 over artefact and manifest."""
    return hashlib.sha256(f"{artifact_sha256}\n{manifest_text}".encode()).hexdigest()


def told_length(headers: Sequence[tuple[bytes, bytes]], body: bytes) -> int:
    """Return how much of a body is its JSON document; `ValueError` when that cannot be."""
    told = next((value for name, value in headers if name.lower() == _DOCUMENT_BYTES), None)
    if told is None:
        return len(body)
    if not told.isdigit() or len(told) > _MOST_DIGITS or int(told) > len(body):
        message = f"{DOCUMENT_BYTES} is {told[:_SHOWN]!r}, and the body has {len(body)} bytes"
        raise ValueError(message)
    return int(told)


_DOCUMENT_BYTES = DOCUMENT_BYTES.encode()
_MOST_DIGITS = 12
_SHOWN = 20
