"""From the public CSV to three model folders, each proven before it is written."""

import hashlib
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np
import typer
from sklearn.model_selection import StratifiedKFold

from augury.inference.manifest import (
    Artifact,
    Decision,
    Manifest,
    Metrics,
    OutputNames,
    Reference,
    SelfTest,
    Training,
)
from augury.training import plots
from augury.training.calibration import Curve, Floats, fit_curve
from augury.training.credit import selftest
from augury.training.credit.cards import LANGUAGES, Evidence, card
from augury.training.credit.dataset import Dataset, Matrix, read
from augury.training.credit.fields import (
    ABOUT,
    CATEGORIES,
    CHECKS,
    EXPECTED,
    FIELDS,
    NAMES,
    UNORDERED,
)
from augury.training.credit.recipes import Fitted, Recipe, recipes
from augury.training.effects import effects
from augury.training.metrics import measure
from augury.training.spreads import reference

Say = Callable[[str], None]

_FOLDS = 5
_METHOD = "5-fold out-of-fold"
# Between what was trained and what is shipped, on any row.
_PARITY = 1e-5
# Break-even: a loan pays while p * cost of a default < (1 - p) * gain of a good loan. At 0.15 a
# default may cost 5.7 times the gain; from 0.40 it must cost less than 1.5 times, and none does.
_DECISION = Decision(approve_below=0.15, decline_from=0.40)
_LIBRARIES = (
    "catboost",
    "numpy",
    "onnx",
    "onnxruntime",
    "pandas",
    "scikit-learn",
    "skl2onnx",
)


class NotFitToShipError(Exception):
    """A model was trained but did not pass its proof; nothing has been written."""


@dataclass(frozen=True, slots=True)
class _Unseen:
    """What a recipe says about rows it was not fitted on, and how a shipped file agrees."""

    chance: Floats  # corrected, each fold by a curve from the other folds
    curve: Curve | None  # from all folds, for the artefact
    parity: float


def train(
    data: Path,
    out: Path,
    *,
    seed: int = 7,
    quick: bool = False,
    say: Callable[[str], None] = typer.echo,
) -> list[Manifest]:
    """Train on a CSV file, write `out/<model>/` for all three models, and return the manifests.

    The same file and seed give the same files to the byte. `quick` takes few trees, for tests.
    Raises `WrongFileError` or `NotFitToShipError`, both before anything is written.
    """
    dataset = read(data)
    say(
        f"{data.name}: {dataset.rows_read} rows, {dataset.duplicates} duplicates and"
        f" {dataset.impossible} impossible rows dropped, {len(dataset.target)} used"
    )
    plan = recipes(quick=quick)
    steps = _numbered(say, len(plan) * (_FOLDS + 2))
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out, prefix=".training-") as draft:
        manifests = [_make(recipe, dataset, Path(draft), seed, steps) for recipe in plan]
        for manifest in manifests:
            _publish(Path(draft) / manifest.name, out / manifest.name)
    return manifests


def _make(recipe: Recipe, dataset: Dataset, draft: Path, seed: int, step: Say) -> Manifest:
    folder = draft / recipe.name
    folder.mkdir()
    unseen = _out_of_fold(recipe, dataset, folder / recipe.file, seed, step)
    step(f"{recipe.name}: fit on all rows")
    fitted = recipe.fit(dataset.matrix, dataset.target, seed)
    artifact = folder / recipe.file
    parity = max(unseen.parity, _ship(recipe, fitted, unseen.curve, artifact, dataset.matrix))
    step(f"{recipe.name}: effects, card and manifest")
    served = recipe.serve(artifact)
    shown = effects(served, dataset.matrix, FIELDS, UNORDERED, seed)
    for effect in shown:
        expected = EXPECTED.get(effect.field.name)
        if expected not in {None, effect.direction}:
            against = f"risk {effect.direction} with {effect.field.name}, expected: {expected}"
            message = f"{recipe.name}: {against}"
            raise NotFitToShipError(message)
    metrics = measure(unseen.chance, dataset.target, _METHOD)
    spread = reference(FIELDS, dataset.matrix, unseen.chance)
    manifest = _manifest(recipe, dataset, artifact, metrics, spread, served, seed)
    encoded = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    (folder / "manifest.json").write_bytes(encoded + b"\n")
    plots.calibration(metrics.calibration_curve, folder / "calibration.svg")
    plots.partial_dependence(shown, folder / "effects.svg")
    evidence = Evidence(dataset, unseen.chance, shown, parity, monotone=recipe.monotone, seed=seed)
    for language, name in LANGUAGES.items():
        (folder / name).write_text(card(manifest, evidence, language), encoding="utf-8")
    return manifest


