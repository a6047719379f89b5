"""A real MLServer in an environment of its own (`make peers`), with a model of scikit-learn."""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

from support.houses import free_port
from support.tiny_models import MATRIX, applicants

ENVIRONMENT = Path(__file__).parents[2] / ".venv-peers"
MODEL = "credit"
_TRAINER = Path(__file__).parent / "train.py"
_STARTS_WITHIN_SECONDS = 200


class MLServer:
    """A process that can be killed and started again on its port."""

    process: "subprocess.Popen[bytes]"

    def __init__(self, folder: Path) -> None:
        """Train a model and write what MLServer wants to know; `start` starts it."""
        if not (ENVIRONMENT / "bin/mlserver").exists():
            pytest.skip("MLServer is not installed; `make peers` installs it and runs this")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        # What the library itself says about the rows of the tiny models.
        self.expected = self._train()
        self._write(
            "settings.json",
            {
                "host": "127.0.0.1",
                "http_port": self.port,
                "grpc_port": free_port(),
                "metrics_port": free_port(),
                "parallel_workers": 0,
            },
        )
        self._write(
            "model-settings.json",
            {
                "name": MODEL,
                "implementation": "mlserver_sklearn.SKLearnModel",
                "parameters": {"uri": "./model.joblib", "version": "v1"},
                "inputs": [{"name": "rows", "datatype": "FP32", "shape": [-1, 5]}],
                "outputs": [{"name": "predict_proba", "datatype": "FP64", "shape": [-1, 2]}],
            },
        )

    def start(self) -> "MLServer":
        """Start it and wait until it has its model."""
        with (self._folder / "mlserver.log").open("ab") as log:
            self.process = subprocess.Popen(
                [ENVIRONMENT / "bin/mlserver", "start", self._folder],
                env=_environment(),
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _STARTS_WITHIN_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                ready = httpx2.get(f"{self.url}/v2/models/{MODEL}/ready", trust_env=False)
            except httpx2.TransportError:
                time.sleep(0.1)
            else:
                if ready.is_success:
                    return self
        raise TimeoutError((self._folder / "mlserver.log").read_text())

    def kill(self) -> None:
        """End it the hard way."""
        self.process.kill()
        self.process.wait()

    def _train(self) -> list[float]:
        rows = {"fit": _plain(applicants(500)), "ask": _plain(MATRIX)}
        self._write("rows.json", rows)
        trained = subprocess.run(
            [ENVIRONMENT / "bin/python", _TRAINER, "rows.json", "model.joblib"],
            cwd=self._folder,
            env=_environment(),
            check=True,
            capture_output=True,
        )
        told: list[float] = json.loads(trained.stdout)
        return told

    def _write(self, name: str, content: Any) -> None:
        (self._folder / name).write_text(json.dumps(content))


def _plain(matrix: Any) -> list[list[float | None]]:
    return [[None if np.isnan(one) else float(one) for one in row] for row in matrix]


def _environment() -> dict[str, str]:
    ours = ("AUGURY_", "PYTHON", "COVERAGE")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}
