"""`/v1/batches` from the file to the results, over the API and on both databases."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from augury.predictions import batch_orders, batches
from support.batch_shop import BatchShop, open_shop, small_chunks
from support.files import (
    FORMATS,
    MODEL,
    NUMBER,
    PRICE,
    applicants,
    await_end,
    read,
    send,
    written,
)
from support.houses import findings, open_house, order, settings_for, sign_up


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    small_chunks(monkeypatch)


@pytest.fixture
def shop(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BatchShop]:
    """A house whose customer anna starts with 5000 credits."""
    with open_shop(database_url, tmp_path, monkeypatch) as opened:
        yield opened


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_comes_back_with_every_row_in_order(
    database_url: str, tmp_path: Path, kind: str
) -> None:
    """The worker of the process makes it; good rows are paid, bad ones say why and are free."""
    rows = applicants(30, bad=(3, 17))
    with open_house(settings_for(database_url, tmp_path)) as (client, _):
        anna = sign_up(client)
        answer = send(client, anna, written(kind, rows), name=f"Ваши заявки.{kind}")
        assert answer.status_code == 202, answer.text
        batch = answer.json()
        assert answer.headers["Location"] == f"/v1/batches/{batch['id']}"
        assert (batch["rows"], batch["credits_held"], batch["credits_captured"]) == (30, 300, 0)
        done = await_end(client, anna, batch["id"])
        assert (done["status"], done["rows_done"], done["rows_failed"]) == ("succeeded", 28, 2)
        assert (done["credits_held"], done["credits_captured"]) == (0, 280)
        told = client.get(f"/v1/batches/{batch['id']}/results", headers=anna)
        body = {
            "model": MODEL,
            "inputs": [_input(row) for row in rows if row[NUMBER] not in {3, 17}],
        }
        bought = client.post("/v1/predictions", json=body, headers=anna).json()["outputs"]
        balance = client.get("/v1/balance", headers=anna).json()
    assert told.headers["Content-Disposition"].endswith(f"-results.{kind}")
    results = read(kind, told.content)
    assert [row[NUMBER] for row in results] == list(range(30))
    assert [row[NUMBER] for row in results if row["error"]] == [3, 17]
    for row in (results[3], results[17]):
        assert "loan_grade" in row["error"]
        assert row["default_probability"] is None
    good = [row for row in results if not row["error"]]
    for row, output in zip(good, bought, strict=True):
        assert row["default_probability"] == pytest.approx(output["default_probability"])
        assert row["decision"] == output["decision"]
    assert balance == {"available": 5000 - 280 - 280, "held": 0}
    assert findings(database_url) == []


def _input(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != NUMBER}


def test_progress_is_shown_and_the_last_chunk_pays(shop: BatchShop) -> None:
    """Rows are counted chunk by chunk; the journal has one hold and one capture of a part."""
    id_ = shop.send(written("csv", applicants(10, bad=(0,)))).json()["id"]
    assert shop.balance() == (4900, 100)
    assert shop.run(1) == 1
    told = shop.get(f"batches/{id_}")
    assert (told["status"], told["rows_done"], told["rows_failed"]) == ("running", 3, 1)
    assert (told["credits_held"], told["credits_captured"]) == (100, 0)
    assert shop.results(id_).json()["code"] == "no_results"
    assert shop.run() == 2
    told = shop.get(f"batches/{id_}")
    assert (told["status"], told["rows_done"], told["credits_captured"]) == ("succeeded", 9, 90)
    assert told["created_at"] < told["completed_at"]
    assert shop.get("batches") == {"items": [told], "next_cursor": None}
    moved = shop.get("transactions", reference=id_)["items"]
    assert [(one["type"], one["balance_after"]) for one in moved] == [
        ("capture", 4910), ("hold", 4900),
    ]  # fmt: skip
    (day,) = shop.get("usage")["items"]
    assert (day["predictions"], day["rows"], day["credits"]) == (1, 9, 90)
    (model,) = shop.get("usage", group_by="model")["items"]
    assert (model["model"], model["rows"]) == (MODEL, 9)


def test_rows_of_another_width_are_known_before(shop: BatchShop) -> None:
    """They are not held for; the results have their line and what is wrong."""
    content = written("csv", applicants(5)) + b"broken,row\n"
    batch = shop.send(content).json()
    assert (batch["rows"], batch["credits_held"]) == (6, 50)
    assert shop.run() == 2
    *_, last = shop.results(batch["id"]).text.splitlines()
    assert last.startswith("broken,row,")
    assert "line 7" in last
    assert shop.get(f"batches/{batch['id']}")["credits_captured"] == 50


def test_a_quote_tells_everything_and_does_nothing(shop: BatchShop) -> None:
    """Rows, price, columns, also of a file that would be refused; nothing is stored or held."""
    quote = shop.send(written("csv", applicants(600)) + b"x\n", path="/quotes").json()
    assert (quote["rows"], quote["rows_failed"], quote["price"]) == (601, 1, 6000)
    assert (quote["format"], quote["affordable"]) == ("csv", False)
    assert quote["balance"] == {"available": 5000, "held": 0}
    assert (quote["other_columns"], quote["missing_columns"]) == ([NUMBER], [])
    rows = [{"person_age": 30, "loan_grad": "A"}]
    poor = shop.send(written("jsonl", rows), path="/quotes").json()
    assert "loan_grade" in poor["missing_columns"]
    assert (poor["columns"], poor["affordable"]) == (["person_age"], True)
    assert (shop.balance(), shop.stored(), shop.get("batches")["items"]) == ((5000, 0), set(), [])


_REFUSED: list[tuple[bytes, dict[str, str], int, str]] = [
    (b"", {}, 422, "file_unreadable"),
    (b"PK\x03\x04 an archive", {}, 422, "file_unreadable"),
    (b"a,b\n1,2\n", {}, 422, "columns_missing"),
    (b"a,b\n1\n2\n", {}, 422, "invalid_input"),
    (written("csv", applicants(501)), {}, 402, "insufficient_credits"),
    (written("csv", applicants(1)), {"model": "no-such"}, 404, "model_not_found"),
    (written("csv", applicants(1)), {"explain": "perhaps"}, 422, "invalid_input"),
    (written("csv", applicants(1)), {"explian": "true"}, 422, "invalid_input"),
]


def test_what_cannot_be_sold_leaves_nothing_behind(shop: BatchShop) -> None:
    """The refusal comes before anything is stored or held."""
    for content, form, status, code in _REFUSED:
        answer = shop.send(content, **form)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        if status == 402:
            assert (answer.json()["required"], answer.json()["available"]) == (5010, 5000)
    no_file = shop.client.post("/v1/batches", data={"model": MODEL}, headers=shop.headers)
    assert (no_file.status_code, no_file.json()["code"]) == (415, "unsupported_media_type")
    assert shop.client.post("/v1/batches", files={"file": b"x"}).status_code == 401
    assert (shop.balance(), shop.stored(), shop.get("batches")["items"]) == ((5000, 0), set(), [])


def test_an_order_that_is_refused_in_the_end_leaves_no_file(
    shop: BatchShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Money that went elsewhere meanwhile; a file that another batch names stays."""
    kept = shop.send(written("csv", applicants(2))).json()
    before = shop.stored()
    monkeypatch.setattr(batches, "refuse_early", lambda *_: None)
    for rows in (501, 2):
        monkeypatch.setattr(batch_orders, "MOST_UNFINISHED", 20 if rows > 2 else 1)
        answer = shop.send(written("csv", applicants(rows)))
        code = "insufficient_credits" if rows > 2 else "too_many_batches"
        assert answer.json()["code"] == code
        assert shop.stored() == before
    assert shop.balance() == (4980, 20)
    shop.run()
    assert read("csv", shop.results(kept["id"]).content)


