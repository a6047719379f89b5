"""The page about manifests: its example is accepted, and it names every member there is."""

import json
import re
from pathlib import Path

import msgspec
from jsonschema import Draft202012Validator

from augury.inference.manifest import InputField, Manifest
from augury.inference.manifest_schema import manifest_schema
from augury.inference.quarantine import examine

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "manifest.md").read_text()
ARTIFACT, MANIFEST = re.findall(r"^```json\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_the_example_passes_quarantine(tmp_path: Path) -> None:
    """Copied from the page, artefact and manifest are a model that could go on sale."""
    artifact = tmp_path / "model.json"
    artifact.write_text(ARTIFACT)
    verdict = examine(MANIFEST.encode(), artifact)
    assert verdict.runtime == "linear"
    assert verdict.reasons_ms_one_row is not None


def test_the_example_and_the_shipped_manifests_fit_the_published_schema() -> None:
    """The JSON Schema is one, and every manifest that we show is valid by it."""
    schema = manifest_schema()
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    shipped = [path.read_text() for path in sorted(ROOT.glob("models/*/manifest.json"))]
    assert len(shipped) >= 3
    for told in (MANIFEST, *shipped):
        validator.validate(json.loads(told))
    assert list(validator.iter_errors({**json.loads(MANIFEST), "pickle": "yes"}))


def test_the_page_names_every_member() -> None:
    """A member that is added to the manifest is added to the page."""
    for struct in (Manifest, InputField):
        for field in msgspec.structs.fields(struct):
            assert f"`{field.encode_name}`" in PAGE, field.encode_name
