"""The whole training, on made-up data and with small models."""

from pathlib import Path

import numpy as np
import pytest

from augury.inference.explainers.protocol import log_odds
from augury.inference.manifest import Manifest
from augury.inference.model import Model
from augury.training.calibration import fit_curve
from augury.training.credit import NotFitToShipError, WrongFileError, pipeline, train
from augury.training.credit.dataset import read
from augury.training.credit.recipes import Recipe, recipes
from training import synthetic

FILES = {"calibration.svg", "card.md", "card.ru.md", "effects.svg", "manifest.json"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a CSV file of made-up rows."""
    return synthetic.write(tmp_path_factory.mktemp("data") / "credit.csv")


@pytest.fixture(scope="module")
def lines() -> list[str]:
    """Return what the training says."""
    return []


@pytest.fixture(scope="module")
def trained(
    data: Path, lines: list[str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[Manifest]]:
    """Return the folder and the manifests of one quick training."""
    out = tmp_path_factory.mktemp("first")
    return out, train(data, out, quick=True, say=lines.append)


def test_the_same_data_and_seed_give_the_same_files(
    data: Path, trained: tuple[Path, list[Manifest]], tmp_path: Path
) -> None:
    """Training twice gives equal metrics and files that are equal to the byte."""
    out, manifests = trained
    again = train(data, tmp_path, quick=True, say=lambda _: None)
    assert [m.metrics for m in again] == [m.metrics for m in manifests]
    files = sorted(path.relative_to(out) for path in out.rglob("*") if path.is_file())
    differing = [n for n in files if (out / n).read_bytes() != (tmp_path / n).read_bytes()]
    assert differing == []


def test_each_model_gives_reasons_in_its_own_way(
    trained: tuple[Path, list[Manifest]], data: Path
) -> None:
    """What was trained is loaded with reasons that add up: by points, by references, by leaves."""
    out, manifests = trained
    matrix = read(data).matrix[:25]
    ways = []
    for manifest in manifests:
        model = Model(manifest, out / manifest.name / manifest.artifact.file, 1)
        found = model.contributions(matrix)
        np.testing.assert_allclose(found.log_odds(), log_odds(model.predict(matrix)), atol=1e-4)
        assert manifest.explain is not None
        ways.append((bool(manifest.explain.points), len(manifest.explain.references)))
    assert ways == [(True, 0), (False, 8), (False, 0)]


def test_each_model_gets_a_whole_folder(trained: tuple[Path, list[Manifest]]) -> None:
    """Artefact, manifest, both cards and both pictures are written, and no draft is left behind."""
    out, manifests = trained
    assert {path.name for path in out.iterdir()} == {m.name for m in manifests}
    for manifest in manifests:
        found = {path.name for path in (out / manifest.name).iterdir()}
        assert found == FILES | {manifest.artifact.file}
        for card in ("card.md", "card.ru.md"):
            assert "$" not in (out / manifest.name / card).read_text()


def test_progress_is_counted(trained: tuple[Path, list[Manifest]], lines: list[str]) -> None:
    """Every stage says which of how many it is, down to the last."""
    assert trained
    steps = [line for line in lines if line.startswith("[")]
    assert steps[0].startswith("[1/21]")
    assert steps[-1].startswith("[21/21]")


@pytest.mark.parametrize("recipe", recipes(quick=True), ids=lambda recipe: recipe.name)
def test_the_artefact_says_what_was_trained(recipe: Recipe, data: Path, tmp_path: Path) -> None:
    """On held-out rows, some with missing values, artefact and model agree to 1e-5."""
    rows = read(data)
    seen, held = slice(0, 2000), slice(2000, None)
    fitted = recipe.fit(rows.matrix[seen], rows.target[seen], 7)
    chance = fitted.predict(rows.matrix[held])
    curve = fit_curve(chance, rows.target[held]) if recipe.calibrated else None
    (tmp_path / recipe.file).write_bytes(fitted.export(curve))
    served = recipe.serve(tmp_path / recipe.file)(rows.matrix[held])
    assert served.shape == chance.shape
    assert np.isnan(rows.matrix[held]).any()
    assert np.max(np.abs(served - (curve(chance) if curve else chance))) <= 1e-5


def test_the_calibration_curve_never_turns_back() -> None:
    """A curve fitted to outcomes against all order still never ranks a higher chance lower."""
    chance = np.linspace(0.01, 0.99, 400)
    curve = fit_curve(chance, (chance < 0.5).astype(np.int64))
    assert np.all(np.diff(curve(chance)) >= 0)


def test_an_artefact_that_disagrees_is_not_written(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When parity fails, training raises and the folder of models stays as it was."""
    monkeypatch.setattr(pipeline, "_PARITY", -1.0)
    with pytest.raises(NotFitToShipError, match="is off by"):
        train(data, tmp_path, quick=True, say=lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_file_writes_nothing(tmp_path: Path) -> None:
    """A refused file leaves no folder behind."""
    (tmp_path / "wrong.csv").write_text("a,b\n1,2\n")
    with pytest.raises(WrongFileError):
        train(tmp_path / "wrong.csv", tmp_path / "out", say=lambda _: None)
    assert not (tmp_path / "out").exists()
