"""What tests that are not about passwords or quarantine need not wait for."""

import copy
from functools import cache
from pathlib import Path

import pytest
import structlog
from pwdlib.hashers.bcrypt import BcryptHasher

from augury.inference.manifest import Manifest, read_manifest, verify_artifact
from augury.inference.model import Model
from augury.inference.quarantine import Limits, Verdict
from augury.market import seeds, store
from augury.market.checks import Checked
from augury.market.packages import bundled
from augury.market.series import Draft
from augury.market.store import packed
from augury.registry import catalogue, publish
from augury.settings import Settings
from augury.users import passwords


def quicken_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash with bcrypt's least rounds: the same code, a thousandth of the time."""
    monkeypatch.setattr(passwords, "_bcrypt", BcryptHasher(rounds=4))


def quicken_quarantine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Open what is published in this process, self-test and all, and try no more of it."""

    def examine(manifest: bytes, artifact: Path, _limits: Limits) -> Verdict:
        told = read_manifest(manifest)
        Model(told, artifact, 1)
        return Verdict(told.runtime, told.artifact.bytes, None, 0, 1, 1, 1, 1, None, 0, [])

    monkeypatch.setattr(publish, "examine", examine)


def quicken_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Open and prove a shipped model once in a process, and give each house a copy of its own.

    Nothing is opened whose file has changed since.
    """

    def opened(manifest: Manifest, artifact: Path, threads: int) -> Model:
        if manifest.artifact.sha256 not in _shipped():
            return Model(manifest, artifact, threads)
        verify_artifact(manifest.artifact, artifact)
        key = (repr(manifest), threads)
        if key not in _models:
            _models[key] = Model(manifest, artifact, threads)
        return copy.copy(_models[key])

    monkeypatch.setattr(catalogue, "Model", opened)


_models: dict[tuple[str, int], Model] = {}


@cache
def _shipped() -> frozenset[str]:
    folder = Settings.model_fields["models_dir"].default
    manifests = [read_manifest(file.read_bytes()) for file in folder.glob("*/manifest.json")]
    return frozenset(manifest.artifact.sha256 for manifest in manifests)


def quicken_market() -> None:
    """Read and pack the market data of installed packages once in a process, not for each house."""
    seeds.bundled = _bundled  # type: ignore[attr-defined] # what it imports is replaced
    store.packed = _packed


def slacken_market(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read and pack it as ever, where that is what is tested."""
    monkeypatch.setattr(seeds, "bundled", bundled)
    monkeypatch.setattr(store, "packed", packed)


@cache
def _bundled() -> list[Draft]:
    return bundled()


def _packed(draft: Draft, checked: Checked) -> store.Packed:
    if not any(draft is one for one in _bundled()):
        return packed(draft, checked)
    if draft.symbol not in _series:
        _series[draft.symbol] = packed(draft, checked)
    return _series[draft.symbol]


_series: dict[str, store.Packed] = {}


def quicken_tracebacks() -> None:
    """Log as a program does that was not told how, but without every local variable of a fault."""
    structlog.reset_defaults()
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    usual = structlog.get_config()["processors"]
    structlog.configure(processors=[*usual[:-1], plain])
