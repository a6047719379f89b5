"""The cabinet's process: Streamlit's options still exist, nothing leaves, and it ends when told."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest
from streamlit import config

import augury.ui.main
from augury.ui.theme import streamlit_config
from support.houses import free_port

# For hangs only: a machine that tests has other work, too.
ENDS_WITHIN_SECONDS = 90
STARTS_WITHIN_SECONDS = 240
ANSWERS_WITHIN_SECONDS = 60
PROGRAM = """
import sys
from augury.ui.main import run
run("127.0.0.1", int(sys.argv[1]), "http://127.0.0.1:9", sys.stdin.readline())
"""


@pytest.mark.parametrize("option", sorted(streamlit_config("127.0.0.1", 8001)))
def test_streamlit_still_has_the_option(option: str) -> None:
    # `runner.postScriptGC` is hidden: this test is how we learn that it went.
    assert option in config._config_options_template


def test_full_collections_and_calls_home_are_off() -> None:
    chosen = streamlit_config("127.0.0.1", 8001)
    assert chosen["runner.postScriptGC"] is False
    assert chosen["browser.gatherUsageStats"] is False
    assert chosen["server.fileWatcherType"] == "none"
    assert chosen["client.showErrorDetails"] == "none"
    assert chosen["server.enableAgentApi"] is False


def test_no_folder_wakes_streamlits_own_page_discovery() -> None:
    assert not (Path(augury.ui.main.__file__).parent / "pages").exists()


def test_it_serves_and_ends_quietly_however_often_it_is_told(tmp_path: Path) -> None:
    port = free_port()
    environment = {**os.environ, "PYTHONWARNINGS": "default"}
    written = tmp_path / "errors.txt"
    with (
        written.open("wb") as errors,
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(port)],
            stdin=subprocess.PIPE,
            stderr=errors,
            env=environment,
        ) as process,
    ):
        try:
            assert process.stdin is not None
            process.stdin.write(b"secret\n")
            process.stdin.close()
            page = _wait_for(f"http://127.0.0.1:{port}/_stcore/health", process)
            front = _get(f"http://127.0.0.1:{port}/predictions")
            assert (page.text, front.status_code) == ("ok", 200)
            assert "frame-ancestors 'self'" in front.headers["Content-Security-Policy"]
            deadline = time.monotonic() + ENDS_WITHIN_SECONDS
            while process.poll() is None and time.monotonic() < deadline:
                process.send_signal(signal.SIGTERM)
                time.sleep(0.02)
            assert process.returncode == 0
            assert "Traceback" not in written.read_text("utf-8")
        finally:
            process.kill()


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> httpx2.Response:
    deadline = time.monotonic() + STARTS_WITHIN_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None
        try:
            return _get(url)
        except httpx2.TransportError:
            time.sleep(0.1)
    message = f"{url} did not come up"
    raise AssertionError(message)


def _get(url: str) -> httpx2.Response:
    return httpx2.get(url, trust_env=False, timeout=ANSWERS_WITHIN_SECONDS)
