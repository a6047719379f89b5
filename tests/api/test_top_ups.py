"""Top-ups over HTTP: buying, the bank's page, notifications, refunds, standing orders."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from augury.bootstrap import House
from augury.kit.ids import new_id
from augury.payments.providers.sandbox import Choice, Sandbox
from support.houses import findings, open_house, settings_for, sign_in, sign_up
from support.problems import is_problem

Shop = tuple[TestClient, House]


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Iterator[Shop]:
    """A house that sells nothing but takes money; its books are right in the end."""
    settings = settings_for(database_url, tmp_path, welcome_credits=0, models_dir=tmp_path / "none")
    (tmp_path / "none").mkdir()
    with open_house(settings) as opened:
        yield opened
    assert findings(database_url) == []


def buy(shop: Shop, headers: dict[str, str], credits_: int = 1000, **more: Any) -> dict[str, Any]:
    """Start a top-up."""
    answer = shop[0].post("/v1/top-ups", json={"credits": credits_, **more}, headers=headers)
    assert answer.status_code == 201, answer.text
    top_up: dict[str, Any] = answer.json()
    return top_up


def pay(shop: Shop, top_up: dict[str, Any], choice: Choice = Choice.APPROVE) -> list[int]:
    """Let the bank decide and its notifications come; return the answers to them."""
    bank = shop[1].desk.providers["sandbox"]
    assert isinstance(bank, Sandbox)
    reference = top_up["checkout_url"].rpartition("/")[2]
    return [
        shop[0]
        .post("/v1/webhooks/sandbox", content=told.body, headers=dict(told.headers))
        .status_code
        for told in bank.decide(reference, choice)
    ]


def available(shop: Shop, headers: dict[str, str]) -> int:
    """Return what the caller can spend."""
    found: int = shop[0].get("/v1/balance", headers=headers).json()["available"]
    return found


def test_a_customer_buys_credits(shop: Shop) -> None:
    """From the wish to the balance, with the movement in the journal."""
    client, _ = shop
    anna = sign_up(client)
    top_up = buy(shop, anna, 1500)
    assert top_up["status"] == "pending"
    assert top_up["money"] == {"amount_minor": 150_000, "currency": "RUB"}
    assert available(shop, anna) == 0
    assert pay(shop, top_up) == [200]
    assert available(shop, anna) == 1500
    found = client.get(f"/v1/top-ups/{top_up['id']}", headers=anna).json()
    assert (found["status"], found["checkout_url"]) == ("succeeded", None)
    (movement,) = client.get("/v1/transactions?type=top_up", headers=anna).json()["items"]
    assert (movement["id"], movement["amount"]) == (found["transfer_id"], 1500)
    assert movement["reference"] == top_up["id"]


@pytest.mark.parametrize("choice", [Choice.TWICE, Choice.OUT_OF_ORDER, Choice.SLOW])
def test_however_the_bank_tells_it_counts_once(shop: Shop, choice: Choice) -> None:
    """Twice, late or in the wrong order."""
    anna = sign_up(shop[0])
    assert set(pay(shop, buy(shop, anna), choice)) == {200}
    assert available(shop, anna) == 1000


def test_a_declined_payment_brings_nothing(shop: Shop) -> None:
    """And the top-up says why."""
    client, _ = shop
    anna = sign_up(client)
    top_up = buy(shop, anna)
    pay(shop, top_up, Choice.DECLINE)
    found = client.get(f"/v1/top-ups/{top_up['id']}", headers=anna).json()
    assert (found["status"], found["reason"]) == ("failed", "declined")
    assert available(shop, anna) == 0


def test_the_same_key_is_the_same_top_up(shop: Shop) -> None:
    """A repetition is marked as such; another wish with the key is refused."""
    client, _ = shop
    keyed = sign_up(client) | {"Idempotency-Key": "one intention"}
    first = client.post("/v1/top-ups", json={"credits": 10}, headers=keyed)
    second = client.post("/v1/top-ups", json={"credits": 10}, headers=keyed)
    assert (first.json(), second.json()) == (second.json(), first.json())
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    other = client.post("/v1/top-ups", json={"credits": 11}, headers=keyed)
    assert is_problem(other)["code"] == "idempotency_conflict"


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"credits": 0},
        {"credits": -5},
        {"credits": 1.5},
        {"credits": "1000"},
        {"credits": 10**12},
        {"credits": 10, "currency": "rub"},
        {"credits": 10, "currency": "GBP"},
        {"credits": 10, "surprise": 1},
        {"credits": 10, "save_method": "yes"},
        {"credits": 10, "buyer": {"name": "x"}},
        {"credits": 10, "buyer": {"name": "xx\u0000"}},
        {"credits": 10, "provider": "nobody"},
        {"credits": 10, "provider": "stripe"},
    ],
)
def test_a_wish_that_cannot_be_granted_is_refused(shop: Shop, form: dict[str, Any]) -> None:
    """With a sentence about what is wrong, and nothing stored."""
    client, _ = shop
    anna = sign_up(client)
    problem = is_problem(client.post("/v1/top-ups", json=form, headers=anna))
    assert problem["status"] == 422
    assert client.get("/v1/top-ups", headers=anna).json()["items"] == []


def test_packs_are_for_everybody(shop: Shop) -> None:
    """Prices are public, with their discounts and who takes the money."""
    answer = shop[0].get("/v1/top-ups/packs").json()
    usual = answer["packs"][0]
    assert usual == {
        "credits": 1000,
        "money": {"amount_minor": 100_000, "currency": "RUB"},
        "discount": 0,
    }
    (provider,) = answer["providers"]
    assert provider == {
        "name": "sandbox",
        "currencies": ["RUB", "USD", "EUR"],
        "saves_methods": True,
    }


def test_somebody_elses_top_up_is_not_there(shop: Shop) -> None:
    """Nor in the list, nor by its id, nor without signing in."""
    client, _ = shop
    anna, boris = sign_up(client), sign_up(client, "boris")
    top_up = buy(shop, anna)
    for id_ in (top_up["id"], new_id(), "x", "%00"):
        assert client.get(f"/v1/top-ups/{id_}", headers=boris).status_code == 404
    assert client.get("/v1/top-ups", headers=boris).json()["items"] == []
    for path in ("/v1/top-ups", f"/v1/top-ups/{top_up['id']}", "/v1/payment-methods"):
        assert client.get(path).status_code == 401


def test_top_ups_are_paged(shop: Shop) -> None:
    """Newest first, until there are no more."""
    client, _ = shop
    anna = sign_up(client)
    ids = [buy(shop, anna)["id"] for _ in range(3)]
    seen: list[str] = []
    query = "limit=2"
    while query:
        page = client.get(f"/v1/top-ups?{query}", headers=anna).json()
        seen += [one["id"] for one in page["items"]]
        query = f"limit=2&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    assert seen == ids[::-1]


@pytest.mark.parametrize(
    ("provider", "status"),
    [("sandbox", 400), ("stripe", 404), ("yookassa", 404), ("invoice", 404), ("nobody", 404)],
)
def test_strangers_notifications_are_refused(shop: Shop, provider: str, status: int) -> None:
    """No signature, or a provider that is off: nothing happens."""
    client, _ = shop
    for body in (b"", b"{}", b'{"id": "evt", "payment": {}}', b"\xff" * 100):
        answer = client.post(f"/v1/webhooks/{provider}", content=body)
        assert answer.status_code == status
        is_problem(answer)


@pytest.mark.parametrize(("language", "word"), [("en", "Pay"), ("ru", "Оплатить")])
def test_the_banks_page_speaks_the_payers_language(shop: Shop, language: str, word: str) -> None:
    """Without scripts, with the amount, and closed to frames and caches."""
    client, _ = shop
    top_up = buy(shop, sign_up(client))
    page = client.get(
        top_up["checkout_url"].removeprefix("http://127.0.0.1:8000"),
        headers={"Accept-Language": language},
    )
    assert page.status_code == 200
    assert f">{word}</button>" in page.text
    assert re.search(r"1.000.00", page.text.replace("\xa0", " ").replace(",", " "))
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"


def test_paying_on_the_banks_page(shop: Shop) -> None:
    """The form decides, sends the payer back, and the page says that it is decided."""
    client, _ = shop
    top_up = buy(shop, sign_up(client))
    page = top_up["checkout_url"].removeprefix("http://127.0.0.1:8000")
    answer = client.post(page, data={"choice": "approve"}, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"http://127.0.0.1:8000/top-ups/{top_up['id']}"
    assert "has been made" in client.get(page).text
    assert client.post(page, data={"choice": "steal"}).status_code == 422
    assert client.get("/sandbox/sbx_nothing").status_code == 404
    assert client.post("/sandbox/sbx_nothing", data={"choice": "approve"}).status_code == 404


def test_the_page_of_a_top_up_looks_again_until_it_is_decided(shop: Shop) -> None:
    """It refreshes while it waits, and rests when it knows."""
    client, _ = shop
    anna = sign_up(client)
    top_up = buy(shop, anna)
    page = f"/top-ups/{top_up['id']}"
    assert 'http-equiv="refresh"' in client.get(page).text
    pay(shop, top_up)
    decided = client.get(page, headers={"Accept-Language": "ru"}).text
    assert 'http-equiv="refresh"' not in decided
    assert "Оплачено" in decided
    assert "1\xa0000 кредитов" in decided
    for other in (new_id(), "x"):
        assert client.get(f"/top-ups/{other}").status_code == 404


def test_an_administrator_gives_money_back(shop: Shop) -> None:
    """In part and then the rest; a customer may not."""
    client, _ = shop
    anna = sign_up(client)
    top_up = buy(shop, anna)
    pay(shop, top_up)
    admin = sign_in(client, "admin")
    path = f"/v1/admin/top-ups/{top_up['id']}/refunds"
    assert client.post(path, json={"reason": "asked"}, headers=anna).status_code == 403
    keyed = admin | {"Idempotency-Key": "k"}
    part = client.post(path, json={"credits": 400, "reason": "asked"}, headers=keyed)
    assert part.status_code == 201
    assert part.json()["money"] == {"amount_minor": 40_000, "currency": "RUB"}
    again = client.post(path, json={"credits": 400, "reason": "asked"}, headers=keyed)
    assert again.json() == part.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert available(shop, anna) == 600
    rest = client.post(path, json={"reason": "asked"}, headers=admin).json()
    assert (rest["credits"], rest["status"]) == (600, "succeeded")
    assert available(shop, anna) == 0
    assert [one["credits"] for one in client.get(path, headers=admin).json()["items"]] == [600, 400]
    nothing = client.post(path, json={"reason": "asked"}, headers=admin)
    assert is_problem(nothing)["code"] == "not_refundable"


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"reason": "x"}, 422),
        ({"credits": 0, "reason": "asked"}, 422),
        ({"credits": 1001, "reason": "asked"}, 422),
        ({"credits": 1.0, "reason": "asked"}, 422),
        ({}, 422),
    ],
)
def test_a_refund_that_makes_no_sense_is_refused(
    shop: Shop, form: dict[str, Any], status: int
) -> None:
    """And moves nothing."""
    client, _ = shop
    anna = sign_up(client)
    top_up = buy(shop, anna)
    pay(shop, top_up)
    admin = sign_in(client, "admin")
    path = f"/v1/admin/top-ups/{top_up['id']}/refunds"
    answer = client.post(path, json=form, headers=admin)
    assert is_problem(answer)["status"] == status
    assert available(shop, anna) == 1000


def test_administrators_see_everybodys_top_ups(shop: Shop) -> None:
    """With filters, and they can have the provider asked at once."""
    client, house = shop
    anna, boris = sign_up(client), sign_up(client, "boris")
    mine, theirs = buy(shop, anna), buy(shop, boris)
    admin = sign_in(client, "admin")
    assert client.get("/v1/admin/top-ups", headers=anna).status_code == 403
    listed = client.get("/v1/admin/top-ups", headers=admin).json()["items"]
    assert [one["id"] for one in listed] == [theirs["id"], mine["id"]]
    user_id = client.get("/v1/me", headers=anna).json()["id"]
    one_user = client.get(f"/v1/admin/top-ups?user_id={user_id}", headers=admin).json()["items"]
    assert [one["id"] for one in one_user] == [mine["id"]]
    assert client.get("/v1/admin/top-ups?attention=true", headers=admin).json()["items"] == []
    assert client.get("/v1/admin/top-ups?user_id=x", headers=admin).status_code == 422
    bank = house.desk.providers["sandbox"]
    assert isinstance(bank, Sandbox)
    bank.decide(mine["checkout_url"].rpartition("/")[2], Choice.APPROVE)
    checked = client.post(f"/v1/admin/top-ups/{mine['id']}/check", headers=admin).json()
    assert (checked["status"], checked["user_id"]) == ("succeeded", user_id)
    assert available(shop, anna) == 1000
    for path in ("check", "refunds"):
        unknown = client.post(
            f"/v1/admin/top-ups/x/{path}", json={"reason": "asked"}, headers=admin
        )
        assert unknown.status_code == 404


def test_a_standing_order_needs_a_saved_card(shop: Shop) -> None:
    """From paying with `save_method` to the order and back to nothing."""
    client, _ = shop
    anna = sign_up(client)
    assert client.get("/v1/top-ups/automatic", headers=anna).status_code == 404
    assert client.get("/v1/payment-methods", headers=anna).json()["items"] == []
    pay(shop, buy(shop, anna, save_method=True))
    (method,) = client.get("/v1/payment-methods", headers=anna).json()["items"]
    assert method["title"].startswith("Sandbox ••••")
    order = {
        "payment_method_id": method["id"],
        "below": 100,
        "credits": 1000,
        "currency": "RUB",
        "monthly_cap_minor": 500_000,
    }
    stored = client.put("/v1/top-ups/automatic", json=order, headers=anna)
    assert stored.json() == {**order, "declines": 0, "resting": False}
    assert client.get("/v1/top-ups/automatic", headers=anna).json() == stored.json()
    for id_ in (new_id(), "x"):
        strange = order | {"payment_method_id": id_}
        refused = client.put("/v1/top-ups/automatic", json=strange, headers=anna)
        assert refused.status_code == 404
    faults: list[dict[str, Any]] = [{"below": 0}, {"monthly_cap_minor": 5}, {"currency": "GBP"}]
    for wrong in faults:
        refused = client.put("/v1/top-ups/automatic", json=order | wrong, headers=anna)
        assert is_problem(refused)["status"] == 422
    assert client.delete(f"/v1/payment-methods/{method['id']}", headers=anna).status_code == 204
    assert client.get("/v1/top-ups/automatic", headers=anna).status_code == 404
    assert client.delete("/v1/top-ups/automatic", headers=anna).status_code == 404
    for id_ in (method["id"], "x"):
        assert client.delete(f"/v1/payment-methods/{id_}", headers=anna).status_code == 404
