"""A tiny model of each format, made once."""

import pytest

from support.tiny_models import WAYS, Tiny, proven, save_onnx


@pytest.fixture(scope="session", params=WAYS)
def tiny(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """A tiny model of each format."""
    runtime, save = WAYS[request.param]
    return proven(save(tmp_path_factory.mktemp(request.param)), runtime)


@pytest.fixture(scope="session")
def scorecard(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """One tiny model where the format does not matter."""
    return proven(save_onnx(tmp_path_factory.mktemp("scorecard") / "tiny.onnx"), "onnx")
