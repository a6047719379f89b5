"""Sending: what arrives, what is never reached, and that no receiver can hold us up."""

import itertools
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from augury.notices import outgoing
from augury.notices.addresses import networks
from augury.notices.answer import Answer
from augury.notices.outgoing import SECONDS, Sender
from notices.certificates import make_ca
from notices.outbox import LOOPBACK
from notices.receiver import Receiver, receiving, talking

BODY = b'{"type":"ping"}'
HEADERS = {"webhook-id": "event-1"}
# Where a cloud tells a machine its secrets.
METADATA = "169.254.169.254"


def post(url: str, **options: object) -> Answer:
    """Send to a URL; loopback is permitted unless a test says otherwise."""
    permitted = options.pop("permitted", LOOPBACK)
    return Sender(permitted, **options).post(url, HEADERS, BODY)  # type: ignore[arg-type]


def resolver(*answers: list[str]) -> Callable[[str, int], list[str]]:
    """Return a resolver that gives these answers in turn, and the last one for ever."""
    left = list(answers)
    return lambda _host, _port: left.pop(0) if len(left) > 1 else left[0]


def test_a_webhook_arrives_as_it_was_signed(receiver: Receiver) -> None:
    """The receiver gets the very bytes and headers, and its answer comes back."""
    assert post(receiver.url + "?a=1") == Answer(200, "thanks", delivered=True)
    (request,) = receiver.requests
    assert (request.path, request.body) == ("/hook?a=1", BODY)
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == "event-1"
    assert "authorization" not in request.headers


@pytest.mark.parametrize("status", [300, 304, 400, 404, 410, 429, 500, 503])
def test_only_a_status_of_200_to_299_is_delivered(receiver: Receiver, status: int) -> None:
    """Every other answer is a failure, and 410 one for good."""
    receiver.answer, receiver.body = status, b""
    answer = post(receiver.url)
    assert (answer.status, answer.delivered, answer.final) == (status, False, status == 410)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_status_of_200_to_299_is_delivered(receiver: Receiver, status: int) -> None:
    """Receivers thank in different ways."""
    receiver.answer, receiver.body = status, b""
    assert post(receiver.url).delivered


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(receiver: Receiver, status: int) -> None:
    """A redirect to a private address, or to any, is an answer like any other."""
    with receiving() as inside:
        receiver.answer, receiver.headers = status, {"Location": inside.url}
        assert post(receiver.url).status == status
        assert inside.requests == []


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", METADATA, "::1", "::ffff:127.0.0.1", "100.64.0.1"],
)
def test_a_name_that_resolves_to_a_private_address_is_refused(
    receiver: Receiver, address: str
) -> None:
    """However innocent a name is, what it resolves to is what counts."""
    url = f"http://innocent.example.com:{receiver.port}/"
    assert post(url, permitted=(), resolve=resolver([address])) == Answer(None, "address_refused")
    assert receiver.requests == []


def test_one_private_address_among_public_ones_is_refused(receiver: Receiver) -> None:
    """A name with a good and a bad address is not given the benefit of the doubt."""
    url = f"http://mixed.example.com:{receiver.port}/"
    mixed = resolver(["8.8.8.8", "127.0.0.1"])
    assert post(url, permitted=(), resolve=mixed) == Answer(None, "address_refused")
    assert receiver.requests == []


