"""One process of the inference service with a tiny model of each format that runs there."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from augury.inference.odds import log_odds, probability
from support.inference_processes import InferenceProcess, inference_process
from support.tiny_models import ROWS, WAYS, Tiny, proven

CALIBRATION = {"slope": 0.9, "intercept": 0.1}


def served_tiny(folder: Path, way: str, **changes: object) -> Tiny:
    """Return a tiny model with reasons and a calibration, under a name of its own."""
    runtime, save = WAYS[way]
    explain = {"price": 1, "references": ROWS[:2]}
    tiny = proven(save(folder), runtime, name=f"tiny-{way}", explain=explain)
    plain = np.array(tiny.manifest.self_test.probabilities)
    corrected = probability(CALIBRATION["slope"] * log_odds(plain) + CALIBRATION["intercept"])
    test = {"tolerance": 1e-6, "inputs": ROWS, "probabilities": corrected.tolist()}
    return Tiny(tiny.path, tiny.but(calibration=CALIBRATION, self_test=test, **changes))


@pytest.fixture(scope="session")
def tinies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tiny]:
    """Tiny models by the way they are made."""
    ways = [way for way, (runtime, _) in WAYS.items() if runtime != "remote"]
    return {way: served_tiny(tmp_path_factory.mktemp(f"served-{way}"), way) for way in ways}


@pytest.fixture(scope="session")
def served(
    tmp_path_factory: pytest.TempPathFactory, tinies: dict[str, Tiny]
) -> Iterator[InferenceProcess]:
    """A running process that has them loaded, as version 3."""
    with inference_process(tmp_path_factory.mktemp("inference")) as process:
        for tiny in tinies.values():
            process.keep(tiny)
            loaded = process.load(tiny, 3)
            assert loaded.status_code == 200, loaded.text
        yield process
