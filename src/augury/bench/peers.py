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


class Output(BaseModel):
    """What Augury answers for a row."""

    default_probability: float
    approval_probability: float
    decision: str


class Answer(BaseModel):
    """The predictions, and nothing of a sale."""

    outputs: list[Output]


_folder = Path(os.environ["AUGURY_BENCH_MODEL"])
_manifest = read_manifest((_folder / "manifest.json").read_bytes())
_predict = RUNTIMES[_manifest.runtime](_folder / _manifest.artifact.file, _manifest, 1)
_codes: list[dict[Any, float] | None] = [
    {name: float(code) for code, name in enumerate(field.categories)} if field.categories else None
    for field in _manifest.inputs
]
_names = [field.name for field in _manifest.inputs]

app = FastAPI()


def _predictions(body: Body) -> Answer:
    rows = [
        [
            value if codes is None else codes[value]
            for value, codes in zip((getattr(row, name) for name in _names), _codes, strict=True)
        ]
        for row in body.inputs
    ]
    assert _manifest.decision is not None  # noqa: S101 -- it is one of the models that ship
    approve, decline = _manifest.decision.approve_below, _manifest.decision.decline_from
    return Answer(
        outputs=[
            Output(
                default_probability=chance,
                approval_probability=1 - chance,
                decision="approve"
                if chance < approve
                else "decline"
                if chance >= decline
                else "review",
            )
            for chance in _predict(np.array(rows, dtype=np.float32)).tolist()
        ]
    )


@app.post("/predict")
def predict(body: Body) -> Answer:
    """Predict for free, as FastAPI's own guide has it for a call that blocks: in a thread."""
    return _predictions(body)


@app.post("/predict-on-loop")
async def predict_on_loop(body: Body) -> Answer:
    """Predict for free on the event loop: faster, and everybody waits while a model runs."""
    return _predictions(body)


@app.post("/noop")
async def noop(body: Body) -> Answer:
    """Read the body and answer as much: what the framework alone costs."""
    nothing = Output(default_probability=0.5, approval_probability=0.5, decision="review")
    return Answer(outputs=[nothing for _ in body.inputs])
