"""The press: values are data, papers come out the same, and the work is bounded."""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typst

from augury.kit.coalescer import Overloaded
from augury.papers import press, render
from augury.papers.render import PaperFailed, pdf
from support.papers import fonts, one_line, pages

PROBE = """
#let values = json(bytes(sys.inputs.values))
#set document(date: none)
#set text(font: "Libertinus Serif", hyphenate: false)
#values.name
"""


@pytest.fixture
def templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of templates of the test; the press works in this process meanwhile."""
    monkeypatch.setattr(press, "TEMPLATES", tmp_path)

    def run(command: list[str], *, input: bytes, **_: Any) -> Any:  # noqa: A002 - as in subprocess
        paper = press.press(command[-1], input.decode())
        return subprocess.CompletedProcess(command, 0, paper, b"")

    monkeypatch.setattr(subprocess, "run", run)
    (tmp_path / "probe.typ").write_text(PROBE)
    return tmp_path


HOSTILE = [
    '#read("/etc/passwd")',
    '#import "@preview/cetz:0.3.0"',
    '"); #panic("out") //',
    '#eval("1 + 1") ]) #{ } $x^2$ *bold* _it_ `raw` <label> @reference = heading',
    "\\u{41} \\ ~ -- ... 'quotes' https://example.com /* comment */ // more",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_markup_in_a_value_is_printed_and_not_carried_out(templates: Path, name: str) -> None:
    assert one_line(pdf("probe.typ", {"name": name})) == name


def test_a_template_reaches_no_file_outside_its_folder(templates: Path) -> None:
    (templates / "outside.typ").write_text('#read("../secret.txt")')
    (templates.parent / "secret.txt").write_text("secret")
    with pytest.raises(typst.TypstError, match="escape"):
        pdf("outside.typ", {})
    (templates / "absolute.typ").write_text('#read("/etc/passwd")')
    with pytest.raises(typst.TypstError, match="not found"):
        pdf("absolute.typ", {})


def test_our_templates_read_nothing_but_their_values_and_their_folder() -> None:
    shipped = sorted(press.TEMPLATES.glob("*.typ"))
    assert {"house.typ", "statement.typ"} <= {path.name for path in shipped}
    for path in shipped:
        source = path.read_text()
        for door in ("@preview", "@local", "read(", "eval(", "plugin(", "http"):
            assert door not in source, path.name


def test_characters_that_could_rearrange_a_line_are_left_out(templates: Path) -> None:
    paper = pdf("probe.typ", {"name": "a\u202eb\x00c\u2066d\te\u200ff"})
    assert one_line(paper) == "a b c d e f"


def test_a_word_longer_than_a_line_is_broken(templates: Path) -> None:
    word = "й" * 400
    (page,) = pages(pdf("probe.typ", {"name": word}))
    lines = page.split()
    assert "".join(lines) == word
    assert len(lines) > 3


def test_the_same_values_give_the_same_bytes(templates: Path) -> None:
    first, second = (pdf("probe.typ", {"name": "Анна"}) for _ in range(2))
    assert first == second
    assert b"CreationDate" not in first


def test_fonts_are_embedded_and_no_font_of_the_machine_is_used(templates: Path) -> None:
    (templates / "probe.typ").write_text(PROBE.replace("Libertinus Serif", "Arial"))
    found = fonts(pdf("probe.typ", {"name": "Анна"}))
    assert found
    assert all(found.values())
    assert not any("Arial" in name for name in found)


def test_a_fault_of_a_template_is_an_error_with_its_place() -> None:
    with pytest.raises(PaperFailed, match=r"statement\.typ"):
        pdf("statement.typ", {"nothing": "that it needs"})


def test_the_press_is_a_process_without_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def run(command: list[str], **options: Any) -> Any:
        seen.update(options, command=command)
        return subprocess.CompletedProcess(command, 0, b"%PDF", b"")

    monkeypatch.setenv("AUGURY_SECRET_KEY", "secret")
    monkeypatch.setattr(subprocess, "run", run)
    assert pdf("probe.typ", {}) == b"%PDF"
    assert seen["command"][:2] == [sys.executable, "-I"]
    assert not any("AUGURY" in name for name in seen["env"])
    assert seen["timeout"] > 0


def test_the_press_speaks_by_its_streams_and_limits_itself() -> None:
    child = subprocess.run(
        [sys.executable, "-I", "-c", _LIMITED],
        input=json.dumps({}).encode(),
        capture_output=True,
        check=True,
    )
    memory, cpu = (int(limit) for limit in child.stdout.split())
    assert 0 < memory <= 4 * 1024**3
    assert 0 < cpu <= 60


_LIMITED = """
import resource, sys
from augury.papers import press
press.press = lambda template, values: b""
sys.argv = ["press", "probe.typ"]
press.main()
print(resource.getrlimit(resource.RLIMIT_AS)[0], resource.getrlimit(resource.RLIMIT_CPU)[0])
"""


def test_a_paper_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], *, timeout: float, **_: Any) -> Any:
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(subprocess, "run", run)
    for _ in range(3):  # and its place is free again
        with pytest.raises(Overloaded) as refusal:
            pdf("probe.typ", {})
        assert refusal.value.retry_after_seconds


def test_a_paper_is_never_set_on_the_event_loop() -> None:
    async def careless() -> bytes:
        return pdf("probe.typ", {})

    with pytest.raises(RuntimeError, match="thread"):
        asyncio.run(careless())


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """One press and two places, and a press that waits until the event is set."""
    monkeypatch.setattr(render, "_PRESSES", threading.BoundedSemaphore(1))
    monkeypatch.setattr(render, "_PLACES", threading.BoundedSemaphore(2))
    done = threading.Event()

    def run(command: list[str], **_: Any) -> Any:
        done.wait(120)
        return subprocess.CompletedProcess(command, 0, b"%PDF", b"")

    monkeypatch.setattr(subprocess, "run", run)
    yield done
    done.set()


def test_only_so_many_may_wait_for_a_press(
    narrow: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    papers: list[bytes] = []
    waiting = [
        threading.Thread(target=lambda: papers.append(pdf("probe.typ", {}))) for _ in range(2)
    ]
    for thread in waiting:
        thread.start()
    while render._PLACES._value:
        threading.Event().wait(0.001)
    with pytest.raises(Overloaded):
        pdf("probe.typ", {})
    narrow.set()
    for thread in waiting:
        thread.join()
    assert papers == [b"%PDF"] * 2


def test_whoever_waits_too_long_for_a_press_is_refused(
    narrow: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render, "_MOST_SECONDS", 0.01)
    first = threading.Thread(target=pdf, args=("probe.typ", {}))
    first.start()
    while render._PRESSES._value:
        threading.Event().wait(0.001)
    with pytest.raises(Overloaded):
        pdf("probe.typ", {})
    narrow.set()
    first.join()
