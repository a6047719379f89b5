"""What a process of the quarantine has given up: tried by a process that gives it up."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux can confine a process")

_START = """
import ctypes, json, os, resource, socket, subprocess, sys, threading
from pathlib import Path
from augury.inference import sandbox
folder = Path.cwd()
notes = sandbox.enter(folder, network={network})
notes += sandbox.settle(folder, memory_bytes=2**28, seconds=60)
def tried(attempt):
    try:
        return repr(attempt())
    except BaseException as error:
        return type(error).__name__
libc = ctypes.CDLL(None)
"""
_END = "\nos.write(1, json.dumps([notes, {name: tried(one) for name, one in attempts.items()}]).encode())"


def given_up(
    attempts: str, folder: Path, *, network: bool = False
) -> tuple[list[str], dict[str, Any]]:
    """Return the notes, and what became of each attempt; skips what this kernel cannot do."""
    code = _START.format(network=network) + attempts + _END
    ran = subprocess.run(
        [sys.executable, "-I", "-B", "-c", code], cwd=folder, check=True, capture_output=True
    )
    notes, told = json.loads(ran.stdout)
    return notes, told


def test_files_of_others_are_out_of_reach(tmp_path: Path) -> None:
    """Nothing is read outside the folder but what programs need, and nothing is written at all."""
    secret = tmp_path / "secret"
    secret.write_text("x")
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "artifact").write_text("ours")
    notes, told = given_up(
        f"""
attempts = {{
    "own": lambda: Path("artifact").read_text(),
    "read": lambda: Path({str(secret)!r}).read_text(),
    "list": lambda: os.listdir({str(tmp_path)!r}),
    "write": lambda: Path({str(secret)!r}).write_text("y"),
    "truncate": lambda: os.truncate({str(secret)!r}, 0),
    "delete": lambda: os.remove({str(secret)!r}),
    "beside": lambda: Path("more").write_text("y"),
}}
""",
        folder,
    )
    if "note_files" in notes:
        pytest.skip("this kernel has no Landlock")
    assert told.pop("own") == "'ours'"
    assert set(told.values()) <= {"PermissionError"}
    assert secret.read_text() == "x"


def test_no_program_is_started_and_nobody_is_called(tmp_path: Path) -> None:
    """No socket, no other program, no other process; threads are fine."""
    notes, told = given_up(
        """
done = []
def started():
    thread = threading.Thread(target=lambda: done.append(1)); thread.start(); thread.join(); return done
attempts = {
    "socket": lambda: socket.socket(),
    "pair": lambda: socket.socketpair(),
    "program": lambda: subprocess.run(["/bin/true"]),
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "fork": lambda: os.fork(),
    "kill": lambda: os.kill(os.getppid(), 0),
    "thread": started,
    "signal": lambda: libc.syscall(234 if os.uname().machine == "x86_64" else 131, os.getppid(), os.getppid(), 0),
}
""",
        tmp_path,
    )
    if "note_calls" in notes:
        pytest.skip("this kernel has no seccomp, or this processor no list of calls")
    assert told.pop("thread") == "[1]"
    assert told.pop("signal") == "-1"
    assert set(told.values()) == {"PermissionError"}


def test_the_network_is_left_where_it_is_needed(tmp_path: Path) -> None:
    """A model on another server may be called, and still nothing may be started."""
    notes, told = given_up(
        'attempts = {"socket": lambda: socket.socket().close(), "fork": lambda: os.fork()}',
        tmp_path,
        network=True,
    )
    if "note_calls" in notes:
        pytest.skip("this kernel has no seccomp")
    assert told == {"socket": "None", "fork": "PermissionError"}


def test_limits_of_the_kernel_stand(tmp_path: Path) -> None:
    """Memory, open files, length of files and core dumps are limited, and stay so."""
    _, told = given_up(
        """
attempts = {
    "memory": lambda: bytearray(2**29),
    "less": lambda: len(bytearray(2**26)),
    "files": lambda: [open(os.devnull) for _ in range(100)],
    "raise": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096)),
    "core": lambda: resource.getrlimit(resource.RLIMIT_CORE),
    "powers": lambda: int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff")), 16),
    "privileges": lambda: next(line.split()[1] for line in open("/proc/self/status") if line.startswith("NoNewPrivs")),
}
""",
        tmp_path,
    )
    assert told["memory"] == "MemoryError"
    assert told["less"] == str(2**26)
    assert told["files"] == "OSError"
    assert told["raise"] in {"ValueError", "PermissionError"}
    assert told["core"] == "(0, 0)"
    assert told["powers"] == "0"
    assert told["privileges"] == "'1'"


def test_the_peak_is_that_of_this_process(tmp_path: Path) -> None:
    """Memory that the parent has had is not counted."""
    held = bytearray(2**28)
    _, told = given_up('attempts = {"peak": lambda: sandbox.peak_bytes()}', tmp_path)
    assert 0 < int(told["peak"]) < len(held)
