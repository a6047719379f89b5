"""The commands of the README that a customer types are run as they stand there."""

import json
import re
import shlex
from pathlib import Path

import pytest

from cli.terminal import Terminal
from cli.test_batch import write
from support.houses import APPLICANT, PASSWORD, Server

README = Path(__file__).parents[2] / "README.md"


def test_the_commands_of_a_customers_terminal_work(
    terminal: Terminal, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In their order, in one folder, with what is typed at their prompts."""
    (block,) = re.findall(r"```sh\n(\.venv/bin/augury login .*?)```", README.read_text(), re.DOTALL)
    monkeypatch.chdir(terminal.folder)
    Path("applicant.json").write_text(json.dumps(APPLICANT))
    write(Path("loans.csv"), 3)
    terminal.ok("logout")
    typed = {"login": f"{PASSWORD}\n", "batch": "y\n"}
    for line in block.splitlines():
        _, command, *rest = shlex.split(line.replace("anna", terminal.username))
        more = ["--url", server.address] if command == "login" else []
        terminal.ok(command, *rest, *more, typed=typed.get(command, ""))
    assert terminal.available == 5000 - 100 - 300
    assert Path("loans-results.csv").exists()