def test_a_key_gives_the_batch_as_it_is_now(shop: BatchShop) -> None:
    """The same file, model and reasons are one batch; anything else is a conflict."""
    content = written("csv", applicants(5))
    first = shop.send(content, key="one")
    again = shop.send(content, key="one", name="another.csv")
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    for other in (
        shop.send(content + b"\n", key="one"),
        shop.send(content, key="one", explain="true"),
        shop.send(content, key="one", model="credit-catboost"),
    ):
        assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    shop.run()
    again = shop.send(content, key="one")
    assert (again.status_code, again.json()["status"]) == (200, "succeeded")
    bought = shop.client.post(
        "/v1/predictions",
        content=order(),
        headers=shop.headers | {"Idempotency-Key": "one", "Content-Type": "application/json"},
    )
    assert bought.status_code == 201  # keys of predictions are others
    assert shop.balance() == (5000 - 50 - PRICE, 0)


def test_cancelling_keeps_and_charges_what_is_done(shop: BatchShop) -> None:
    """Before the first chunk it is free and there is nothing; later the rows that are done."""
    queued = shop.send(written("csv", applicants(10))).json()["id"]
    assert shop.cancel(queued).json()["status"] == "cancelled"
    assert shop.results(queued).json()["code"] == "no_results"
    running = shop.send(written("csv", applicants(10))).json()["id"]
    assert shop.run(2) == 2
    told = shop.cancel(running)
    assert (told.status_code, told.json()["credits_captured"]) == (200, 80)
    assert shop.run() == 0
    rows = read("csv", shop.results(running).content)
    assert [row[NUMBER] for row in rows] == list(range(8))
    assert shop.balance() == (4920, 0)
    done = shop.send(written("csv", applicants(1))).json()["id"]
    shop.run()
    assert shop.cancel(done).json()["code"] == "batch_ended"


