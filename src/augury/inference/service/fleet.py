"""All processes of the inference service: which of them is asked, and what they have loaded.

A thread for each process looks at it twice a second. It has loaded there what is wanted and
missing, so a process that comes back empty is filled again, and it finds out whether one that did
not answer does again, so that no sale has to.
"""

import itertools
import threading
import time
import weakref
from collections.abc import Callable, Sequence

from augury.inference.asking import NoAnswer
from augury.inference.manifest import BadModel, Manifest
from augury.inference.runtimes.calls import Unanswered
from augury.inference.service.replica import NotHere, Refused, Replica, Wanted, names
from augury.inference.service.served import ServedModel
from augury.kit.log import logger

_LOOK_SECONDS = 0.5
# A version that a process could not open is not tried there again at once.
_REFUSED_SECONDS = 30.0
_UNPROCESSABLE = 422
_STOP_SECONDS = 1.5


class Fleet:
    """Opens models in the service, keeps them loaded there, and says whom to ask."""

    def __init__(
        self, addresses: Sequence[str], link_of: Callable[[str], str], patience_seconds: float
    ) -> None:
        """Start watching; `link_of` gives the address of an artefact by its SHA-256."""
        self.patience_seconds = patience_seconds
        self._replicas = [Replica(address) for address in addresses]
        self._link_of = link_of
        self._turns = itertools.count()
        self._tokens = itertools.count()
        self._news = threading.Condition()
        self._stopping = False
        # What is wanted, by who wants it; and how often that has changed.
        self._wanted: dict[int, Wanted] = {}
        self._wish = 0
        # For each process: the last wish that was dealt with, and why one was not fulfilled.
        self._done = dict.fromkeys(self._replicas, 0)
        self._reasons: dict[tuple[Replica, str], BadModel] = {}
        self._refused_until: dict[tuple[Replica, str], float] = {}
        self._keepers = [
            threading.Thread(target=self._keep, args=[replica], name="keeper", daemon=True)
            for replica in self._replicas
        ]
        for keeper in self._keepers:
            keeper.start()

    def open(self, manifest: Manifest, wanted: Wanted) -> ServedModel:
        """Return a model that has passed its self-test in the service; raises `BadModel`."""
        with self._news:
            token = next(self._tokens)
            self._wanted[token] = wanted
            self._wish += 1
            wish = self._wish
            self._news.notify_all()
            self._news.wait_for(
                lambda: (
                    self._stopping
                    or self._is_loaded(wanted.digest)
                    or all(done >= wish for done in self._done.values())
                )
            )
        try:
            self._require_loaded(manifest, wanted.digest)
            model = ServedModel(manifest, wanted, self)
            model.self_test()
        except BaseException:
            self._forget(token)
            raise
        weakref.finalize(model, self._forget, token)
        return model

    def choose(self, digest: str, but: Replica | None = None) -> Replica | None:
        """Return a process that has a version loaded, each in turn; none when there is none."""
        start = next(self._turns) % len(self._replicas)
        turned = self._replicas[start:] + self._replicas[:start]
        here = [one for one in turned if one is not but and one.timing(digest) is not None]
        # One that may be down is tried by a sale only when there is no other.
        here.sort(key=lambda one: not one.breaker.is_closed)
        return next((one for one in here if one.breaker.lets_through()), None)

    def is_available(self, digest: str) -> bool:
        """Tell whether somebody who answers has a version loaded."""
        return any(
            one.breaker.is_closed and one.timing(digest) is not None for one in self._replicas
        )

    def look_again(self) -> None:
        """Have every process looked at now: one has lost what it had."""
        with self._news:
            self._wish += 1
            self._news.notify_all()

    def no_answer(self, manifest: Manifest, error: object = "-") -> NoAnswer:
        """Return the reason that nobody answers for a model."""
        return NoAnswer(
            "service_unanswered",
            name=manifest.name,
            replicas=names(self._replicas),
            error=error,
        )

    def close(self) -> None:
        """Stop watching and close all connections."""
        with self._news:
            self._stopping = True
            self._news.notify_all()
        until = time.monotonic() + _STOP_SECONDS
        for keeper in self._keepers:
            keeper.join(max(0.0, until - time.monotonic()))
        for replica in self._replicas:
            replica.close()

    def _require_loaded(self, manifest: Manifest, digest: str) -> None:
        if self._is_loaded(digest):
            return
        reasons = [self._reasons.get((one, digest)) for one in self._replicas]
        raise next((reason for reason in reasons if reason is not None), self.no_answer(manifest))

    def _is_loaded(self, digest: str) -> bool:
        return any(one.timing(digest) is not None for one in self._replicas)

    def _forget(self, token: int) -> None:
        # No lock: this may run wherever the collector does, and it is one operation.
        self._wanted.pop(token, None)

    def _keep(self, replica: Replica) -> None:
        while not self._stopping:
            with self._news:
                wish, wanted = self._wish, dict(self._wanted)
            try:
                self._look(replica, {one.digest: one for one in wanted.values()})
            except Exception:  # noqa: BLE001 -- a watch that ends would leave the process empty for good
                logger("inference").exception("keeper_failed", replica=str(replica.url))
            with self._news:
                self._done[replica] = wish
                self._news.notify_all()
                # What is wanted next may have come meanwhile.
                seen = wish
                self._news.wait_for(
                    lambda seen=seen: self._stopping or self._wish != seen,  # type: ignore[misc] # bound now
                    timeout=_LOOK_SECONDS,
                )

    def _look(self, replica: Replica, wanted: dict[str, Wanted]) -> None:
        """Look at a process once and have loaded what it lacks."""
        if not replica.breaker.lets_through():
            return
        try:
            replica.look()
        except (Unanswered, Refused, NotHere) as error:
            replica.failed()
            for one in wanted.values():
                self._reasons[replica, one.digest] = _not_loaded(one, replica, error)
            return
        if not replica.breaker.is_closed:
            replica.breaker.succeeded()
            logger("inference").info("replica_answers_again", replica=str(replica.url))
        for one in wanted.values():
            if replica.timing(one.digest) is None:
                self._load(replica, one)

    def _load(self, replica: Replica, wanted: Wanted) -> None:
        key = (replica, wanted.digest)
        if time.monotonic() < self._refused_until.get(key, 0.0):
            return
        try:
            replica.load(wanted, self._link_of(wanted.artifact_sha256))
        except (Unanswered, Refused, NotHere) as error:
            self._reasons[key] = _not_loaded(wanted, replica, error)
            if isinstance(error, Refused) and error.status == _UNPROCESSABLE:
                self._refused_until[key] = time.monotonic() + _REFUSED_SECONDS
            logger("inference").warning(
                "model_not_loaded", model=wanted.name, replica=str(replica.url), reason=str(error)
            )
            return
        self._reasons.pop(key, None)
        with self._news:
            self._news.notify_all()


def _not_loaded(wanted: Wanted, replica: Replica, error: Exception) -> BadModel:
    return BadModel("service_refused", name=wanted.name, replica=str(replica.url), error=str(error))
