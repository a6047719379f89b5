"""The build steps of the Dockerfile, run here: `make deploy-check`. Minutes, so not in the suite.

Its instructions are read from the file itself; `/src` and `/opt/augury` become folders of the test.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from support.deployment import ROOT


def instructions(stage: str) -> list[tuple[str, str]]:
    """Return the instructions of a stage, in their order."""
    text = (ROOT / "Dockerfile").read_text()
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    (found,) = (part for part in joined.split("\nFROM ")[1:] if f" AS {stage}\n" in part)
    _, *lines = filter(None, found.splitlines())
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs that the image gets."""
    folder = tmp_path_factory.mktemp("image")
    source, opt = folder / "src", folder / "opt"
    source.mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AUGURY_", "PYTHON"))}

    def here(text: str) -> str:
        return text.replace("/opt/augury", str(opt)).replace("$PATH", environment["PATH"])

    for name, rest in instructions("build"):
        if name == "ENV":
            environment |= dict(pair.split("=", 1) for pair in here(rest).split())
        elif name == "COPY":
            *sources, target = rest.split()
            for one in sources:
                place = source / target / ("" if (ROOT / one).is_dir() else one)
                if (ROOT / one).is_dir():
                    shutil.copytree(ROOT / one, place)
                else:
                    shutil.copy(ROOT / one, place)
        elif name == "RUN":
            subprocess.run(["/bin/sh", "-ec", here(rest)], cwd=source, env=environment, check=True)
    return opt / "bin"


def run(built: Path, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AUGURY_", "PYTHON"))}
    return subprocess.run(
        [str(built / "augury"), *arguments],
        env=environment | {"AUGURY_DATA_DIR": str(folder / "data")},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_image_puts_the_shipped_models_on_sale(built: Path, tmp_path: Path) -> None:
    migrated = run(built, tmp_path, "migrate")
    assert migrated.returncode == 0, migrated.stderr
    shipped = [path.name for path in (ROOT / "models").iterdir()]
    assert all(f"on sale: {name}" in migrated.stdout for name in shipped)


@pytest.mark.parametrize("command", ["serve", "api", "ui", "inference", "worker", "beat"])
def test_every_process_of_the_image_can_be_started(
    built: Path, tmp_path: Path, command: str
) -> None:
    told = run(built, tmp_path, command, "--help")
    assert told.returncode == 0, told.stderr


def test_the_image_has_no_tools_that_build(built: Path) -> None:
    packages = {path.name.partition("-")[0] for path in built.parent.glob("lib/*/site-packages/*")}
    assert not packages & {"pip", "hatchling", "pytest", "uv"}
    assert {"augury", "celery", "pyarrow", "obstore"} <= packages
