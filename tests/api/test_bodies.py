"""Bodies on a real connection: endless ones, and those that two readers could read differently."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from support.databases import sqlite_database
from support.houses import Server, findings, fund, order, servers, sign_up
from support.waiting import eventually

_CHUNK = b" " * 65_536
_FIFTY_MEGABYTES = 50 * 1024 * 1024
# Has more digits than a moment, a duration or an identifier shows by chance.
_RATE = 11.2358132134
# How long an answer may take; nothing here is about that.
_SECONDS = 60


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server process."""
    folder = tmp_path_factory.mktemp("server")
    url = sqlite_database(folder)
    with servers(url, folder, 1) as (running,):
        yield running
    assert findings(url) == []


@pytest.fixture(scope="module")
def anna(server: Server) -> dict[str, str]:
    """Headers of a customer."""
    with httpx2.Client(base_url=server.address, timeout=_SECONDS) as client:
        headers = sign_up(client)
        fund(
            server.database_url,
            client.get("/v1/me", headers=headers).json()["id"],
            5000,
        )
        return headers


def balance(server: Server, who: dict[str, str]) -> Any:
    """Return what a customer has."""
    return httpx2.get(f"{server.address}/v1/balance", headers=who, timeout=_SECONDS).json()


def talk(server: Server, head: str, chunks: Iterator[bytes]) -> bytes:
    """Send a request by hand until it is all sent or the server has had enough; return the answer."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=_SECONDS) as line:
        line.sendall(head.replace("\n", "\r\n").encode())
        try:
            for chunk in chunks:
                line.sendall(chunk)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has had enough
        answer = b""
        try:
            while b"\r\n\r\n" not in answer and (more := line.recv(65_536)):
                answer += more
        except ConnectionResetError:
            pass
        return answer


def _chunked(total: int) -> Iterator[bytes]:
    for _ in range(total // len(_CHUNK)):
        yield f"{len(_CHUNK):x}\r\n".encode() + _CHUNK + b"\r\n"
    yield b"0\r\n\r\n"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/predictions",
        "/v1/quotes",
        "/v1/auth/register",
        "/v1/auth/token",
    ],
)
def test_a_chunked_body_without_end_is_refused(
    server: Server, anna: dict[str, str], path: str
) -> None:
    """Fifty megabytes in chunks, whose size no header tells, are refused when they get too long."""
    media_type = "application/x-www-form-urlencoded" if "token" in path else "application/json"
    head = (
        f"POST {path} HTTP/1.1\nHost: x\nAuthorization: {anna['Authorization']}\n"
        f"Content-Type: {media_type}\nTransfer-Encoding: chunked\nConnection: close\n\n"
    )
    answer = talk(server, head, _chunked(_FIFTY_MEGABYTES))
    assert answer.startswith(b"HTTP/1.1 413 "), answer[:200]
    assert b"application/problem+json" in answer
    assert httpx2.get(f"{server.address}/healthz", timeout=_SECONDS).status_code == 200


def test_an_announced_body_is_refused_before_it_comes(server: Server, anna: dict[str, str]) -> None:
    """A Content-Length of fifty megabytes is answered without waiting for them."""
    head = (
        f"POST /v1/predictions HTTP/1.1\nHost: x\nAuthorization: {anna['Authorization']}\n"
        f"Content-Type: application/json\nContent-Length: {_FIFTY_MEGABYTES}\n\n"
    )
    answer = talk(server, head, iter(()))
    assert answer.startswith(b"HTTP/1.1 413 "), answer[:200]


@pytest.mark.parametrize(
    "lengths",
    [
        "Content-Length: 5\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\nContent-Length: 5",
        "Content-Length: 5\nContent-Length: 6",
        "Content-Length: -5",
        "Content-Length: 5x",
        "Transfer-Encoding: chunked, identity",
    ],
)
def test_a_body_of_two_lengths_is_refused(
    server: Server, anna: dict[str, str], lengths: str
) -> None:
    """A request whose end two readers would see in different places is not served."""
    head = (
        f"POST /v1/predictions HTTP/1.1\nHost: x\nAuthorization: {anna['Authorization']}\n"
        f"Content-Type: application/json\n{lengths}\nConnection: close\n\n"
    )
    answer = talk(server, head, _chunked(_FIFTY_MEGABYTES))
    status = int(answer.split()[1]) if answer else 400
    assert status in {400, 413}, answer[:200]


def test_a_body_in_many_chunks_is_one_body(server: Server, anna: dict[str, str]) -> None:
    """A good order that comes byte by byte is sold like any other, once."""

    def pieces() -> Iterator[bytes]:
        for byte in order():
            yield bytes([byte])

    headers = anna | {"Content-Type": "application/json"}
    before = balance(server, anna)["available"]
    answer = httpx2.post(
        f"{server.address}/v1/predictions", content=pieces(), headers=headers, timeout=_SECONDS
    )
    assert answer.status_code == 201
    assert before - balance(server, anna)["available"] == answer.json()["price"]


def test_a_body_that_breaks_off_buys_nothing(server: Server, anna: dict[str, str]) -> None:
    """A sender who goes away in the middle of an order, even where it could end, has bought nothing."""
    before = balance(server, anna)
    body = order()
    for announced in ("Transfer-Encoding: chunked", f"Content-Length: {len(body) + 10}"):
        head = (
            f"POST /v1/predictions HTTP/1.1\r\nHost: x\r\nAuthorization: {anna['Authorization']}\r\n"
            f"Content-Type: application/json\r\n{announced}\r\n\r\n"
        ).encode()
        sent = f"{len(body):x}\r\n".encode() + body + b"\r\n" if "chunked" in announced else body
        with socket.create_connection(("127.0.0.1", server.port), timeout=_SECONDS) as line:
            line.sendall(head + sent)
            line.shutdown(socket.SHUT_WR)
            while line.recv(65_536):
                pass
    assert balance(server, anna) == before


def test_the_log_has_a_line_for_each_request_and_no_secrets(
    server: Server, anna: dict[str, str]
) -> None:
    """One JSON line a request, with its id and status, and nothing of inputs, tokens or passwords."""
    headers = anna | {"Content-Type": "application/json", "X-Request-ID": "find-me-in-the-log"}
    sold = httpx2.post(
        f"{server.address}/v1/predictions",
        content=order(loan_int_rate=_RATE),
        headers=headers,
        timeout=_SECONDS,
    )
    assert sold.status_code == 201, sold.text
    path = Path(server._log.name)

    def found() -> list[str]:
        whole, _, _ = path.read_text().rpartition("\n")
        return [line for line in whole.splitlines() if "find-me-in-the-log" in line]

    eventually(lambda: bool(found()))
    (line,) = found()
    event = json.loads(line)
    assert (event["method"], event["path"], event["status"]) == ("POST", "/v1/predictions", 201)
    text = path.read_text()
    for secret in (
        str(_RATE),
        anna["Authorization"].removeprefix("Bearer "),
        "correct horse",
        "RENT",
    ):
        assert secret not in text
