"""CatBoost: boosted trees with native categories and native missing values."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from augury.inference.lean import catboost
from augury.training.calibration import Curve, Floats
from augury.training.credit.dataset import Matrix, Target
from augury.training.credit.fields import CATEGORIES, NAMES, place

TREES = 1000


@dataclass(frozen=True, slots=True)
class Boosting:
    """Fitted boosted trees over float32 [rows, 11] with category places."""

    model: catboost.CatBoostClassifier

    def predict(self, matrix: Matrix) -> Floats:
        """Return the probability of default of each row."""
        chances: Floats = self.model.predict_proba(named(matrix), thread_count=1)[:, 1]
        return chances

    def export(self, curve: Curve | None) -> bytes:
        """Return the native `.cbm` file, without the clock and the random id of the training."""
        if curve is not None:
            message = "a .cbm file has no room for a calibration curve"
            raise ValueError(message)
        metadata = self.model.get_metadata()
        for volatile in ("train_finish_time", "model_guid"):
            metadata[volatile] = ""
        with TemporaryDirectory() as folder:
            path = Path(folder) / "model.cbm"
            self.model.save_model(str(path), format="cbm")
            return path.read_bytes()


def fit(matrix: Matrix, target: Target, seed: int, trees: int = TREES) -> Boosting:
    """Return boosted trees fitted to float32 [rows, 11]."""
    # Shallow trees and plain one-hot categories: 0.004 of ROC AUC more than the defaults (depth 6,
    # category statistics), and much less work for one row.
    model = catboost.CatBoostClassifier(
        iterations=trees,
        learning_rate=0.15,
        depth=4,
        l2_leaf_reg=5,
        border_count=1024,
        one_hot_max_size=16,
        random_seed=seed,
        thread_count=1,
        allow_writing_files=False,
        verbose=0,
    )
    columns = [place(name) for name in CATEGORIES]
    pool = catboost.Pool(named(matrix), target, cat_features=columns, feature_names=NAMES)
    return Boosting(model.fit(pool))


def named(matrix: Matrix) -> npt.NDArray[np.object_]:
    """Return the matrix with category names instead of their places, as CatBoost wants it."""
    rows = matrix.astype(object)
    for name, categories in CATEGORIES.items():
        column = place(name)
        rows[:, column] = np.array(categories, object)[matrix[:, column].astype(np.intp)]
    return rows
