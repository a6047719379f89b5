"""Endpoints: which addresses are taken, how many, and whose they are."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import literal, select, text

from augury.kit.db import Database
from augury.kit.errors import InvalidInput, NotFound
from augury.kit.ids import new_id
from augury.notices import endpoints
from augury.notices.addresses import networks
from augury.notices.endpoints import MOST_ENDPOINTS, TooManyEndpoints
from augury.notices.sealing import Sealer
from augury.notices.service import EventType
from augury.notices.tables import endpoints as table
from notices.outbox import SEALER, endpoint

URL = "https://example.com/hook"


def add(db: Database, url: str, permitted: str = "") -> str:
    """Try to add an endpoint at a URL; return the URL as it is kept."""
    added, _ = endpoints.add(db, SEALER, networks(permitted), new_id(), url, list(EventType))
    return added.url


def fault(db: Database, url: str, permitted: str = "") -> str:
    """Return the text that says what is wrong with a URL."""
    with pytest.raises(InvalidInput) as refused:
        add(db, url, permitted)
    ((pointer, key),) = [(fault.pointer, fault.key) for fault in refused.value.faults]
    assert pointer == "/url"
    return key


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (URL, URL),
        ("http://example.com", "http://example.com"),
        ("https://EXAMPLE.com:443/Hook?A=b&c=%20", "https://example.com/Hook?A=b&c=%20"),
        ("https://example.com:8443/", "https://example.com:8443/"),
        ("https://пример.рф/хук", "https://xn--e1afmkfd.xn--p1ai/%D1%85%D1%83%D0%BA"),
        ("https://8.8.8.8/", "https://8.8.8.8/"),
        ("https://[2606:2800:220:1::1]:444/", "https://[2606:2800:220:1::1]:444/"),
        ("https://a_b.example.com/", "https://a_b.example.com/"),
    ],
)
def test_a_public_url_is_taken(db: Database, given: str, kept: str) -> None:
    """Both schemes, ports, international names and literal addresses are fine."""
    assert add(db, given) == kept


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "/hook",
        "//example.com",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com",
        "javascript:alert(1)",
        "https://",
        "https:///hook",
        "https://.example.com",
        "https://example..com",
        "https://example.com.",
        "https://exa mple.com",
        "https://%31.example.com",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://example.com:port/",
        "https://example.com/#part",
        "https://example.com/#",
        "https://example.com/\x00",
        "https://example.com/\r\nHost: other",
        "https://\ud800.com/",
        f"https://{'a' * 64}.com/",
        f"https://{'a.' * 150}com/",
        "https://example.com/" + "x" * 1000,
        "https://example.com/" + "я" * 300,  # six bytes each once it is encoded
    ],
)
def test_what_is_no_url_is_refused(db: Database, url: str) -> None:
    """Another scheme, no host, a fragment, control characters or excess is refused clearly."""
    assert fault(db, url) == "fault.webhook_url"


@pytest.mark.parametrize("who", ["anna:secret@", "anna@", ":secret@"])
def test_credentials_in_a_url_are_refused(db: Database, who: str) -> None:
    """A password in a URL would stand in lists and logs."""
    assert fault(db, f"https://{who}example.com/") == "fault.webhook_url_credentials"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "10.1.2.3",
        "[::1]",
        "[::ffff:10.0.0.1]",
        "169.254.169.254",
        "0",
        "0x7f.1",
    ],
)
def test_a_private_address_is_refused_at_once(db: Database, host: str) -> None:
    """A literal private address is refused when it is added, unless the operator permits it."""
    assert fault(db, f"http://{host}:8000/") == "fault.webhook_url_private"
    assert fault(db, f"http://{host}/", "203.0.113.0/24") == "fault.webhook_url_private"
    assert add(db, f"http://{host}/", "0.0.0.0/0, ::/0")


def test_a_secret_is_shown_once_and_kept_sealed(db: Database) -> None:
    """The database has nothing in it that signs; only the sealer gets the secret back."""
    added, secret = endpoint(db, new_id(), "http://127.0.0.1/")
    with db.read() as tx:
        row = tx.execute(select(table)).one()
    assert secret not in str(row)
    assert SEALER.open(row.sealed_secret, added.id) == secret


def test_a_customer_has_few_endpoints(db: Database) -> None:
    """Beyond ten, adding is refused until one is removed; others are not affected."""
    anna = new_id()
    mine = [endpoint(db, anna, "http://127.0.0.1/")[0] for _ in range(MOST_ENDPOINTS)]
    with pytest.raises(TooManyEndpoints):
        endpoint(db, anna, "http://127.0.0.1/")
    endpoint(db, new_id(), "http://127.0.0.1/")
    endpoints.remove(db, anna, mine[0].id)
    endpoint(db, anna, "http://127.0.0.1/")
    assert len(endpoints.listed(db, anna)) == MOST_ENDPOINTS


def test_parallel_requests_do_not_get_past_the_limit(db: Database) -> None:
    """Of 40 at once exactly ten are added."""
    anna = new_id()

    def one(_: int) -> bool:
        try:
            endpoint(db, anna, "http://127.0.0.1/")
        except TooManyEndpoints:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(40))) == MOST_ENDPOINTS
    assert len(endpoints.listed(db, anna)) == MOST_ENDPOINTS


def test_one_request_waits_for_another_of_the_same_customer(db: Database) -> None:
    """What another transaction is about to add is counted, though nobody can see it yet."""
    anna = new_id()
    for _ in range(MOST_ENDPOINTS - 1):
        last, _ = endpoint(db, anna, "http://127.0.0.1/")
    copied = [column for column in table.c if column.name != "id"]
    with ThreadPoolExecutor(1) as pool:
        with db.write() as tx:
            endpoints.one_at_a_time(tx, anna)
            tenth = select(literal(new_id(), table.c.id.type), *copied).where(table.c.id == last.id)
            names = ["id", *(column.name for column in copied)]
            tx.execute(table.insert().from_select(names, tenth))
            asked = pool.submit(endpoint, db, anna, "http://127.0.0.1/")
            time.sleep(0.5)  # enough for a request that does not wait
            assert not asked.done()
        with pytest.raises(TooManyEndpoints):
            asked.result(90)
    assert len(endpoints.listed(db, anna)) == MOST_ENDPOINTS


def test_adding_and_removing_without_end_is_refused(db: Database) -> None:
    """Removed endpoints are kept for a while, so a day has a limit; the next day has its own."""
    anna = new_id()
    for _ in range(50):
        added, _ = endpoint(db, anna, "http://127.0.0.1/")
        endpoints.remove(db, anna, added.id)
    with pytest.raises(TooManyEndpoints):
        endpoint(db, anna, "http://127.0.0.1/")
    with db.write() as tx:
        tx.execute(text("UPDATE webhook_endpoints SET created_at = created_at - 86400000000"))
    endpoint(db, anna, "http://127.0.0.1/")


def test_endpoints_are_listed_newest_first(db: Database) -> None:
    """A customer sees their own that are not removed, each event type once."""
    anna = new_id()
    low = EventType.BALANCE_LOW
    first, _ = endpoint(db, anna, "http://127.0.0.1/1", (low, low))
    second, _ = endpoint(db, anna, "http://127.0.0.1/2")
    third, _ = endpoint(db, anna, "http://127.0.0.1/3")
    endpoint(db, new_id(), "http://127.0.0.1/4")
    endpoints.remove(db, anna, second.id)
    assert endpoints.listed(db, anna) == [third, first]
    assert first.events == ("balance.low",)
    assert endpoints.find(db, anna, first.id) == first
    assert (first.status, first.failures) == ("active", 0)


@pytest.mark.parametrize("id_", ["", "nonsense", "0" * 36, "01900000-0000-7000-8000-000000000000"])
def test_what_is_not_there_is_not_found(db: Database, id_: str) -> None:
    """Unknown ids, and texts that are none, are not found."""
    for act in (endpoints.find, endpoints.remove, endpoints.enable):
        with pytest.raises(NotFound):
            act(db, new_id(), id_)


def test_somebody_elses_endpoint_is_not_found(db: Database) -> None:
    """Another customer can neither see nor change an endpoint, nor its owner once it is removed."""
    anna, boris = new_id(), new_id()
    added, _ = endpoint(db, anna, "http://127.0.0.1/")
    for act in (endpoints.find, endpoints.remove, endpoints.enable):
        with pytest.raises(NotFound):
            act(db, boris, added.id)
    assert endpoints.find(db, anna, added.id) == added
    endpoints.remove(db, anna, added.id)
    for act in (endpoints.find, endpoints.remove, endpoints.enable):
        with pytest.raises(NotFound):
            act(db, anna, added.id)


def test_enabling_gives_a_clean_slate(db: Database) -> None:
    """A disabled endpoint is active again, with no failures held against it."""
    anna = new_id()
    added, _ = endpoint(db, anna, "http://127.0.0.1/")
    with db.write() as tx:
        tx.execute(
            text(
                "UPDATE webhook_endpoints SET status = 'disabled', failures = 9, failing_since = 1"
            )
        )
    assert endpoints.enable(db, anna, added.id) == added
    with db.read() as tx:
        row = tx.execute(select(table)).one()
    assert (row.status, row.failures, row.failing_since) == ("active", 0, None)


def test_secrets_are_sealed_anew_after_a_change_of_keys(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Afterwards the old key is not needed for any of them; what is unreadable stays as it is."""
    monkeypatch.setattr(endpoints, "_RESEALED_AT_ONCE", 2)
    added = [endpoint(db, new_id(), "http://127.0.0.1/") for _ in range(5)]
    with db.write() as tx:
        tx.execute(table.update().where(table.c.id == added[2][0].id).values(sealed_secret="?"))
    old = "a-secret-of-the-tests-and-of-nobody-else"
    assert endpoints.reseal(db, Sealer("the-next-secret-of-the-tests", old)) == 4
    assert endpoints.reseal(db, Sealer("the-next-secret-of-the-tests", old)) == 0
    new = Sealer("the-next-secret-of-the-tests")
    with db.read() as tx:
        sealed = {row.id: row.sealed_secret for row in tx.execute(select(table))}
    for place, (one, secret) in enumerate(added):
        if place == 2:
            assert sealed[one.id] == "?"
        else:
            assert new.open(sealed[one.id], one.id) == secret