def test_a_batch_without_a_good_row_is_free_and_says_why(shop: BatchShop) -> None:
    """It has failed, in the language of the order, and its results tell the reason of each row."""
    answer = shop.client.post(
        "/v1/batches",
        files={"file": written("jsonl", applicants(2, bad=(0, 1)))},
        data={"model": MODEL},
        headers=shop.headers | {"Accept-Language": "ru"},
    )
    shop.run()
    told = shop.get(f"batches/{answer.json()['id']}")
    assert (told["status"], told["error"]["code"]) == ("failed", "no_row_succeeded")
    assert "строки" in told["error"]["message"]
    assert all(row["error"] for row in read("jsonl", shop.results(told["id"]).content))
    assert shop.balance() == (5000, 0)


def test_nobody_sees_or_cancels_the_batch_of_another(shop: BatchShop) -> None:
    """To others it is not there."""
    id_ = shop.send(written("csv", applicants(1))).json()["id"]
    boris = sign_up(shop.client, "boris")
    for method, path in (("GET", ""), ("GET", "/events"), ("GET", "/results"), ("POST", "/cancel")):
        for one in (id_, "x"):
            answer = shop.client.request(method, f"/v1/batches/{one}{path}", headers=boris)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert shop.client.get("/v1/batches", headers=boris).json()["items"] == []


def test_reasons_are_columns_and_cost_more(shop: BatchShop) -> None:
    """With `explain` every good row has its reasons in words, for the price of both."""
    batch = shop.send(written("csv", applicants(3)), explain="true").json()
    assert batch["price_per_row"] > PRICE
    assert shop.run() == 1
    rows = read("csv", shop.results(batch["id"]).content)
    assert all(row["reason_1"] for row in rows)
    assert shop.get(f"batches/{batch['id']}")["credits_captured"] == 3 * batch["price_per_row"]


def test_batches_are_listed_page_by_page(shop: BatchShop) -> None:
    """Newest first, each once."""
    ids = [shop.send(written("csv", applicants(1))).json()["id"] for _ in range(3)]
    first = shop.get("batches", limit="2")
    second = shop.get("batches", limit="2", cursor=first["next_cursor"])
    assert [one["id"] for one in first["items"] + second["items"]] == ids[::-1]
    assert second["next_cursor"] is None
