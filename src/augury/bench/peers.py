"""What Augury is measured against: the smallest applications that do a part of its job, for free.

Run as `uvicorn augury.bench.peers:app`, with `AUGURY_BENCH_MODEL` naming a folder of a model.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel

from augury.inference.manifest import read_manifest
from augury.inference.runtimes import RUNTIMES


class Applicant(BaseModel):
    """The fields of the credit models, as anybody would type them."""

    person_age: float | None
    person_income: float | None
    person_home_ownership: str
    person_emp_length: float | None
    loan_intent: str
    loan_grade: str
    loan_amnt: float
    loan_int_rate: float | None
    loan_percent_income: float
    cb_person_default_on_file: str
    cb_person_cred_hist_length: float


class Body(BaseModel):
    """The same body that Augury takes."""

    model: str
    inputs: list[Applicant]
    explain: bool = False


class Answer(BaseModel):
    """The probabilities, and nothing else."""

    outputs: list[float]


_folder = Path(os.environ["AUGURY_BENCH_MODEL"])
_manifest = read_manifest((_folder / "manifest.json").read_bytes())
_predict = RUNTIMES[_manifest.runtime](_folder / _manifest.artifact.file, _manifest, 1)
_codes: list[dict[Any, float] | None] = [
    {name: float(code) for code, name in enumerate(field.categories)} if field.categories else None
    for field in _manifest.inputs
]
_names = [field.name for field in _manifest.inputs]

app = FastAPI()


@app.post("/predict")
async def predict(body: Body) -> Answer:
    """Predict, with no sign-in, no money and nothing stored: the free baseline."""
    rows = [
        [
            value if codes is None else codes[value]
            for value, codes in zip((getattr(row, name) for name in _names), _codes, strict=True)
        ]
        for row in body.inputs
    ]
    return Answer(outputs=_predict(np.array(rows, dtype=np.float32)).tolist())


@app.post("/noop")
async def noop(body: Body) -> Answer:
    """Read the body and do nothing: what the framework alone costs."""
    return Answer(outputs=[0.0 for _ in body.inputs])
