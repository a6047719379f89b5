"""Trains the model that MLServer serves, with the scikit-learn of MLServer's own environment.

    python train.py ROWS.json MODEL.joblib

ROWS has `fit`, a matrix with null for what is missing, and `ask`, another; the probabilities of the
latter are written to standard output.
"""

import json
import sys
from pathlib import Path

import joblib
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

told = json.loads(Path(sys.argv[1]).read_text())
rows, asked = (np.array(told[name], np.float64) for name in ("fit", "ask"))
happened = np.nan_to_num(rows[:, 0], nan=40) < 40 + 20 * rows[:, 3]
model = HistGradientBoostingClassifier(max_iter=20, random_state=1).fit(rows, happened)
joblib.dump(model, sys.argv[2])
sys.stdout.write(json.dumps(model.predict_proba(asked)[:, 1].tolist()))
