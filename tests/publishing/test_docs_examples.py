"""The examples of `docs/publishing.md` are run as they stand there, one after the other."""

import re
import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import Any

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
    names: dict[str, Any] = {}
    published = []
    for number, (language, text) in enumerate(BLOCK.findall(found[1])):
        if "torch" in text or "network.pt" in text:
            if find_spec("torch") is None:
                continue
            published.append("torch")
        if language == "python":
            exec(compile(text, f"example {number}", "exec"), names)  # noqa: S102 -- our own page
            continue
        program, *arguments = shlex.split(text)
        assert program == "augury"
        result = CliRunner().invoke(augury.cli.app, [*arguments, "--out", f"out-{number}"])
        assert result.exit_code == 0, result.output
        assert (tmp_path / f"out-{number}/manifest.json").is_file()
        published.append(arguments[1])
    assert {"regression.joblib", "boosting.ubj", "light.txt", "cat.cbm", "pair.onnx", "run"} <= {
        *published
    }
