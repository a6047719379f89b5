"""Examples of a first prediction, made from a model's manifest."""

import json
import shlex
from typing import Any

from pydantic import BaseModel, Field

from augury.inference.documents import DOCUMENTS
from augury.inference.manifest import Manifest

_CURL = """\
curl {url}/v1/predictions \\
  -H "Authorization: Bearer $AUGURY_TOKEN" \\
  -H "Content-Type: application/json" \\
  -d {body}"""

_PYTHON = """\
from augury.client import Client

with Client({url!r}) as augury:
    augury.sign_in(input("username: "), input("password: "))
    sold = augury.predict(
        {name!r},
        [{row}],
    )
    print(sold.outputs)"""


class Examples(BaseModel):
    """The same first prediction in several languages, ready to be pasted."""

    curl: str = Field(description="For a shell, with an access token in `AUGURY_TOKEN`.")
    python: str = Field(description="For the Python client.")


def example_row(manifest: Manifest) -> dict[str, Any]:
    """Return an input row that the manifest, or its family, gives as an example."""
    family = DOCUMENTS.get(manifest.runtime)
    if family is not None:
        return dict(family.example)
    return {field.name: field.example for field in manifest.inputs}


def examples(name: str, manifest: Manifest, public_url: str) -> Examples:
    """Return examples that buy one prediction of the manifest's own example row."""
    row = example_row(manifest)
    body = json.dumps({"model": name, "inputs": [row]}, ensure_ascii=False)
    told = "{" + ", ".join(f"{key!r}: {value!r}" for key, value in row.items()) + "}"
    return Examples(
        curl=_CURL.format(url=public_url, body=shlex.quote(body)),
        python=_PYTHON.format(url=public_url, name=name, row=told),
    )
