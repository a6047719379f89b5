"""The inference service as a process: what it holds, and how it stops."""

import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx2
import msgspec
import pytest

from support.inference_processes import InferenceProcess, inference_process
from support.tiny_models import Tiny, applicants, proven, save_onnx

FORBIDDEN = ("sqlalchemy", "psycopg", "alembic", "stripe", "yookassa", "fastapi", "jwt")


def test_the_process_knows_no_database_and_no_settings() -> None:
    """Its command imports, in a fresh interpreter, no driver, no room with tables, no secret."""
    script = (
        "import sys, augury.cli.inference\n"
        "rooms = ('settings', 'bootstrap', 'ledger', 'users', 'registry', 'payments', 'predictions', 'kit.db')\n"
        f"bad = {{*{FORBIDDEN!r}, *('augury.' + room for room in rooms)}}\n"
        "print(sorted(name for name in sys.modules if name in bad or name.split('.')[0] in bad))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=200
    )
    assert ran.stdout.strip() == "[]"


def test_neither_does_it_once_models_are_loaded(tmp_path: Path) -> None:
    """What a running process has mapped into its memory has no driver either."""
    with inference_process(tmp_path) as process:
        tiny = proven(save_onnx(tmp_path / "tiny.onnx"), "onnx")
        process.keep(tiny)
        process.load(tiny).raise_for_status()
        maps = Path(f"/proc/{process.process.pid}/maps")
        if not maps.exists():
            pytest.skip("this system does not say what a process has mapped")
        mapped = maps.read_text()
    assert "onnxruntime" in mapped
    assert [name for name in ("sqlalchemy", "psycopg", "_sqlite3") if name in mapped] == []


def test_an_idle_process_stops_with_zero(tmp_path: Path) -> None:
    with inference_process(tmp_path) as process:
        process.process.terminate()
        assert process.process.wait(90) == 0


@pytest.fixture
def loaded(tmp_path: Path) -> Tiny:
    """A model."""
    return proven(save_onnx(tmp_path / "tiny.onnx"), "onnx")


def test_sigterm_lets_what_runs_finish(tmp_path: Path, loaded: Tiny) -> None:
    """Requests that were taken are answered, each with 200, and the process ends with zero."""
    with inference_process(tmp_path) as process:
        process.keep(loaded)
        process.load(loaded).raise_for_status()
        rows = applicants(1000)
        head = {"name": "rows", "shape": [1000, 5], "datatype": "FP32"}
        document = msgspec.json.encode(
            {"inputs": [head | {"parameters": {"binary_data_size": rows.nbytes}}]}
        )
        body = document + rows.tobytes()
        statuses: list[int] = []
        asking = threading.Event()

        def ask() -> None:
            while True:
                asking.set()
                try:
                    answer = process.post(
                        "/v2/models/tiny/infer",
                        body,
                        **{"Inference-Header-Content-Length": str(len(document))},
                    )
                except httpx2.TransportError:  # the door is closed
                    return
                statuses.append(answer.status_code)

        callers = [threading.Thread(target=ask) for _ in range(4)]
        for caller in callers:
            caller.start()
        asking.wait(90)
        while len(statuses) < 20:
            time.sleep(0.01)
        process.process.terminate()
        assert process.process.wait(90) == 0
        for caller in callers:
            caller.join(90)
        assert set(statuses) == {200}


def test_sigterm_ends_a_process_that_somebody_hangs_on_to(tmp_path: Path) -> None:
    """A request whose body never comes does not keep it alive."""
    with inference_process(tmp_path, is_patient=False) as process:
        with socket.create_connection(("127.0.0.1", process.port), 90) as caller:
            caller.sendall(
                b"POST /v2/models/a/infer HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n"
                b"Expect: 100-continue\r\n\r\n"
            )
            # It has taken the request, and waits for the body.
            assert caller.recv(100).startswith(b"HTTP/1.1 100")
            process.process.terminate()
            assert process.process.wait(90) == 0


def test_a_process_that_is_restarted_finds_its_artefacts(tmp_path: Path, loaded: Tiny) -> None:
    """The cache outlives it: loading again needs nobody to fetch from."""
    process = InferenceProcess(tmp_path).ready()
    try:
        process.keep(loaded)
        first = process.load(loaded).json()
        process.kill()
        process.start()
        process.ready()
        assert process.loaded() == []
        assert process.load(loaded).json()["digest"] == first["digest"]
    finally:
        process.end()
