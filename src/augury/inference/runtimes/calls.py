"""Short calls over HTTP to a server that answers for a model, with one deadline for all of a call.

There are no redirects, no proxies from the environment, no cookies and no decompression here,
because the client below has none. Connections are kept and shared by threads.
"""

import ssl
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import httpcore2
import httpx2
from httpcore2 import SOCKET_OPTION, NetworkStream

# More callers at once than one model's lanes ever have.
_MOST_CONNECTIONS = 8
_MOST_ANSWER_BYTES = 8 * 1024 * 1024
_TRIES = 2
# Shorter than servers keep a connection that is idle.
_IDLE_SECONDS = 4.0


class Unanswered(Exception):
    """There is no answer: the server cannot be reached, is too slow, or says too much."""


class Late(Unanswered):
    """There was no answer in time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes


class Caller:
    """Calls one server; safe to use from many threads."""

    def __init__(
        self, seconds: float, *, secure: bool, most_connections: int = _MOST_CONNECTIONS
    ) -> None:
        """Prepare; a call takes so many seconds at the most, with its second try."""
        self._seconds = seconds
        self._deadline = _Deadline()
        trust: ssl.SSLContext | None = httpx2.create_ssl_context() if secure else None
        self._pool = httpcore2.ConnectionPool(
            trust,
            max_connections=most_connections,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=_Backend(self._deadline),
        )

    def call(self, method: str, url: httpx2.URL, body: bytes = b"") -> tuple[int, bytes]:
        """Return status and body of the answer, or raise `Unanswered`.

        A call is repeated once, and only where the server cannot have taken it: when the connection
        was refused, or when it answered 503.
        """
        self._deadline.at = time.monotonic() + self._seconds
        for further in reversed(range(_TRIES)):
            try:
                answer = self._once(method, url, body, {})
            except _Refused:
                if not further:
                    raise
            else:
                if answer.status != HTTPStatus.SERVICE_UNAVAILABLE or not further:
                    return answer.status, answer.body
        raise AssertionError

    def ask(
        self,
        method: str,
        url: httpx2.URL,
        body: bytes = b"",
        *,
        headers: Mapping[str, str],
        seconds: float,
    ) -> Answer:
        """Return the answer to one call, which nobody repeats, or raise `Unanswered`."""
        self._deadline.at = time.monotonic() + seconds
        return self._once(method, url, body, headers)

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def _once(
        self, method: str, url: httpx2.URL, body: bytes, further: Mapping[str, str]
    ) -> Answer:
        headers = {
            "Host": url.netloc.decode("ascii"),
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **further,
        }
        target = httpcore2.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        sent = [*headers.items()]
        try:
            # For a connection that others hold; the rest keeps to the deadline by itself.
            patience = {"timeout": {"pool": self._deadline.left()}}
            with self._pool.stream(
                method, target, headers=sent, content=body, extensions=patience
            ) as answer:
                return Answer(answer.status, answer.headers, _whole(answer.iter_stream()))
        except httpcore2.ConnectError as error:
            raise _Refused(_told(error)) from error
        except httpcore2.TimeoutException as error:
            raise Late(_told(error)) from error
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            raise Unanswered(_told(error)) from error


class _Refused(Unanswered):
    """The server did not take the call."""


def _whole(chunks: Iterable[bytes]) -> bytes:
    read = bytearray()
    for chunk in chunks:
        read += chunk
        if len(read) > _MOST_ANSWER_BYTES:
            message = f"the answer has more than {_MOST_ANSWER_BYTES} bytes"
            raise Unanswered(message)
    return bytes(read)


def _told(error: Exception) -> str:
    return f"{type(error).__name__} {error}".strip()


class _Deadline(threading.local):
    """When the call that this thread is making must be over."""

    at = 0.0

    def left(self) -> float:
        """Return the seconds that are left, or raise that there are none."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout
        return left


class _Backend(httpcore2.NetworkBackend):
    """Connects within what is left of a call."""

    def __init__(self, deadline: _Deadline) -> None:
        self._deadline = deadline
        self._backend = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 -- the time of the whole call counts
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> NetworkStream:
        left = self._deadline.left()
        stream = self._backend.connect_tcp(host, port, left, local_address, socket_options)
        return _Stream(stream, self._deadline)


class _Stream(httpcore2.NetworkStream):
    """A connection that ends when the time of the call is over, however busily it drips."""

    def __init__(self, stream: NetworkStream, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 -- as above
        return self._stream.read(max_bytes, self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 -- as above
        self._stream.write(buffer, self._deadline.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 -- as above
    ) -> NetworkStream:
        left = self._deadline.left()
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)
