"""Types are met by one thread at a time, and wrong JSON is told as ever."""

import ast
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

import augury
from augury.kit.decoding import decode, decoder_of

# Each round has new types, which many threads meet at one instant.
_CROWD = """
import sys, threading
import msgspec
from augury.kit.decoding import decode

sys.setswitchinterval(1e-6)
text = b'{"first": {"x": 1, "y": [1.5]}, "more": {"k": {"x": 2, "y": []}}}'
for _ in range(1000):
    Inner = msgspec.defstruct("Inner", [("x", int), ("y", list[float])])
    Outer = msgspec.defstruct("Outer", [("first", Inner), ("more", dict[str, Inner])])
    start, read = threading.Barrier(4), []
    def run():
        start.wait()
        read.append(decode(text, Outer).first.y)
    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read == [[1.5]] * 4
"""


def test_threads_that_meet_a_type_together_all_read_it() -> None:
    """Without turns the process ends by a segmentation fault."""
    ran = subprocess.run([sys.executable, "-c", _CROWD], capture_output=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_a_type_has_one_decoder() -> None:
    assert decoder_of(list[int]) is decoder_of(list[int])
    assert decode(b"[1]", list[int]) == [1]
    with pytest.raises(msgspec.ValidationError):
        decode(b'["1"]', list[int])
    with pytest.raises(msgspec.DecodeError):
        decode("[", list[int])


def test_nothing_else_meets_types_while_threads_run() -> None:
    """At import one thread is alone; a function may be called by many."""
    calls = [
        f"{path.name}:{call.lineno}"
        for path in Path(augury.__path__[0]).rglob("*.py")
        if path.name != "decoding.py"
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for call in ast.walk(function)
        if isinstance(call, ast.Call)
        and ast.unparse(call.func) == "msgspec.json.decode"
        and any(isinstance(given.value, ast.Name) for given in call.keywords)
    ]
    assert calls == []
