"""The quarantine: what a verdict says, and that a child that misbehaves is only a reason."""

import fcntl
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from augury.inference import quarantine
from augury.inference.documents import DOCUMENTS
from augury.inference.dry_run import edge_rows
from augury.inference.manifest import BadModel, InputField
from augury.inference.quarantine import Limits, Verdict, examine
from augury.inference.signature import Signature
from augury.kit.coalescer import Overloaded
from augury.kit.texts import LANGUAGES, texts
from inference.hostile import manifest_for
from support.tiny_models import MATRIX, Tiny, manifest_of, save_onnx

# Enough for an honest model on a machine that is slow or stands still.
PATIENT = Limits(seconds=250)
SHIPPED = sorted((Path(__file__).parents[2] / "models").iterdir())


@pytest.fixture(autouse=True)
def _temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test of this file leaves a temporary file."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield
    assert list(folder.iterdir()) == []


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An honest graph."""
    return save_onnx(tmp_path / "tiny.onnx", gain=0.0)


def by_child(code: str, path: Path, monkeypatch: pytest.MonkeyPatch, **limits: int) -> Verdict:
    """Examine an honest graph with a child that does something else."""
    monkeypatch.setattr(quarantine, "_PROGRAM", ("-c", code))
    return examine(manifest_for(path, "onnx"), path, Limits(**limits))


def reason_of(code: str, path: Path, monkeypatch: pytest.MonkeyPatch, **limits: int) -> str:
    with pytest.raises(BadModel) as refused:
        by_child(code, path, monkeypatch, **limits)
    return refused.value.key


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_what_ships_passes(folder: Path) -> None:
    """Each shipped model passes, with figures that are plausible."""
    manifest = (folder / "manifest.json").read_bytes()
    told = json.loads(manifest)
    verdict = examine(manifest, folder / told["artifact"]["file"], PATIENT)
    assert verdict.runtime == told["runtime"]
    assert verdict.artifact_bytes == told["artifact"]["bytes"]
    assert (verdict.nodes is None) == (verdict.runtime != "onnx")
    assert 0 <= verdict.self_test_error <= told["self_test"]["tolerance"]
    assert verdict.latency_ms_per_row_of_thousand > 0
    assert verdict.latency_ms_one_row > 0
    assert verdict.memory_mb_peak > 0
    # Documents are tried alone and in a crowd; rows of tables at every edge of their schema.
    assert verdict.rows_tried > (30 if told["runtime"] in DOCUMENTS else 1000)
    assert (verdict.reasons_ms_one_row is None) == (told["explain"] is None)
    for language in LANGUAGES:
        assert set(verdict.notes) <= texts("models", language).keys
    assert msgspec.json.decode(msgspec.json.encode(verdict), type=Verdict) == verdict


def test_a_model_of_each_runtime_passes(tiny: Tiny, tmp_path: Path) -> None:
    """An honest artefact of each format is taken, from wherever it was uploaded to."""
    uploaded = tmp_path / "upload"
    uploaded.write_bytes(tiny.path.read_bytes())
    verdict = examine(msgspec.json.encode(tiny.manifest), uploaded, PATIENT)
    assert verdict.reasons_ms_one_row is None
    assert "note_no_limits" in verdict.notes  # the rate has no maximum


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT, signal.SIGBUS])
def test_a_child_that_breaks_is_a_reason(
    number: signal.Signals, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash ends the child, and the reason says by which signal."""
    code = f"import os; os.kill(os.getpid(), {int(number)})"
    with pytest.raises(BadModel) as refused:
        by_child(code, path, monkeypatch)
    assert refused.value.key == "quarantine_signal"
    assert refused.value.values == {"signal": int(number)}


