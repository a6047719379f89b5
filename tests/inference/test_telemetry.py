"""Nothing that runs models tells anybody else about it."""

import subprocess
import sys


def test_the_runtime_is_told_to_report_to_nobody_before_it_is_loaded() -> None:
    """Whoever imports a runtime has switched its maker's telemetry off first."""
    program = (
        "import os, sys\n"
        "class Watch:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'onnxruntime':\n"
        "            sys.stdout.write(os.environ.get('ORT_DISABLE_TELEMETRY', 'on'))\n"
        "sys.meta_path.insert(0, Watch())\n"
        "import augury.inference.runtimes.onnx\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={}
    )
    assert ran.stdout == "1"
