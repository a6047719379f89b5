"""The invoice as its payer sees it, in both languages and for both kinds of accounts."""

import dataclasses
from io import BytesIO

import pypdfium2
import pytest
from pypdf import PdfReader

from augury.kit.texts import LANGUAGES
from augury.papers.invoice import InvoicePaper, Payer, Seller, code, render_invoice
from support.papers import fonts, one_line

MARCH_5 = 1_772_712_345_000_000
DAY = 86_400_000_000
SELLER = Seller(
    name="ООО «Авгур»",
    tax_id="7707083893",
    kpp="770701001",
    address="123100, г. Москва, Пресненская наб., д. 12",
    bank="ПАО Сбербанк",
    bic="044525225",
    account="40702810938000060473",
    correspondent_account="30101810400000000225",
    iban="DE89370400440532013000",
    swift="COBADEFFXXX",
    vat_note="Без НДС.",
)
PAYER = Payer("buh@romashka.example", "ООО «Ромашка»", "5024068240", "Красногорск, ул. Ленина, 1")
PAPER = InvoicePaper(
    "2026-000123", MARCH_5, MARCH_5 + 10 * DAY, SELLER, PAYER, 5000, 4_750_50, "RUB"
)


def test_a_russian_invoice_says_everything() -> None:
    text = one_line(render_invoice(PAPER, "ru"))
    for said in (
        "Счёт на оплату № 2026-000123",
        "от 5 марта 2026 г.",
        "Оплатить до 15 марта 2026 г.",
        "ООО «Авгур» ИНН 7707083893 КПП 770701001 Адрес 123100, г. Москва",
        "ООО «Ромашка» ИНН 5024068240",
        "Почта buh@romashka.example",
        "Расчётный счёт 40702810938000060473",
        "Банк ПАО Сбербанк",
        "БИК 044525225",
        "Корр. счёт 30101810400000000225",
        "Оплата по счету № 2026-000123 от 05.03.2026 за кредиты на предсказания. Без НДС.",
        "Кредиты на предсказания: 5 000 4 750,50",
        "Сумма, RUB",
        "Итого к оплате 4 750,50 ₽",
        "Четыре тысячи семьсот пятьдесят рублей 50 копеек",
        "Отсканируйте в приложении банка",
        "Страница 1 из 1",
    ):
        assert said in text
    assert "IBAN" not in text


def test_an_english_invoice_in_euros_goes_to_the_iban() -> None:
    paper = dataclasses.replace(PAPER, currency="EUR")
    text = one_line(render_invoice(paper, "en"))
    for said in (
        "Invoice 2026-000123",
        "March 5, 2026",
        "Pay by March 15, 2026",
        "IBAN DE89 3704 0044 0532 0130 00",
        "BIC (SWIFT) COBADEFFXXX",
        "Purpose Invoice 2026-000123 Pay by",
        "Prediction credits: 5,000 4,750.50",
        "To pay €4,750.50",
        "Scan with your bank's app",
    ):
        assert said.replace("'", "’") in text.replace("'", "’")
    assert "40702810938000060473" not in text


def test_the_code_asks_for_exactly_this_invoice() -> None:
    asked = code(PAPER, "ru")
    assert asked is not None
    assert "|Sum=475050|Purpose=Оплата по счету № 2026-000123 от 05.03.2026 " in asked
    euros = code(dataclasses.replace(PAPER, currency="EUR"), "ru")
    assert euros is not None
    assert euros.endswith("EUR4750.50\n\n\nInvoice 2026-000123")


def test_a_currency_without_a_standard_has_no_code() -> None:
    paper = dataclasses.replace(PAPER, currency="USD")
    assert code(paper, "en") is None
    text = one_line(render_invoice(paper, "en"))
    assert "Scan" not in text
    assert "IBAN DE89" in text


def test_roubles_go_to_the_iban_of_a_seller_without_an_account() -> None:
    paper = dataclasses.replace(PAPER, seller=dataclasses.replace(SELLER, account=""))
    assert code(paper, "ru") is None
    assert "IBAN DE89" in one_line(render_invoice(paper, "ru"))


def test_a_payer_without_a_name_is_called_by_the_address() -> None:
    text = one_line(render_invoice(dataclasses.replace(PAPER, payer=Payer("a@b.example")), "en"))
    assert "Buyer a@b.example" in text
    assert "E-mail" not in text


def test_what_the_seller_left_empty_leaves_no_label() -> None:
    bare = Seller("Augury", bic="044525225", account=SELLER.account, bank="Bank")
    text = one_line(render_invoice(dataclasses.replace(PAPER, seller=bare), "ru"))
    for label in ("ИНН 7707", "КПП", "Корр. счёт", "НДС"):
        assert label not in text


HOSTILE = '#panic("no") $1$ <svg/> \\ *x*'


def test_names_of_customers_are_only_names() -> None:
    paper = dataclasses.replace(
        PAPER, payer=dataclasses.replace(PAYER, name=HOSTILE, address=HOSTILE)
    )
    text = one_line(render_invoice(paper, "ru"))
    assert text.count(HOSTILE) == 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_longest_names_stay_on_the_page(language: str) -> None:
    payer = Payer("e" * 60 + "@" + "x" * 180 + ".example", "Щ" * 200, "9" * 32, "ы" * 300)
    seller = dataclasses.replace(SELLER, name="Ж" * 160, address="ж" * 300, vat_note="н" * 200)
    paper = dataclasses.replace(PAPER, payer=payer, seller=seller, amount_minor=10**15)
    rendered = render_invoice(paper, language)
    width = PdfReader(BytesIO(rendered)).pages[0].mediabox.width
    document = pypdfium2.PdfDocument(rendered)
    for page in document:
        text = page.get_textpage()
        boxes = [text.get_rect(n) for n in range(text.count_rects())]
        assert boxes
        assert all(left >= 0 and right <= float(width) - 20 for left, _, right, _ in boxes)
        text.close()
        page.close()
    document.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_invoice_is_the_same_bytes_with_its_fonts(language: str) -> None:
    first, second = (render_invoice(PAPER, language) for _ in range(2))
    assert first == second
    assert all(fonts(first).values())
    assert len(PdfReader(BytesIO(first)).pages) == 1
