"""The manifest as JSON Schema, for those who write one by hand or by program."""

from typing import Any

import msgspec

from augury.inference.manifest import Manifest


def manifest_schema() -> dict[str, Any]:
    """Return the JSON Schema 2020-12 of a manifest."""
    (schema,), definitions = msgspec.json.schema_components(
        [Manifest], ref_template="#/$defs/{name}"
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Manifest of a model version",
        **schema,
        "$defs": definitions,
    }
