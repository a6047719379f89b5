"""The examples of `docs/publishing.md` are run as they stand there, one after the other."""

import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from typer.testing import CliRunner

import augury.cli

PAGE = Path(__file__).parents[2] / "docs/publishing.md"
SECTION = re.compile(r"^## An example for each library$(.+?)^## ", re.DOTALL | re.MULTILINE)
BLOCK = re.compile(r"^```(python|sh)\n(.+?)^```$", re.DOTALL | re.MULTILINE)


def test_every_example_makes_a_folder_that_could_be_uploaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = SECTION.search(PAGE.read_text())
    assert found is not None
    monkeypatch.chdir(tmp_path)
    blocks = [
        (language, text)
        for language, text in BLOCK.findall(found[1])
        if find_spec("torch") or ("torch" not in text and "network.pt" not in text)
    ]
    script = "".join(text for language, text in blocks if language == "python")
    # In a process of its own, as publishers have one.
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    published = []
    for number, (language, text) in enumerate(blocks):
        if language == "sh":
            program, *arguments = shlex.split(text)
            assert program == "augury"
            result = CliRunner().invoke(augury.cli.app, [*arguments, "--out", f"out-{number}"])
            assert result.exit_code == 0, result.output
            assert (tmp_path / f"out-{number}/manifest.json").is_file()
            published.append(arguments[1])
    kinds = {"regression.joblib", "boosting.ubj", "light.txt", "cat.cbm", "pair.onnx", "run"}
    assert kinds <= {*published}
