"""The receipt of a top-up as its payer sees it."""

import dataclasses

import pytest

from augury.papers.receipt import ReceiptPaper, render_receipt
from augury.payments.providers import KNOWN
from support.papers import fonts, one_line

PAPER = ReceiptPaper(
    number="0199c1a2-3b4c-7d5e-8f60-00000000000a",
    paid_at=1_772_712_345_000_000,
    payer_name="Анна",
    payer_email="anna@example.com",
    credits=5000,
    amount_minor=4_750_00,
    currency="RUB",
    provider="yookassa",
    reference="2d8f6a11-000f-5000-9000-1b68e7b15f3f",
    seller="ООО «Авгур»",
)


def test_a_russian_receipt_says_who_paid_what_and_how() -> None:
    text = one_line(render_receipt(PAPER, "ru"))
    for said in (
        "Квитанция об оплате",
        "№ 0199c1a2-3b4c-7d5e-8f60-00000000000a",
        "ООО «Авгур»",
        "Клиент Анна anna@example.com",
        "Оплачено 05.03.2026 12:05 UTC",
        "Способ оплаты ЮKassa",
        "Платёж 2d8f6a11-000f-5000-9000-1b68e7b15f3f",
        "Кредиты на предсказания: 5 000 4 750,00 ₽",
        "Итого оплачено 4 750,00 ₽",
        "не заменяет кассовый чек",
    ):
        assert said in text
    assert "Возвраты" not in text


def test_what_went_back_is_told_with_what_is_left() -> None:
    paper = dataclasses.replace(PAPER, refunded_credits=1000, refunded_minor=950_00)
    text = one_line(render_receipt(paper, "en"))
    for said in (
        "Refunds",
        "Money RUB 950.00",
        "Credits 1,000",
        "Paid after refunds RUB 3,800.00",
    ):
        assert said in text


@pytest.mark.parametrize("provider", KNOWN)
def test_every_provider_is_called_by_a_title(provider: str) -> None:
    text = one_line(render_receipt(dataclasses.replace(PAPER, provider=provider), "ru"))
    assert f"Способ оплаты {provider}" not in text


def test_a_provider_of_somebody_else_is_called_by_its_name() -> None:
    text = one_line(render_receipt(dataclasses.replace(PAPER, provider="bank-x"), "en"))
    assert "Paid through bank-x" in text


def test_the_same_receipt_is_the_same_bytes_with_its_fonts() -> None:
    first, second = (render_receipt(PAPER, "ru") for _ in range(2))
    assert first == second
    assert fonts(first)
    assert all(fonts(first).values())
