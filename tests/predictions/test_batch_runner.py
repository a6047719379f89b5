"""Running chunks: whatever fails or dies on the way, each row is made once and paid once."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from augury.files.local import LocalStore
from augury.inference.asking import NoAnswer
from augury.inference.model import Model
from augury.kit.clock import SECOND, now
from augury.kit.errors import LedgerUnavailable
from augury.predictions import batch_outcomes, batch_runner, leased
from augury.predictions.batch_leases import claim
from augury.predictions.batch_scoring import Scored, score
from augury.predictions.leased import BACK_OFF_SECONDS, FROM_THE_START, MOST_ATTEMPTS
from support.batch_shop import BatchShop, open_shop
from support.batches import change, change_chunk, claimed
from support.files import NUMBER, applicants, read, send, written
from support.houses import sign_up
from support.quick import quicken_quarantine
from support.uploads import ROW, Registrar, version


@pytest.fixture
def shop(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BatchShop]:
    """A house whose customer anna starts with 5000 credits; what failed waits until it is due."""
    monkeypatch.setattr(leased, "BACK_OFF_SECONDS", (3600,) * len(BACK_OFF_SECONDS))
    quicken_quarantine(monkeypatch)
    with open_shop(database_url, tmp_path, monkeypatch) as opened:
        yield opened


def ordered(shop: BatchShop, rows: int = 10, kind: str = "csv") -> str:
    """Order a batch and return its id."""
    answer = shop.send(written(kind, applicants(rows)))
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def numbers(shop: BatchShop, id_: str) -> list[int]:
    """Return the numbers of the rows in the results, in their order; each has its outputs."""
    rows = read("csv", shop.results(id_).content)
    assert all(row["default_probability"] is not None for row in rows)
    return [row[NUMBER] for row in rows]


def make_due(shop: BatchShop, id_: str) -> None:
    """Let every chunk that waits, or is leased, be due."""
    with shop.house.db.write() as tx:
        tx.exec_driver_sql(
            f"UPDATE batch_chunks SET next_at = 1 WHERE status <> 'done' AND batch_id = '{id_}'"
        )


def refusing(error: Exception) -> Callable[..., Any]:
    """Return a function that raises."""

    def refuse(*_args: object, **_named: object) -> None:
        raise error

    return refuse


@pytest.mark.parametrize(
    ("where", "name", "error", "code"),
    [
        (Model, "predict", RuntimeError("a bug"), "model_failed"),
        (Model, "predict", ConnectionResetError("elsewhere"), "model_failed"),
        (LocalStore, "local", OSError("a disk"), "files_unavailable"),
        (LocalStore, "put", OSError("full"), "files_unavailable"),
    ],
)
def test_what_fails_is_tried_again_and_then_ends_the_batch(
    shop: BatchShop,
    monkeypatch: pytest.MonkeyPatch,
    where: type,
    name: str,
    error: Exception,
    code: str,
) -> None:
    """Five tries with growing pauses; then everything is free, also what was done before."""
    id_ = ordered(shop)
    assert shop.run(1) == 1
    monkeypatch.setattr(where, name, refusing(error))
    for _ in range(MOST_ATTEMPTS):
        assert shop.get(f"batches/{id_}")["status"] == "running"
        assert shop.run() in {1, 2}  # the chunks that are left
        assert shop.run() == 0
        make_due(shop, id_)
    told = shop.get(f"batches/{id_}")
    assert (told["status"], told["error"]["code"]) == ("failed", code)
    assert shop.balance() == (5000, 0)
    assert shop.results(id_).json()["code"] == "no_results"


def test_a_failure_that_passes_costs_time_only(
    shop: BatchShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chunk is made at a later try, and no row is twice or missing."""
    id_ = ordered(shop)
    with monkeypatch.context() as broken:
        broken.setattr(Model, "predict", refusing(RuntimeError("for a moment")))
        assert shop.run(1) == 1
    assert shop.run() == 2
    make_due(shop, id_)
    assert shop.run() == 1
    assert numbers(shop, id_) == list(range(10))
    assert shop.balance() == (4900, 0)