@pytest.mark.parametrize(
    ("code", "key"),
    [
        ("pass", "quarantine_silent"),
        ("print('{}')", "quarantine_silent"),
        ("print('[' * 60000)", "quarantine_silent"),
        ("raise SystemExit(3)", "quarantine_silent"),
        ("import os; os.write(1, bytes(range(256)))", "quarantine_silent"),
        ("import os; os.write(1, b' ' * 10**6 + b'{}')", "quarantine_silent"),
        ("""print('{"verdict": {"runtime": "onnx"}}')""", "quarantine_silent"),
        ("""print('{"refused": {"key": "no such key", "values": {}}}')""", "quarantine_silent"),
        ("""print('{"refused": {"key": "not_onnx", "values": {}}}')""", "quarantine_silent"),
        ("""print('{"refused": {"key": "not_onnx", "values": {"self": "x"}}}')""", "quarantine_silent"),
        ("""print('{"refused": {"key": "graph_training", "values": {}}}')""", "graph_training"),
        ("import sys; sys.stderr.write('std::bad_alloc'); sys.exit(1)", "quarantine_memory"),
        ("raise MemoryError", "quarantine_memory"),
        ("import time; time.sleep(60)", "quarantine_time"),
    ],
)  # fmt: skip
def test_what_is_no_verdict_is_a_reason(
    code: str, key: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the child says or leaves out, the parent has a sentence for it."""
    limits = {"seconds": 1} if key == "quarantine_time" else {}
    assert reason_of(code, path, monkeypatch, **limits) == key


def test_all_that_a_child_started_ends_with_it(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes of the child's group are killed too, when the child has long ended."""
    told = tmp_path / "pid"
    code = (
        "import subprocess, sys, pathlib; child = subprocess.Popen([sys.executable, '-c',"
        f" 'import time; time.sleep(600)']); pathlib.Path({str(told)!r}).write_text(str(child.pid))"
    )
    assert reason_of(code, path, monkeypatch) == "quarantine_silent"
    grandchild = int(told.read_text())
    # Whoever inherits it collects it in a moment.
    until(
        lambda: not Path(f"/proc/{grandchild}").exists() or "Z (" in _state(grandchild),
        "a process was left behind",
    )


def until(holds: Callable[[], bool], message: str) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, message
        time.sleep(0.01)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return "Z ("


def test_the_child_inherits_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither secrets from the environment, nor open files, nor a session."""
    monkeypatch.setenv("AUGURY_SECRET_KEY", "hunter2")
    monkeypatch.setenv("PYTHONSTARTUP", "x")
    code = (
        "import os, json; told = [sorted(os.environ), sorted(map(int, os.listdir('/proc/self/fd'))),"
        " os.getsid(0) == os.getpid()]; print(json.dumps({'refused': {'key': 'quarantine_load',"
        " 'values': {'error': json.dumps(told)}}}))"
    )
    with path.open("rb") as held:
        # High, for the child gives the lowest ones to its own files.
        secret = fcntl.fcntl(held, fcntl.F_DUPFD, 100)
        os.set_inheritable(secret, True)
        with pytest.raises(BadModel) as refused:
            by_child(code, path, monkeypatch)
        os.close(secret)
    environment, files, own_session = json.loads(str(refused.value.values["error"]))
    assert not [name for name in environment if "AUGURY" in name or name.startswith("PYTHON")]
    assert secret not in files
    assert len(files) <= 4
    assert own_session is True


def test_files_that_are_too_long_are_not_read(path: Path) -> None:
    """Limits on the length of the manifest and of the artefact come before anything else."""
    manifest = manifest_for(path, "onnx")
    with pytest.raises(BadModel) as refused:
        examine(manifest, path, Limits(manifest_bytes=100))
    assert refused.value.key == "manifest_too_large"
    with pytest.raises(BadModel) as refused:
        examine(manifest, path, Limits(artifact_bytes=100))
    assert refused.value.key == "artifact_too_large"


def test_few_are_examined_at_once(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits too long for a turn is told to come again; afterwards there is room again."""
    monkeypatch.setattr(quarantine, "_turns", threading.BoundedSemaphore(1))
    manifest, program = manifest_for(path, "onnx"), quarantine._PROGRAM
    begun, may_end = tmp_path / "begun", tmp_path / "may_end"
    code = f"import pathlib, time; pathlib.Path({str(begun)!r}).touch()\n"
    code += f"while not pathlib.Path({str(may_end)!r}).exists(): time.sleep(0.01)"
    monkeypatch.setattr(quarantine, "_PROGRAM", ("-c", code))
    with ThreadPoolExecutor(1) as other:
        busy = other.submit(examine, manifest, path, PATIENT)
        try:
            until(begun.exists, "nobody has got a turn")
            monkeypatch.setattr(quarantine, "_WAIT_SECONDS", 0.05)
            with pytest.raises(Overloaded) as refused:
                examine(manifest, path)
        finally:
            may_end.touch()
        assert isinstance(busy.exception(), BadModel)
    assert refused.value.retry_after_seconds
    monkeypatch.setattr(quarantine, "_PROGRAM", program)
    examine(manifest, path, PATIENT)


def test_edges_are_inside_the_schema() -> None:
    """Generated rows keep the manifest's own rules and touch every edge, the same each time."""
    manifest = manifest_of()
    rows = edge_rows(manifest.inputs, MATRIX, 4000)
    assert len(rows) <= 4000
    np.testing.assert_array_equal(rows, edge_rows(manifest.inputs, MATRIX, 4000))
    told = [_as_json(row, manifest.inputs) for row in rows[:1000]]
    np.testing.assert_array_equal(
        Signature(manifest).decode(json.dumps(told).encode()), rows[:1000]
    )
    for place, edges in enumerate(
        [{18.0, 100.0}, {0.0, 1.0, 2.0}, {1.0, 1000.0}, {0.0, 1.0}, {0.0}]
    ):
        assert edges <= set(rows[:, place].tolist())
    assert np.isnan(rows).any(axis=0).tolist() == [True, False, False, False, True]


def test_many_fields_and_categories_are_a_sample() -> None:
    """Five hundred fields of ten thousand categories still give a bounded number of rows."""
    text = {"en": "x", "ru": "x"}
    fields = [
        {"name": f"f{number}", "type": "category", "title": text, "description": text,
         "categories": [str(value) for value in range(10_000)], "example": "1", "nullable": True}
        for number in range(500)
    ]  # fmt: skip
    inputs = msgspec.convert(fields, list[InputField])
    rows = edge_rows(inputs, np.zeros((1, 500), np.float32), 4000)
    assert rows.shape[0] <= 4000
    assert np.nanmax(rows) == 9999


def _as_json(row: Any, fields: list[InputField]) -> dict[str, Any]:
    return {
        field.name: None
        if np.isnan(value)
        else field.categories[int(value)]
        if field.categories
        else float(value)
        for field, value in zip(fields, row, strict=True)
    }


def test_a_remote_model_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """Nobody listens there: the reason comes at once and names the address."""
    path = tmp_path / "remote.json"
    path.write_text(json.dumps({"url": "http://127.0.0.1:9", "model": "tiny"}))
    with pytest.raises(BadModel) as refused:
        examine(manifest_for(path, "remote"), path)
    assert refused.value.key == "remote_unanswered"
