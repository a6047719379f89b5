"""A backup is made while customers buy, and what is restored from it is a house that sells."""

import stat
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest

from augury.kit.db import Database
from backup.houses import PG_BIN, augury, empty_place
from support.databases import postgres_database, sqlite_database
from support.houses import Server, findings, fund, order, servers, sign_in, sign_up
from support.patience import was_busy
from support.waiting import eventually

_CUSTOMERS = 4
_FIRST_SALES = 10


class Customer:
    """Buys without a pause until told to stop, and remembers every answer."""

    def __init__(self, server: Server, name: str) -> None:
        self.name = name
        self.client = httpx2.Client(base_url=server.address, timeout=90, trust_env=False)
        self.client.headers.update(sign_up(self.client, name))
        fund(server.database_url, self.client.get("/v1/me").json()["id"], 10_000_000)
        self.answered: list[str] = []
        self.failed: list[str] = []

    def buy(self, stop: threading.Event, warm: threading.Event) -> None:
        while not stop.is_set():
            answer = self.client.post(
                "/v1/predictions", content=order(), headers={"Content-Type": "application/json"}
            )
            if answer.status_code == 201:
                self.answered.append(answer.json()["id"])
            elif not was_busy(answer):
                self.failed.append(answer.text)
                return
            if len(self.answered) == _FIRST_SALES:
                warm.set()


@contextmanager
def buying(customers: list[Customer]) -> Iterator[None]:
    """Let customers buy during the block, which begins when each of them has bought."""
    stop = threading.Event()
    warm = [threading.Event() for _ in customers]
    threads = [
        threading.Thread(target=customer.buy, args=(stop, ready))
        for customer, ready in zip(customers, warm, strict=True)
    ]
    for thread in threads:
        thread.start()
    try:
        assert all(ready.wait(120) for ready in warm)
        yield
    finally:
        stop.set()
        for customer, thread in zip(customers, threads, strict=True):
            thread.join()
            customer.client.close()


# `augury`, whose backups stand still in the middle until they are told to go on.
_HELD = """
import time
from pathlib import Path
from augury.cli import app, backup
make_backup, begun, go_on = backup.make_backup, Path({begun!r}), Path({go_on!r})
def held(settings, path, pg_bin, tell):
    def tell_and_wait(*told):
        tell(*told)
        begun.touch()
        while not go_on.exists():
            time.sleep(0.02)
    return make_backup(settings, path, pg_bin, tell_and_wait)
backup.make_backup = held
app()
"""


def backed_up(
    server: Server, file: Path, customers: list[Customer]
) -> subprocess.CompletedProcess[str]:
    """Make a backup that goes on when each customer has bought while it was made."""
    begun, go_on = file.with_name("begun"), file.with_name("go_on")
    program = ("-c", _HELD.format(begun=str(begun), go_on=str(go_on)))
    options = ("--data-dir", server.data_dir, "--pg-bin", PG_BIN)
    with ThreadPoolExecutor(1) as pool:
        making = pool.submit(
            augury, "backup", file, *options, database_url=server.database_url, program=program
        )
        try:
            eventually(lambda: begun.exists() or making.done())
            before = [len(customer.answered) for customer in customers]
            eventually(
                lambda: all(
                    len(customer.answered) > count or customer.failed
                    for customer, count in zip(customers, before, strict=True)
                )
            )
        finally:
            go_on.touch()
        return making.result()


def stored(database_url: str) -> set[str]:
    """Return the ids of the predictions in a database."""
    db = Database(database_url)
    with db.read() as tx:
        found = {str(row[0]) for row in tx.exec_driver_sql("SELECT id FROM predictions")}
    db.close()
    return found


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """An API that serves while backups are made, on each database."""
    folder = tmp_path_factory.mktemp("living")
    with ExitStack() as stack:
        if request.param == "sqlite":
            address = sqlite_database(folder)
        else:
            postgres = request.getfixturevalue("postgres")
            address = stack.enter_context(postgres_database(postgres))
        (running,) = stack.enter_context(servers(address, folder, 1))
        yield running
        assert running.stop() == 0
        assert findings(address) == []


def test_a_backup_beside_sales_restores_to_a_house_that_sells(
    server: Server, tmp_path: Path
) -> None:
    """What was answered before the backup began is in it, nothing unpaid is, and the models are
    there: the restored house has clean books and sells to the same customers."""
    file = tmp_path / "house.tar"
    customers = [Customer(server, f"buyer{n}") for n in range(_CUSTOMERS)]
    with buying(customers):
        before = {id_ for customer in customers for id_ in list(customer.answered)}
        made = backed_up(server, file, customers)
        assert (made.returncode, made.stderr) == (0, "")
        during = {id_ for customer in customers for id_ in list(customer.answered)}
    assert [customer.failed for customer in customers] == [[]] * _CUSTOMERS
    answered = {id_ for customer in customers for id_ in customer.answered}
    assert len(before) >= _CUSTOMERS * _FIRST_SALES
    assert before < during
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    new_dir = tmp_path / "new"
    with empty_place(server.database_url, new_dir) as place:
        back = augury(
            "restore", file, "--data-dir", new_dir, "--pg-bin", PG_BIN, database_url=place
        )
        assert (back.returncode, back.stderr) == (0, "")
        assert "The books are right." in back.stdout
        assert before <= stored(place) <= answered
        assert findings(place) == []
        _require_selling(place, new_dir, customers[0].name)
        assert findings(place) == []


def _require_selling(place: str, data_dir: Path, name: str) -> None:
    server = Server(place, data_dir).ready()
    try:
        with httpx2.Client(base_url=server.address, timeout=90, trust_env=False) as client:
            headers = sign_in(client, name) | {"Content-Type": "application/json"}
            models = [one["name"] for one in client.get("/v1/models").json()["items"]]
            assert len(models) == 5
            for model in filter(lambda name: name.startswith("credit-"), models):
                sold = client.post("/v1/predictions", content=order(model), headers=headers)
                assert sold.status_code == 201, sold.text
    finally:
        assert server.stop() == 0


def test_a_living_database_is_not_restored_over(server: Server, tmp_path: Path) -> None:
    """A database with a house in it is refused, with `--replace` too while somebody serves it, and
    the house goes on selling."""
    file = tmp_path / "house.tar"
    options = ("--data-dir", server.data_dir, "--pg-bin", PG_BIN)
    made = augury("backup", file, *options, database_url=server.database_url)
    assert made.returncode == 0, made.stderr
    before = sorted(server.data_dir.iterdir())
    for more in ((), ("--replace",)):
        refused = augury("restore", file, *options, *more, database_url=server.database_url)
        assert refused.returncode == 1
        assert len(refused.stderr.splitlines()) == 1
    assert sorted(server.data_dir.iterdir()) == before
    with httpx2.Client(base_url=server.address, timeout=90, trust_env=False) as client:
        assert sign_up(client, "late")