AWAY = NoAnswer("service_unanswered", name="-", replicas="-", error="-")


def test_a_batch_waits_for_a_model_that_nobody_answers_for(
    shop: BatchShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it is asked for, that is no fault of the rows; what they fail of still counts."""
    id_ = ordered(shop, 4)
    with monkeypatch.context() as broken:
        broken.setattr(Model, "predict", refusing(RuntimeError("a bug")))
        assert shop.run() == 1
        broken.setattr(Model, "predict", refusing(AWAY))
        for _ in range(2 * MOST_ATTEMPTS):
            make_due(shop, id_)
            assert shop.run() == 1
            assert shop.run() == 0, "it pauses"
        assert shop.get(f"batches/{id_}")["status"] == "running"
        broken.setattr(Model, "predict", refusing(RuntimeError("the bug again")))
        for _ in range(MOST_ATTEMPTS - 2):
            make_due(shop, id_)
            assert shop.run() == 1
        assert shop.get(f"batches/{id_}")["status"] == "running"
    make_due(shop, id_)
    assert shop.run() == 1
    assert numbers(shop, id_) == list(range(4))
    assert shop.balance() == (4960, 0)


def test_a_batch_whose_model_stays_away_ends_with_its_day(
    shop: BatchShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No try fits in before the deadline: the batch says why it has failed, and is free."""
    id_ = ordered(shop)
    monkeypatch.setattr(Model, "predict", refusing(AWAY))
    change(shop.house.db, id_, deadline_at=now() + 600 * SECOND)
    assert shop.run(1) == 1
    told = shop.get(f"batches/{id_}")
    assert (told["status"], told["error"]["code"]) == ("failed", "model_unavailable")
    assert shop.balance() == (5000, 0)


def test_a_version_that_is_off_sale_ends_the_batch(shop: BatchShop, tmp_path: Path) -> None:
    """What was ordered is not predicted by another version instead."""
    registrar = Registrar(shop.client)
    tiny = version(tmp_path / "tiny")
    assert registrar.publish(tiny).status_code == 201
    registrar.point(1)
    assert registrar.patch(status="active").status_code == 200
    name = tiny.manifest.name
    id_ = shop.send(written("jsonl", [ROW]), model=name).json()["id"]
    assert registrar.patch(status="retired").status_code == 200
    assert shop.run() == 1
    told = shop.get(f"batches/{id_}")
    assert (told["status"], told["error"]["code"]) == ("failed", "model_not_found")
    assert shop.balance() == (5000, 0)


def test_a_crash_between_part_and_commit_makes_the_chunk_again(
    shop: BatchShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The part is in the store and nobody named it: made again it is the same, and counted once."""
    id_ = ordered(shop)
    with monkeypatch.context() as broken:
        broken.setattr(batch_outcomes, "finish", refusing(LedgerUnavailable()))
        with pytest.raises(LedgerUnavailable):
            shop.runner().run_one()
    before = shop.stored()
    assert len(before) == 2
    assert shop.run() == 2
    make_due(shop, id_)
    assert shop.run() == 1
    assert before < shop.stored()
    assert numbers(shop, id_) == list(range(10))
    assert shop.balance() == (4900, 0)


def test_who_lost_the_lease_while_working_stores_nothing(
    shop: BatchShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another made the chunk meanwhile; the late result is not counted and not charged."""
    id_ = ordered(shop, 4)
    slow, quick = shop.runner(), shop.runner()

    def overtaken(*args: Any, **named: Any) -> Scored:
        monkeypatch.setattr(batch_runner, "score", score)
        make_due(shop, id_)
        assert quick.run_one()
        assert slow.renew() == 0
        return score(*args, **named)

    monkeypatch.setattr(batch_runner, "score", overtaken)
    assert slow.run_one()
    assert numbers(shop, id_) == list(range(4))
    told = shop.get(f"batches/{id_}")
    assert (told["rows_done"], told["credits_captured"]) == (4, 40)
    assert shop.balance() == (4960, 0)


def test_a_lease_is_prolonged_while_the_model_runs(
    shop: BatchShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else begins the chunk, however long it takes."""
    id_ = ordered(shop, 4)
    runner = shop.runner()

    def long(*args: Any, **named: Any) -> Scored:
        make_due(shop, id_)
        assert runner.renew() == 1
        assert claim(shop.house.db, FROM_THE_START) is None
        return score(*args, **named)

    monkeypatch.setattr(batch_runner, "score", long)
    assert runner.run_one()
    assert runner.renew() == 0
    assert shop.get(f"batches/{id_}")["status"] == "succeeded"


def test_a_chunk_that_ends_processes_ends_its_batch(shop: BatchShop) -> None:
    """Five workers began it and none came back: the sixth does not try, and it is free."""
    id_ = ordered(shop, 4)
    for _ in range(MOST_ATTEMPTS):
        change_chunk(shop.house.db, claimed(shop.house.db), next_at=1)
    assert shop.run() == 1
    told = shop.get(f"batches/{id_}")
    assert (told["status"], told["error"]["code"]) == ("failed", "attempts_exhausted")
    assert shop.balance() == (5000, 0)


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_many_runners_make_every_row_once(shop: BatchShop, kind: str) -> None:
    """Four workers race through the chunks of two batches, and the results are in order."""
    ids = [ordered(shop, 60, kind) for _ in range(2)]
    threads = [
        threading.Thread(target=shop.runner().run_due, args=[threading.Event()]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for id_ in ids:
        rows = read(kind, shop.results(id_).content)
        assert [row[NUMBER] for row in rows] == list(range(60))
        told = shop.get(f"batches/{id_}")
        assert (told["rows_done"], told["credits_captured"]) == (60, 600)
    assert shop.balance() == (3800, 0)


def test_a_huge_file_delays_ten_rows_by_one_chunk(shop: BatchShop) -> None:
    """Whoever comes later waits for one chunk of a customer with a hundred of them, no more."""
    huge = ordered(shop, 400)
    runner = shop.runner()
    assert runner.run_one()
    boris = sign_up(shop.client, "boris")
    small = send(shop.client, boris, written("csv", applicants(4))).json()["id"]
    assert runner.run_one()
    assert runner.run_one()
    told = shop.client.get(f"/v1/batches/{small}", headers=boris).json()
    assert told["status"] == "succeeded"
    assert shop.get(f"batches/{huge}")["rows_done"] <= 8
    shop.cancel(huge)


def test_a_runner_with_nothing_to_do_says_so(shop: BatchShop) -> None:
    """`run_one` is False, `run_due` ran none, and there is nothing to prolong."""
    runner = shop.runner()
    assert not runner.run_one()
    assert runner.run_due(threading.Event()) == 0
    assert runner.renew() == 0


def test_one_chunk_is_predicted_while_the_one_before_is_stored(
    shop: BatchShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two threads predict in turns, and neither waits for what the other stores."""
    id_ = ordered(shop)
    scoring, two_scored, calls = threading.Lock(), threading.Event(), []
    put = LocalStore.put

    def alone(*arguments: Any, **named: Any) -> Scored:
        assert scoring.acquire(blocking=False)
        calls.append(arguments)
        if len(calls) > 1:
            two_scored.set()
        scored = score(*arguments, **named)
        scoring.release()
        return scored

    def patient(*arguments: Any) -> Any:
        assert two_scored.wait(60)
        return put(*arguments)

    monkeypatch.setattr(batch_runner, "score", alone)
    monkeypatch.setattr(LocalStore, "put", patient)
    ran: list[int] = []
    runner = shop.runner()
    threads = [
        threading.Thread(target=lambda: ran.append(runner.run_due(threading.Event())))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(ran) == 3
    assert numbers(shop, id_) == list(range(10))
