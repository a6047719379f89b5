"""The documentation cannot rot: what it names exists, what exists it names, its commands run."""

import ast
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import httpx2
import pytest
from typer.core import TyperGroup
from typer.main import get_command

import augury.api.app
import augury.cli
import augury.files.faults
from augury.kit.errors import Refusal, all_refusals
from augury.settings import Settings
from support.houses import free_port

ROOT = Path(__file__).parents[1]
READMES = [ROOT / "README.md", ROOT / "README.ru.md"]
STARTS_WITHIN_SECONDS = 120


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)


def commands(page: Path) -> list[str]:
    """Return the shell blocks of a page without their comments, which are in its own language."""
    return [re.sub(r"^#.*\n", "", block, flags=re.MULTILINE) for block in blocks(page)]


def headings(page: str) -> set[str]:
    return set(re.findall(r"^#+ `([^`]+)`$", (ROOT / "docs" / page).read_text(), re.MULTILINE))


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A served house on its first start, without a cabinet, by its address."""
    port = free_port()
    program = [sys.executable, "-m", "augury.cli", "serve", "--no-ui", "--api-port", str(port)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AUGURY_")}
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(
            [*program, "--data-dir", str(tmp_path / "data")],
            stdout=log,
            stderr=log,
            env=environment,
        ) as server,
    ):
        try:
            yield _ready(f"http://127.0.0.1:{port}", server)
        finally:
            server.kill()


def _ready(address: str, server: "subprocess.Popen[bytes]") -> str:
    deadline = time.monotonic() + STARTS_WITHIN_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx2.get(f"{address}/readyz", trust_env=False).is_success:
                return address
        except httpx2.TransportError:
            time.sleep(0.05)
    message = "the server did not start"
    raise AssertionError(message)


@pytest.mark.parametrize("readme", READMES, ids=lambda page: page.name)
def test_the_commands_of_the_readme_sell_a_prediction(readme: Path, address: str) -> None:
    (session,) = [block for block in blocks(readme) if block.startswith("API=")]
    script = session.replace("http://127.0.0.1:8000", address)
    assert script.startswith(f"API={address}\n")
    environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    ran = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", script],
        check=False,
        capture_output=True,
        text=True,
        timeout=180,
        env=environment,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    *answers, checkout_url = ran.stdout.splitlines()
    user, prediction, balance = map(json.loads, answers)
    assert user["username"] == "anna"
    assert prediction["status"] == "succeeded"
    assert 0 < prediction["outputs"][0]["default_probability"] < 1
    assert prediction["charge"]["amount"] == prediction["price"] == 100
    assert balance == {"available": 4900, "held": 0}
    approved = {"choice": "approve"}
    paid = httpx2.post(checkout_url, data=approved, follow_redirects=True, timeout=60)
    assert paid.is_success
    assert paid.url.path.startswith("/top-ups/")


def test_both_readmes_have_the_same_commands() -> None:
    english, russian = map(commands, READMES)
    assert english == russian
    assert {"make run\n", "make test\n"} < set(english)


@pytest.mark.parametrize("readme", READMES, ids=lambda page: page.name)
def test_the_readme_names_every_shipped_model_with_its_price(readme: Path) -> None:
    listed = re.findall(r"^\| `([a-z-]+)` \| (\d+) \|", readme.read_text(), re.MULTILINE)
    manifests = [json.loads(path.read_text()) for path in ROOT.glob("models/*/manifest.json")]
    assert {name: int(price) for name, price in listed} == {
        manifest["name"]: manifest["price"] for manifest in manifests
    }


def test_every_setting_has_a_row() -> None:
    # Below the first table stand the settings of payment providers, whose tests look at them.
    own, *_ = (ROOT / "docs/settings.md").read_text().split("\n## ")
    rows = re.findall(r"^\| `(AUGURY_[A-Z_]+)` \|", own, re.MULTILINE)
    assert rows == [f"AUGURY_{name.upper()}" for name in Settings.model_fields]


def test_the_application_is_here_so_that_every_refusal_is_known() -> None:
    assert callable(augury.api.app.create_app)
    assert callable(augury.files.faults.unreadable)


def test_every_refusal_has_a_heading_and_no_heading_is_left_over() -> None:
    assert headings("errors.md") == {refusal.code for refusal in ours()}


def test_every_refusal_is_documented_with_its_status() -> None:
    found = re.findall(r"^## `(\w+)`\n\n(\d+)", (ROOT / "docs/errors.md").read_text(), re.MULTILINE)
    assert dict(found) == {refusal.code: str(refusal.status) for refusal in ours()}


def ours() -> list[type[Refusal]]:
    return [refusal for refusal in all_refusals() if refusal.__module__.startswith("augury.")]


def test_every_command_has_a_heading_and_no_heading_is_left_over() -> None:
    names = set()
    for name in augury.cli.COMMANDS:
        names.add(f"augury {name}")
        command = get_command(import_module(f"augury.cli.{name}").command)
        if isinstance(command, TyperGroup):
            names |= {f"augury {name} {below}" for below in command.commands}
    assert headings("cli.md") == names


def _recorded(tree: ast.Module) -> list[ast.expr]:
    """Return what a module gives for the action wherever it writes the audit log."""
    nodes = list(ast.walk(tree))
    names = {
        alias.asname or alias.name
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module == "augury.audit_log.service"
        for alias in node.names
        if alias.name == "record"
    }
    return [
        node.args[2]
        for node in nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names
    ]


def test_every_action_of_the_audit_log_has_a_row_and_no_row_is_left_over() -> None:
    page = (ROOT / "docs/audit-log.md").read_text()
    rows = re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \|", page, re.MULTILINE)
    trees = [ast.parse(path.read_text()) for path in ROOT.glob("src/augury/**/*.py")]
    actions = {ast.literal_eval(action) for tree in trees for action in _recorded(tree)}
    assert sorted(rows) == sorted(actions)


def test_every_make_target_says_what_it_does() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    helped = re.findall(r"^([a-z-]+):.*## \S", makefile, re.MULTILINE)
    assert helped == targets


def test_every_link_between_pages_leads_somewhere() -> None:
    pages = [*READMES, *ROOT.glob("docs/**/*.md"), ROOT / "CHANGELOG.md"]
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_every_decision_says_context_decision_consequences_and_alternatives() -> None:
    for page in sorted(ROOT.glob("docs/decisions/0*.md")):
        sections = re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE)
        assert sections == ["Context", "Decision", "Consequences", "Alternatives"], page.name