def test_a_name_that_changes_between_two_questions_gains_nothing(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address that was checked is the one that is connected to: nobody asks a second time."""
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else [METADATA]

    connected: list[object] = []
    genuine = socket.create_connection

    def spy(address: tuple[str, int], *rest: object, **more: object) -> socket.socket:
        connected.append(address[0])
        return genuine(address, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "create_connection", spy)
    answer = post(f"http://rebinding.example.com:{receiver.port}/", resolve=rebinding)
    assert answer.delivered
    assert asked == ["rebinding.example.com"]
    assert connected == ["127.0.0.1"]
    assert receiver.requests[0].headers["host"] == f"rebinding.example.com:{receiver.port}"


def test_loopback_is_refused_unless_it_is_permitted(receiver: Receiver) -> None:
    """Neither the address itself nor another network's permission is enough."""
    for permitted in ((), networks("10.0.0.0/8, ::1/128")):
        for host in ("127.0.0.1", "localhost", "2130706433", "127.1"):
            url = f"http://{host}:{receiver.port}/"
            assert post(url, permitted=permitted) == Answer(None, "address_refused")
    assert receiver.requests == []


def test_the_next_address_is_tried_when_one_does_not_answer(receiver: Receiver) -> None:
    """Of several addresses the first that answers is used."""
    url = f"http://several.example.com:{receiver.port}/"
    several = resolver(["127.0.0.9", "127.0.0.1"])  # the receiver listens on the second only
    assert post(url, resolve=several).delivered


@pytest.mark.parametrize("resolved", [OSError("unknown"), UnicodeError("too long"), []])
def test_a_name_that_nobody_knows_is_said_so(resolved: Exception | list[str]) -> None:
    """A name without an address is a failure that is tried again."""

    def resolve(_host: str, _port: int) -> list[str]:
        if isinstance(resolved, Exception):
            raise resolved
        return resolved

    answer = post("http://unknown.example.com/", resolve=resolve)
    assert answer == Answer(None, "name_unknown")


def test_where_nobody_listens_is_said_so() -> None:
    """A refused connection is a failure that is tried again."""
    with socket.socket() as held:  # nobody else is given its port
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        assert post(f"http://127.0.0.1:{port}/") == Answer(None, "connection_failed")


def test_proxies_of_the_environment_are_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy would connect for us, to addresses that nobody has checked."""
    with receiving() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert post(receiver.url).delivered
        assert proxy.requests == []


def answering(text: bytes) -> Callable[[socket.socket], None]:
    """Return a talk that reads a request and answers with a text."""

    def talk(connection: socket.socket) -> None:
        _read_request(connection)
        connection.sendall(text)

    return talk


def _read_request(connection: socket.socket) -> None:
    read = b""
    while not read.endswith(BODY):
        read += connection.recv(65536)


def test_a_huge_answer_is_read_for_a_moment_only() -> None:
    """Of gigabytes a few kilobytes are read, and the status counts."""
    sent: list[int] = []

    def endless(connection: socket.socket) -> None:
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n")(connection)
        while True:
            sent.append(connection.send(b"x" * 65536))

    with talking(endless) as port:
        answer = post(f"http://127.0.0.1:{port}/")
    assert answer.delivered
    assert answer.stored_text == "x" * 500
    assert len(answer.text) <= 2000
    assert sum(sent) < 50_000_000


def test_a_compressed_answer_is_not_unpacked(receiver: Receiver) -> None:
    """A bomb stays as small as it came."""
    receiver.headers, receiver.body = {"Content-Encoding": "gzip"}, b"\x1f\x8b\x00bomb"
    answer = post(receiver.url)
    assert answer.delivered
    assert "\0" in answer.text
    assert "\0" not in answer.stored_text


@pytest.mark.parametrize(
    "text",
    [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 abc OK\r\n\r\n", b"H" * 200_000],
    ids=["nothing", "another protocol", "no status", "endless line"],
)
def test_what_is_no_answer_is_a_failure(text: bytes) -> None:
    """A server that talks nonsense is a failure that is tried again."""
    with talking(answering(text)) as port:
        answer = post(f"http://127.0.0.1:{port}/")
    assert (answer.status, answer.delivered, answer.final) == (None, False, False)
    assert answer.text in {"answer_malformed", "connection_lost"}


def test_a_connection_that_is_reset_is_a_failure() -> None:
    """So is a server that drops us in the middle."""

    def reset(connection: socket.socket) -> None:
        answering(b"HTTP/1.1 2")(connection)
        time.sleep(0.1)  # it has read this far and waits for more
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with talking(reset) as port:
        answer = post(f"http://127.0.0.1:{port}/")
    assert answer == Answer(None, "connection_lost")


def test_a_status_counts_though_the_rest_never_comes() -> None:
    """Who answers 200 and then drops the line has got the webhook."""
    with talking(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")) as port:
        answer = post(f"http://127.0.0.1:{port}/")
    assert answer == Answer(200, "half", delivered=True)


def _drip(before: bytes) -> Callable[[socket.socket], None]:
    def talk(connection: socket.socket) -> None:
        answering(before)(connection)
        for _ in range(600):
            connection.sendall(b"x")
            time.sleep(0.05)

    return talk


def _silence(connection: socket.socket) -> None:
    connection.recv(1)
    time.sleep(30)


@pytest.mark.parametrize(
    "talk",
    [_silence, _drip(b"HTTP/1.1 200 OK\r\nx-slow: ")],
    ids=["says nothing", "drips headers"],
)
def test_a_slow_receiver_has_its_time_in_all(talk: Callable[[socket.socket], None]) -> None:
    """Neither silence nor a byte now and then makes an attempt longer than it may be."""
    with talking(talk) as port:
        answer = post(f"http://127.0.0.1:{port}/", seconds=0.5)
    assert answer == Answer(None, "timeout")  # in the end both would be something else


def test_a_body_that_drips_has_its_time_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its status counts, and a byte now and then does not make the attempt longer either."""
    looks = itertools.count()
    # Every look at this clock takes a second of it, and none depends on when a byte came.
    clock = SimpleNamespace(monotonic=lambda: float(next(looks)))
    monkeypatch.setattr(outgoing, "time", clock)
    with talking(_drip(b"HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n")) as port:
        answer = post(f"http://127.0.0.1:{port}/", seconds=20)
    assert answer.status == 200
    assert len(answer.text) < 600


def test_a_receiver_that_does_not_read_has_its_time_too() -> None:
    """A body that nobody takes does not hold us up."""
    with talking(lambda _: time.sleep(30)) as port:
        sender = Sender(LOOPBACK, seconds=0.5)
        answer = sender.post(f"http://127.0.0.1:{port}/", HEADERS, b"x" * 50_000_000)
    assert answer == Answer(None, "timeout")


def test_a_slow_resolver_uses_up_the_same_time(receiver: Receiver) -> None:
    """What the name took is not there for the rest: nothing is sent after the end."""

    def slow(_host: str, _port: int) -> list[str]:
        time.sleep(0.3)
        return ["127.0.0.1"]

    answer = post(f"http://slow.example.com:{receiver.port}/", resolve=slow, seconds=0.2)
    assert answer == Answer(None, "timeout")
    assert receiver.requests == []


def test_an_attempt_is_over_in_seconds() -> None:
    """The time of an attempt is far below its lease and below the time to stop."""
    assert SECONDS <= 10


@contextmanager
def over_tls(folder: Path, *names: str) -> Iterator[tuple[Receiver, ssl.SSLContext]]:
    """Give a receiver with a certificate for names, and a client's trust in its maker."""
    ca = make_ca(folder)
    with receiving(ca.server(*names)) as listening:
        yield listening, ca.trust()


def test_tls_verifies_the_name_and_not_the_address(tmp_path: Path) -> None:
    """The certificate must be for the name of the URL, though an address is connected to."""
    with over_tls(tmp_path, "hooks.example.com") as (listening, trust):
        here = resolver(["127.0.0.1"])
        good = f"https://hooks.example.com:{listening.port}/"
        assert post(good, resolve=here, trust=trust).delivered
        other = f"https://other.example.com:{listening.port}/"
        assert post(other, resolve=here, trust=trust) == Answer(None, "tls_failed")
        assert len(listening.requests) == 1


def test_a_certificate_of_unknown_origin_is_refused(tmp_path: Path) -> None:
    """Without trust in its maker a certificate proves nothing."""
    with over_tls(tmp_path, "hooks.example.com") as (listening, _):
        url = f"https://hooks.example.com:{listening.port}/"
        assert post(url, resolve=resolver(["127.0.0.1"])) == Answer(None, "tls_failed")
        assert listening.requests == []


def test_a_receiver_without_tls_is_no_https(receiver: Receiver) -> None:
    """An https URL is never spoken to in the clear."""
    answer = post(f"https://127.0.0.1:{receiver.port}/")
    assert answer == Answer(None, "tls_failed")
    assert receiver.requests == []
