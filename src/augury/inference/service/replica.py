"""One process of the inference service, as its client sees it."""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NoReturn

import httpx2
import msgspec

from augury.inference.runtimes.calls import Answer, Caller, Unanswered
from augury.inference.service.breaker import Breaker
from augury.inference.wire import DOCUMENT_BYTES
from augury.kit.decoding import decode
from augury.kit.log import logger

_MOST_CONNECTIONS = 1000
# For what is answered at once, and for what may have to fetch, open and try an artefact.
_LOOK_SECONDS, _LOAD_SECONDS = 2.0, 90.0
_LONGEST_SHOWN = 300


class NotHere(Exception):
    """The process has not loaded this content, or has another one under its name."""


class Refused(Exception):
    """The process answered that it will not; the message says why."""

    def __init__(self, status: int, message: str) -> None:
        """Keep the status of the answer."""
        super().__init__(message)
        self.status = status


class Timing(msgspec.Struct, frozen=True):
    """Seconds that a call of a model takes at least, that each row adds, and its reasons."""

    call: float
    row: float
    reasons: float


class _Entry(msgspec.Struct, frozen=True):
    digest: str
    seconds: Timing


@dataclass(frozen=True, slots=True)
class Wanted:
    """A version that the service shall have loaded."""

    name: str
    version: int
    digest: str
    manifest_text: str
    artifact_sha256: str


class Replica:
    """Asks one process and remembers what it has loaded. Safe to use from many threads."""

    def __init__(self, address: str) -> None:
        """Prepare; nobody is called yet."""
        self.url = httpx2.URL(address)
        self.breaker = Breaker()
        self._caller = Caller(
            _LOOK_SECONDS, secure=self.url.scheme == "https", most_connections=_MOST_CONNECTIONS
        )
        self._lock = threading.Lock()
        self._loaded: dict[str, Timing] = {}

    def timing(self, digest: str) -> Timing | None:
        """Return how fast a version is here; None when it is not loaded."""
        return self._loaded.get(digest)

    def look(self) -> None:
        """Take over what is loaded, or raise `Unanswered` or `Refused`."""
        answer = self._ask("POST", "/v2/repository/index", b"{}", seconds=_LOOK_SECONDS)
        found = {entry.digest: entry.seconds for entry in _read(answer, list[_Entry])}
        with self._lock:
            self._loaded = found

    def load(self, wanted: Wanted, artifact_url: str) -> None:
        """Have a version loaded, or raise `Unanswered` or `Refused`."""
        parameters = {
            "manifest": wanted.manifest_text,
            "version": str(wanted.version),
            "artifact_url": artifact_url,
            "sha256": wanted.artifact_sha256,
        }
        path = f"/v2/repository/models/{wanted.name}/load"
        body = msgspec.json.encode({"parameters": parameters})
        found = _read(self._ask("POST", path, body, seconds=_LOAD_SECONDS), _Entry)
        with self._lock:
            self._loaded = {**self._loaded, found.digest: found.seconds}

    def infer(self, wanted: Wanted, document: bytes, tensor: bytes, seconds: float) -> Answer:
        """Return the answer of a version; raises `NotHere`, `Unanswered` or `Refused`.

        The breaker hears how it went.
        """
        path = f"/v2/models/{wanted.name}/versions/{wanted.version}/infer"
        headers = {
            "Content-Type": "application/octet-stream",
            DOCUMENT_BYTES: str(len(document)),
        }
        try:
            answer = self._ask("POST", path, document + tensor, headers=headers, seconds=seconds)
        except Unanswered:
            self.failed()
            raise
        except NotHere:
            with self._lock:
                self._loaded = {
                    digest: timing
                    for digest, timing in self._loaded.items()
                    if digest != wanted.digest
                }
            self.breaker.succeeded()
            raise
        except Refused:
            self.breaker.succeeded()
            raise
        self.breaker.succeeded()
        return answer

    def failed(self) -> None:
        """Tell the breaker that there was no answer."""
        was_closed = self.breaker.is_closed
        self.breaker.failed()
        if was_closed and not self.breaker.is_closed:
            logger("inference").warning("replica_left_alone", replica=str(self.url))

    def close(self) -> None:
        """Close all connections."""
        self._caller.close()

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes,
        *,
        seconds: float,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        url = self.url.copy_with(path=self.url.path.rstrip("/") + path)
        answer = self._caller.ask(method, url, body, headers=headers or {}, seconds=seconds)
        if answer.status != HTTPStatus.OK:
            _refuse(answer)
        return answer


def _refuse(answer: Answer) -> NoReturn:
    shown = answer.body[:_LONGEST_SHOWN].decode("utf-8", "replace")
    message = f"{answer.status} {shown}"
    if answer.status in {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}:
        raise NotHere(message)
    if answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
        raise Unanswered(message)
    raise Refused(answer.status, message)


def _read(answer: Answer, kind: Any) -> Any:
    try:
        return decode(answer.body, kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"the answer cannot be read: {error}"
        raise Refused(answer.status, message) from error


def names(replicas: Iterable[Replica]) -> str:
    """Return the addresses of processes for a person."""
    return ", ".join(str(replica.url) for replica in replicas)
