"""Makes the predictions that were ordered in the background, one job in each thread at a time."""

import threading
from typing import Any

import msgspec

from augury.inference.asking import Asked, NoAnswer, Outputs
from augury.kit.db import Database
from augury.kit.errors import LedgerUnavailable
from augury.kit.log import logger
from augury.predictions import job_leases, job_outcomes
from augury.predictions.job_leases import FROM_THE_START, Job
from augury.predictions.takings import count_sale
from augury.registry.catalogue import Catalogue
from augury.registry.refusals import ModelNotFound

# How long until the next try, after the first, the second…; then the job has failed.
BACK_OFF_SECONDS = (1, 5, 25, 125)
MOST_ATTEMPTS = len(BACK_OFF_SECONDS) + 1


class _UnavailableError(Exception):
    """The model is on sale and cannot answer here at the moment."""


class Runner:
    """Runs due jobs; its methods may be called from many threads."""

    def __init__(self, db: Database, catalogue: Catalogue) -> None:
        """Prepare; nothing is claimed yet."""
        self._db = db
        self._catalogue = catalogue
        self._taking = threading.Lock()
        self._after = FROM_THE_START
        self._held: dict[str, str] = {}
        self._is_closed = False

    def run_one(self) -> bool:
        """Run the job whose turn it is; return whether there was one."""
        job = self._take()
        if job is None:
            return False
        try:
            self._run(job)
        finally:
            self._held.pop(job.id, None)
        return True

    def run_due(self, stop: threading.Event) -> int:
        """Run jobs until none is due or `stop` is set; return how many were run."""
        ran = 0
        while not stop.is_set() and self.run_one():
            ran += 1
        return ran

    def due(self, most: int) -> int:
        """Return how many jobs wait for somebody to run them; at `most`, there may be more."""
        return job_leases.count_due(self._db, most)

    def renew(self) -> int:
        """Prolong the leases of the jobs that run here; return how many still stood."""
        return job_leases.renew(self._db, self._held.copy())

    def is_busy(self) -> bool:
        """Tell whether a job runs here."""
        return bool(self._held)

    def give_back(self) -> int:
        """Take no more jobs and leave those that run here to others; return how many."""
        with self._taking:
            self._is_closed = True
            held = self._held.copy()
        return job_leases.give_back(self._db, held)

    def _take(self) -> Job | None:
        with self._taking:
            if self._is_closed:
                return None
            job = job_leases.claim(self._db, self._after)
            if job is not None:
                self._after = job.user_id
                self._held[job.id] = job.holder
            return job

    def _run(self, job: Job) -> None:
        """Run one job and store what came of it, in a transaction of its own."""
        if job.attempts > MOST_ATTEMPTS:
            # Whoever had it before never came back: it may be what ends processes.
            job_outcomes.fail(self._db, job, "attempts_exhausted")
            return
        try:
            outputs = msgspec.json.encode(self._outputs(job)).decode()
        except ModelNotFound:
            job_outcomes.fail(self._db, job, "model_not_found")
        except (_UnavailableError, NoAnswer):
            self._try_again(job, "model_unavailable")
        except LedgerUnavailable:
            raise  # no fault of the model: the lease runs out, and somebody takes the job up again
        except Exception:  # noqa: BLE001 -- whatever a runtime throws, the customer pays nothing
            logger("predictions").exception("job_failed", model=job.model, job=job.id)
            self._try_again(job, "model_failed")
        else:
            if job_outcomes.succeed(self._db, job, outputs):
                count_sale(job.model, job.version, job.rows, job.price)

    def _outputs(self, job: Job) -> Outputs:
        # What was sold is what runs, whatever its alias means by now.
        self._catalogue.refresh()
        lane = self._catalogue.resolve(f"{job.model}@{job.version}").lane
        if lane is None:
            raise _UnavailableError
        inputs = job.inputs.encode()
        rows: Any = lane.model.read(inputs)  # which the model alone knows
        return lane.model.answer(Asked(rows, inputs, job.explain, job.language))

    def _try_again(self, job: Job, error: str) -> None:
        if job.attempts >= MOST_ATTEMPTS:
            job_outcomes.fail(self._db, job, error)
        else:
            job_outcomes.postpone(self._db, job, BACK_OFF_SECONDS[job.attempts - 1])