def _out_of_fold(recipe: Recipe, data: Dataset, scratch: Path, seed: int, step: Say) -> _Unseen:
    """Return honest chances for every row, from models that were fitted without it."""
    raw, fold_of = np.empty(len(data.target)), np.empty(len(data.target), np.intp)
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    for fold, (seen, held) in enumerate(folds.split(data.matrix, data.target)):
        step(f"{recipe.name}: fold {fold + 1} of {_FOLDS}")
        fitted = recipe.fit(data.matrix[seen], data.target[seen], seed)
        raw[held], fold_of[held] = fitted.predict(data.matrix[held]), fold
    if not recipe.calibrated:
        return _Unseen(raw, None, _ship(recipe, fitted, None, scratch, data.matrix[held]))
    chance = np.empty_like(raw)
    for fold in range(_FOLDS):
        # Each fold is corrected by what the others say, so that the curve is measured unseen too.
        held = fold_of == fold
        chance[held] = fit_curve(raw[~held], data.target[~held])(raw[held])
    curve = fit_curve(raw, data.target)
    return _Unseen(chance, curve, _ship(recipe, fitted, curve, scratch, data.matrix[held]))


def _ship(recipe: Recipe, fitted: Fitted, curve: Curve | None, path: Path, matrix: Matrix) -> float:
    """Write the artefact, run it on every row of a matrix, and return its worst deviation."""
    path.write_bytes(fitted.export(curve))
    trained = fitted.predict(matrix)
    expected = trained if curve is None else curve(trained)
    worst = float(np.max(np.abs(recipe.serve(path)(matrix) - expected)))
    if not worst <= _PARITY:
        message = f"{recipe.name}: the artefact is off by {worst:.1e} from what was trained"
        raise NotFitToShipError(message)
    return worst


def _manifest(
    recipe: Recipe,
    data: Dataset,
    artifact: Path,
    metrics: Metrics,
    spread: Reference,
    served: Callable[[Matrix], Floats],
    seed: int,
) -> Manifest:
    content = artifact.read_bytes()
    rows = selftest.rows()
    about = ABOUT[recipe.name]
    return Manifest(
        manifest_version=1,
        name=recipe.name,
        title=about.title,
        description=about.description,
        task="credit-scoring",
        price=recipe.price,
        runtime=recipe.runtime,
        artifact=Artifact(recipe.file, hashlib.sha256(content).hexdigest(), len(content)),
        inputs=FIELDS,
        checks=CHECKS,
        outputs=OutputNames("default_probability", "approval_probability", "decision"),
        decision=_DECISION,
        calibration=None,
        explain=recipe.explain(artifact, served(data.matrix), data.matrix),
        metrics=metrics,
        reference=spread,
        training=Training(
            recipe="augury train credit --data FILE",
            seed=seed,
            data_sha256=data.sha256,
            rows_read=data.rows_read,
            rows_used=len(data.target),
            libraries={"python": platform.python_version()} | {n: version(n) for n in _LIBRARIES},
        ),
        self_test=SelfTest(
            tolerance=1e-5,
            inputs=rows,
            probabilities=[round(p, 9) for p in served(_matrix(rows)).tolist()],
        ),
    )


def _matrix(rows: list[selftest.Row]) -> Matrix:
    """Return JSON rows as the matrix that the artefacts take."""
    codes = {name: {known: n for n, known in enumerate(all_)} for name, all_ in CATEGORIES.items()}
    return np.array(
        [
            [codes[name][str(row[name])] if name in codes else row[name] for name in NAMES]
            for row in rows
        ],
        dtype=np.float32,
    )


def _publish(draft: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for file in sorted(draft.iterdir()):
        file.replace(folder / file.name)


def _numbered(say: Say, total: int) -> Say:
    """Return a `say` that puts `[3/21]` before each line."""
    counter: Iterator[int] = iter(range(1, total + 1))
    return lambda line: say(f"[{next(counter)}/{total}] {line}")
