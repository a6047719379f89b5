"""Sends a webhook over HTTP to an address that a customer chose, and trusts it with nothing.

The guard stands where the connection is made: the name is resolved once, every address is checked,
and exactly a checked one is connected to. So neither a name that points inside, nor one that
changes between two questions gets through. TLS verifies the name as usual. There are no
redirects, no proxies, no cookies and no decompression here, because the client below has none.
"""

import ssl
import time
from collections.abc import Iterable, Sequence
from http import HTTPStatus

import httpcore2
import httpx2
from httpcore2 import SOCKET_OPTION, NetworkStream

from augury.notices.addresses import Network, Resolver, is_permitted, system_resolver
from augury.notices.answer import LONGEST_TEXT, Answer

# For everything together: the name, the connection, TLS, the request and the answer.
SECONDS = 10.0
_CONNECT_SECONDS = 4.0
_MOST_ADDRESSES = 4
_SLICE_BYTES = 16 * 1024
_MOST_ANSWER_BYTES = 4 * LONGEST_TEXT  # of UTF-8


class Sender:
    """Sends webhooks; safe to use from many threads."""

    def __init__(
        self,
        permitted: Sequence[Network],
        *,
        resolve: Resolver = system_resolver,
        trust: ssl.SSLContext | None = None,
        seconds: float = SECONDS,
    ) -> None:
        """Prepare; `permitted` are private networks that may be reached all the same."""
        self._permitted = permitted
        self._resolve = resolve
        self._trust = httpx2.create_ssl_context() if trust is None else trust
        self._seconds = seconds

    def post(self, url: str, headers: dict[str, str], body: bytes) -> Answer:
        """Return the receiver's answer, or why there is none. Takes `SECONDS` at the most."""
        # The resolver of the system keeps its own time; whatever it took counts too.
        guard = _Guard(self._permitted, self._resolve, time.monotonic() + self._seconds)
        try:
            with httpcore2.ConnectionPool(self._trust, network_backend=guard) as pool:
                return _exchange(pool, httpx2.URL(url), headers, body)
        except _Refused as refused:
            return Answer(None, refused.code)
        except httpcore2.TimeoutException:
            return Answer(None, "timeout")
        except httpcore2.ConnectError:
            return Answer(None, "connection_failed")
        except httpcore2.NetworkError:
            return Answer(None, "connection_lost")
        except httpcore2.ProtocolError:
            return Answer(None, "answer_malformed")


def _exchange(
    pool: httpcore2.ConnectionPool, url: httpx2.URL, headers: dict[str, str], body: bytes
) -> Answer:
    sent = {
        "Host": url.netloc.decode("ascii"),
        "User-Agent": "Augury-Webhooks/1",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Accept-Encoding": "identity",
        "Connection": "close",
        **headers,
    }
    target = httpcore2.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
    )
    with pool.stream("POST", target, headers=[*sent.items()], content=body) as response:
        text = _beginning(response.iter_stream())
    delivered = HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES
    return Answer(response.status, text, delivered, final=response.status == HTTPStatus.GONE)


def _beginning(chunks: Iterable[bytes]) -> str:
    """Return the first part of an answer's body; the status counts even if the rest never comes."""
    read = b""
    try:
        for chunk in chunks:
            read += chunk
            if len(read) >= _MOST_ANSWER_BYTES:
                break
    except (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError):
        pass
    return read[:_MOST_ANSWER_BYTES].decode("utf-8", "replace")


class _Refused(Exception):
    """There is nobody to talk to; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class _Guard(httpcore2.NetworkBackend):
    """Resolves, checks and connects, all within the time of one attempt."""

    def __init__(self, permitted: Sequence[Network], resolve: Resolver, deadline: float) -> None:
        self._permitted = permitted
        self._resolve = resolve
        self._deadline = deadline
        self._backend = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 -- the time of the whole attempt counts
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> NetworkStream:
        addresses = self._addresses(host, port)
        for place, address in enumerate(addresses, 1):
            patience = min(_CONNECT_SECONDS, _left(self._deadline))
            try:
                stream = self._backend.connect_tcp(
                    address, port, patience, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                if place == len(addresses):
                    raise
            else:
                return _Timed(stream, self._deadline)
        raise _Refused("name_unknown")

    def _addresses(self, host: str, port: int) -> list[str]:
        try:
            addresses = self._resolve(host, port)
        except (OSError, UnicodeError):
            raise _Refused("name_unknown") from None
        # One forbidden address among good ones is no oversight of anybody honest.
        if not all(is_permitted(address, self._permitted) for address in addresses):
            raise _Refused("address_refused")
        return addresses[:_MOST_ADDRESSES]


class _Timed(httpcore2.NetworkStream):
    """A connection that ends when its time is over, however busily it drips."""

    def __init__(self, stream: NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 -- as above
        return self._stream.read(max_bytes, _left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 -- as above
        # In slices: a receiver that takes a byte now and then would stretch each timeout.
        for start in range(0, len(buffer), _SLICE_BYTES):
            self._stream.write(buffer[start : start + _SLICE_BYTES], _left(self._deadline))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 -- the time of the whole attempt counts
    ) -> NetworkStream:
        left = _left(self._deadline)
        try:
            stream = self._stream.start_tls(ssl_context, server_hostname, left)
        except httpcore2.ConnectError:
            raise _Refused("tls_failed") from None
        return _Timed(stream, self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore2.ReadTimeout
    return left
