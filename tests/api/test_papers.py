"""Papers over HTTP as their readers get them: invoices behind a key, receipts of top-ups."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from augury.bootstrap import House
from augury.payments.invoices import book_of
from augury.payments.providers.sandbox import Choice, Sandbox
from payments.providers.test_invoice import SELLER
from support.houses import findings, open_house, settings_for, sign_in, sign_up
from support.papers import one_line
from support.problems import is_problem
from support.quick import quicken_passwords

PUBLIC = "http://127.0.0.1:8000"
BUYER = {"name": "ООО «Ромашка»", "tax_id": "7707083893", "address": "Москва, Тверская, 1"}


class Shop:
    """A house that writes invoices and has a sandbox, with short words for what tests do there."""

    def __init__(self, client: TestClient, house: House) -> None:
        self.client = client
        self.house = house
        self.anna = sign_up(client)
        self.admin = sign_in(client, "admin")

    def bill(self, language: str = "ru") -> dict[str, Any]:
        """Ask for an invoice; return the top-up with the path and the number of the invoice."""
        form = {"credits": 1000, "provider": "invoice", "buyer": BUYER}
        headers = self.anna | {"Accept-Language": language}
        top_up: dict[str, Any] = self.client.post("/v1/top-ups", json=form, headers=headers).json()
        path = top_up["checkout_url"].removeprefix(PUBLIC)
        return top_up | {"path": path, "number": path.rpartition("/")[2].partition(".pdf")[0]}

    def receipt(self, top_up: dict[str, Any], headers: dict[str, str], language: str = "en") -> Any:
        """Ask for the receipt of a top-up."""
        asked = headers | {"Accept-Language": language}
        return self.client.get(f"/v1/top-ups/{top_up['id']}/receipt", headers=asked)


@pytest.fixture
def shop(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A shop; its books are right in the end."""
    quicken_passwords(monkeypatch)
    for name, value in SELLER.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "none").mkdir()
    settings = settings_for(
        database_url,
        tmp_path,
        welcome_credits=0,
        models_dir=tmp_path / "none",
        payment_providers="invoice,sandbox",
        sandbox_beside_real=True,
    )
    with open_house(settings) as (client, house):
        yield Shop(client, house)
    assert findings(database_url) == []


def test_an_invoice_says_who_pays_what_to_whom_and_is_always_the_same(shop: Shop) -> None:
    """In the language in which it was asked for, whatever the reader's browser speaks."""
    bill = shop.bill()
    answer = shop.client.get(bill["path"], headers={"Accept-Language": "en"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"] == f'inline; filename="{bill["number"]}.pdf"'
    assert answer.headers["Content-Language"] == "ru"
    text = one_line(answer.content)
    for said in (
        f"Счёт на оплату № {bill['number']}",
        "ООО «Ромашка» ИНН 7707083893 Адрес Москва, Тверская, 1 Почта anna@example.com",
        SELLER["AUGURY_INVOICE_SELLER_NAME"],
        SELLER["AUGURY_INVOICE_ACCOUNT"].replace(" ", ""),
        f"Оплата по счету № {bill['number']} от ",
        "Кредиты на предсказания: 1 000 1 000,00",
        "Одна тысяча рублей 00 копеек",
    ):
        assert said in text
    assert shop.client.get(bill["path"]).content == answer.content


def test_an_english_invoice_is_english(shop: Shop) -> None:
    """Without amounts in words, which only Russian invoices have."""
    bill = shop.bill("en")
    text = one_line(shop.client.get(bill["path"]).content)
    assert f"Payment of invoice {bill['number']} of " in text
    assert "рублей" not in text


def test_an_invoice_and_its_address_stay_between_us_and_the_reader(shop: Shop) -> None:
    """No copy in a cache, no address in the next page's log, nothing in a search engine."""
    headers = shop.client.get(shop.bill()["path"]).headers
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Robots-Tag"] == "noindex"


def test_a_right_key_of_a_number_that_was_never_given_opens_nothing(shop: Shop) -> None:
    """Neither does the key of another invoice, whoever is signed in."""
    bill, other = shop.bill(), shop.bill()
    unknown = book_of(shop.house.desk).link(bill["number"][:-6] + "999999").removeprefix(PUBLIC)
    foreign = bill["path"].partition("?")[0] + "?" + other["path"].partition("?")[2]
    for path in (unknown, foreign):
        for headers in ({}, shop.anna, shop.admin):
            answer = shop.client.get(path, headers=headers)
            assert (answer.status_code, is_problem(answer)["code"]) == (404, "not_found")


def test_a_receipt_says_who_paid_what_to_whom_and_how(shop: Shop) -> None:
    """In the reader's language; before anything is paid there is none."""
    bill = shop.bill()
    before = shop.receipt(bill, shop.anna)
    assert (before.status_code, is_problem(before)["top_up_status"]) == (409, "pending")
    shop.client.post(f"/v1/admin/invoices/{bill['number']}/paid", headers=shop.admin)
    for headers in (shop.anna, shop.admin):
        answer = shop.receipt(bill, headers, "ru")
        assert answer.headers["Content-Language"] == "ru"
        text = one_line(answer.content)
        for said in (
            f"№ {bill['id']}",
            SELLER["AUGURY_INVOICE_SELLER_NAME"],
            "Клиент anna anna@example.com",
            "Банковский перевод по счёту",
            f"Платёж {bill['number']}",
            "Итого оплачено 1 000,00 ₽",
        ):
            assert said in text
        assert "Возвраты" not in text


def test_a_receipt_tells_what_went_back(shop: Shop) -> None:
    """With any provider, and also when everything went back."""
    form = {"credits": 1000, "provider": "sandbox"}
    top_up = shop.client.post("/v1/top-ups", json=form, headers=shop.anna).json()
    bank = shop.house.desk.providers["sandbox"]
    assert isinstance(bank, Sandbox)
    for told in bank.decide(top_up["checkout_url"].rpartition("/")[2], Choice.APPROVE):
        shop.client.post("/v1/webhooks/sandbox", content=told.body, headers=dict(told.headers))
    for credits_, left in ((400, "RUB 600.00"), (600, "RUB 0.00")):
        refund = {"credits": credits_, "reason": "asked for"}
        path = f"/v1/admin/top-ups/{top_up['id']}/refunds"
        assert shop.client.post(path, json=refund, headers=shop.admin).status_code == 201
        text = one_line(shop.receipt(top_up, shop.anna).content)
        assert "Sandbox (no money moved)" in text
        assert "Total paid RUB 1,000.00" in text
        assert f"Paid after refunds {left}" in text


def test_without_the_provider_there_are_no_invoices(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks is told which providers there are; lines that came before can be read."""
    quicken_passwords(monkeypatch)
    (tmp_path / "none").mkdir()
    settings = settings_for(database_url, tmp_path, models_dir=tmp_path / "none")
    with open_house(settings) as (client, _):
        admin = sign_in(client, "admin")
        for answer in (
            client.get("/v1/admin/invoices", headers=admin),
            client.post("/v1/admin/invoices/AUG-2026-000001/paid", headers=admin),
            client.post("/v1/admin/bank-statements", headers=admin, files={"file": ("x", b"x")}),
            client.get("/v1/invoices/AUG-2026-000001.pdf?key=x"),
        ):
            assert is_problem(answer)["code"] == "provider_unknown"
        assert client.get("/v1/admin/bank-statements/lines", headers=admin).json()["items"] == []
