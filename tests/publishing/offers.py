"""What tests of publishing share: applicants by chance, and a publication from file to model."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import catboost
import joblib
import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd

from augury.inference.manifest import Manifest, read_manifest
from augury.inference.model import Model
from augury.publishing.run import publish

NUMBERS = ["age", "income", "rate"]
Floats = npt.NDArray[np.float64]


def applicants(rows: int = 400, seed: int = 0) -> pd.DataFrame:
    """Return made-up applicants; every fifth rate is missing."""
    random = np.random.default_rng(seed)
    rate = np.where(random.random(rows) < 0.2, np.nan, random.uniform(0, 30, rows).clip(1, 29))
    return pd.DataFrame(
        {
            "age": random.integers(18, 80, rows),
            # The ends occur, so that no new row lies beyond what a sample had.
            "income": random.lognormal(10, 1, rows).clip(5000, 60000),
            "home": random.choice(["OWN", "RENT", "OTHER"], rows),
            "rate": rate,
        }
    )


def outcomes(frame: pd.DataFrame, seed: int = 1) -> npt.NDArray[np.int64]:
    """Return 1 for applicants who default, mostly the poor ones who rent."""
    odds = 1 - frame["income"] / 25_000 + (frame["home"] == "RENT")
    drawn = np.random.default_rng(seed).random(len(frame)) < 1 / (1 + np.exp(-odds))
    found: npt.NDArray[np.int64] = drawn.to_numpy(np.int64)
    return found


def without_some_homes(frame: pd.DataFrame) -> pd.DataFrame:
    """Return applicants, some of whom do not say where they live."""
    homes = frame["home"].astype(object).where(np.arange(len(frame)) % 7 != 3)
    return frame.assign(home=homes)


def single(frame: pd.DataFrame) -> pd.DataFrame:
    """Return rows as 32 bits can hold them, which is what customers' rows become."""
    numbers = frame.select_dtypes("float").astype(np.float32).astype(np.float64)
    return frame.assign(**{str(name): numbers[name] for name in numbers})


@dataclass(frozen=True)
class Offer:
    """A folder that was written, opened as a server opens it."""

    folder: Path
    manifest: Manifest
    model: Model
    said: list[str]

    def chances(self, frame: pd.DataFrame) -> Floats:
        """Return the probabilities of rows that come as JSON, as from a customer."""
        rows = json.loads(frame.to_json(orient="records", double_precision=15))
        found: Floats = self.model.predict(self.model.signature.decode(msgspec.json.encode(rows)))
        return found

    def apart(self, frame: pd.DataFrame, expected: Any) -> float:
        """Return how far the probabilities are at most from those of a library."""
        return float(np.abs(self.chances(frame) - np.asarray(expected, np.float64)).max())


def dumped(model: Any, folder: Path, name: str = "model.joblib") -> Path:
    """Return a model in a file of joblib's."""
    joblib.dump(model, folder / name)
    return folder / name


def pool(frame: pd.DataFrame, target: Any) -> catboost.Pool:
    """Return rows as CatBoost takes them also where it was loaded before pandas was."""
    cells, names = frame.to_numpy(object), [*map(str, frame)]
    texts = [place for place, name in enumerate(names) if frame[name].dtype.kind not in "if"]
    return catboost.Pool(cells, target, cat_features=texts, feature_names=names)


def sampled(folder: Path, frame: pd.DataFrame, target: Any = None) -> Path:
    """Return rows in a CSV file, with what happened under `defaulted`."""
    path = folder / "sample.csv"
    (frame if target is None else frame.assign(defaulted=target)).to_csv(path, index=False)
    return path


def offered(
    path: Path, frame: pd.DataFrame, target: Any = None, *, price: int = 10, **wishes: Any
) -> Offer:
    """Publish a file into a folder beside it, and open that."""
    sample = sampled(path.parent, frame, target)
    out, said = path.parent / "offer", list[str]()
    manifest = wishes.pop("manifest", None)
    if manifest is not None:
        told = path.parent / "parts.json"
        told.write_text(json.dumps(manifest))
        manifest = told
    options = {"price": price, **wishes.pop("options", {})}
    if target is not None:
        wishes["target"] = "defaulted"
    wishes = {"path": path, "sample": sample, "options": options, **wishes}
    publish(wishes, {"manifest": manifest, "out": out, "cards": {}}, None, said.append)
    found = read_manifest((out / "manifest.json").read_bytes())
    return Offer(out, found, Model(found, out / found.artifact.file, 1), said)
