"""Makes the predictions that were ordered in the background, one job in each thread at a time."""

from typing import Any

import msgspec

from augury.inference.asking import Asked, Outputs
from augury.kit.db import Database
from augury.kit.log import logger
from augury.predictions import job_leases, job_outcomes
from augury.predictions.job_leases import Job
from augury.predictions.leased import LeasedRunner, Statements, UnavailableError
from augury.predictions.takings import count_sale
from augury.registry.catalogue import Catalogue

_STATEMENTS = Statements[Job](
    job_leases.claim,
    job_leases.count_due,
    job_leases.renew,
    job_leases.give_back,
    job_outcomes.postpone,
    job_outcomes.fail,
)


class Runner(LeasedRunner[Job, str]):
    """Runs due jobs."""

    def __init__(self, db: Database, catalogue: Catalogue) -> None:
        """Prepare; nothing is claimed yet."""
        super().__init__(db, catalogue, _STATEMENTS)

    def _make(self, row: Job) -> str:
        return msgspec.json.encode(self._outputs(row)).decode()

    def _store(self, row: Job, made: str) -> None:
        if job_outcomes.succeed(self._db, row, made):
            count_sale(row.model, row.version, row.rows, row.price)

    def _blame(self, row: Job, error: Exception) -> str:
        logger("predictions").error("job_failed", model=row.model, job=row.id, exc_info=error)
        return "model_failed"

    def _outputs(self, job: Job) -> Outputs:
        # What was sold is what runs, whatever its alias means by now.
        self._catalogue.refresh()
        lane = self._catalogue.resolve(f"{job.model}@{job.version}").lane
        if lane is None:
            raise UnavailableError
        inputs = job.inputs.encode()
        rows: Any = lane.model.read(inputs)  # which the model alone knows
        return lane.model.answer(Asked(rows, inputs, job.explain, job.language))
