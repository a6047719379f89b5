"""What the codes for bank apps say, to the character, and that they are drawn."""

import dataclasses
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest
import segno
import segno.helpers

from augury.papers.qr import Transfer, european, picture, russian

RUSSIAN = Transfer(
    name="ООО «Авгур»",
    account="40702810938000060473",
    bic="044525225",
    amount_minor=123_45,
    purpose="Оплата по счету № 2026-000123 от 05.03.2026",
    bank="ПАО Сбербанк",
    correspondent_account="30101810400000000225",
    tax_id="7707083893",
    kpp="770701001",
)
EUROPEAN = Transfer(
    name="Augury GmbH",
    account="DE89370400440532013000",
    bic="COBADEFFXXX",
    amount_minor=1_234_05,
    purpose="Invoice 2026-000123",
)


def test_the_russian_code_has_its_five_fields_first_and_the_sum_in_kopecks() -> None:
    assert russian(RUSSIAN) == (
        "ST00012|Name=ООО «Авгур»|PersonalAcc=40702810938000060473|BankName=ПАО Сбербанк"
        "|BIC=044525225|CorrespAcc=30101810400000000225|Sum=12345"
        "|Purpose=Оплата по счету № 2026-000123 от 05.03.2026|PayeeINN=7707083893|KPP=770701001"
    )


def test_a_separator_in_a_value_makes_the_code_take_another_one() -> None:
    sly = dataclasses.replace(RUSSIAN, name="ООО «А|Б»|Sum=1", purpose="x^y")
    content = russian(sly)
    assert content.startswith("ST00012~Name=ООО «А|Б»|Sum=1~PersonalAcc=")
    assert content.split("~")[1:][5] == "Sum=12345"


def test_values_have_one_line_and_are_cut_to_what_the_standard_allows() -> None:
    long = dataclasses.replace(
        RUSSIAN, name="Н" * 200, bank="Б" * 60, purpose="два\n слова " + "ц" * 300
    )
    fields = dict(field.split("=", 1) for field in russian(long).split("|")[1:])
    assert len(fields["Name"]) == 160
    assert len(fields["BankName"]) == 45
    assert len(fields["Purpose"]) == 210
    assert fields["Purpose"].startswith("два слова ")


def test_an_account_without_a_correspondent_says_so_and_empty_fields_are_left_out() -> None:
    bare = dataclasses.replace(RUSSIAN, correspondent_account="", kpp="")
    assert "|CorrespAcc=0|" in russian(bare)
    assert "KPP=" not in russian(bare)


def test_the_european_code_has_the_lines_of_the_guideline() -> None:
    content = european(EUROPEAN)
    assert content is not None
    assert content.split("\n") == [
        "BCD",
        "002",
        "1",
        "SCT",
        "COBADEFFXXX",
        "Augury GmbH",
        "DE89370400440532013000",
        "EUR1234.05",
        "",
        "",
        "Invoice 2026-000123",
    ]
    assert len(content.encode()) <= 331


def test_the_european_code_is_the_one_that_segno_makes_itself() -> None:
    content = european(dataclasses.replace(EUROPEAN, amount_minor=1_234_56))
    assert content is not None
    theirs = segno.helpers.make_epc_qr(
        name=EUROPEAN.name,
        iban=EUROPEAN.account,
        bic=EUROPEAN.bic,
        amount=Decimal("1234.56"),
        text=EUROPEAN.purpose,
        encoding="utf-8",
    )
    ours = segno.make(content, encoding="utf-8", error="m", boost_error=False, micro=False)
    assert ours == theirs


def test_names_and_purposes_of_the_european_code_are_cut() -> None:
    content = european(dataclasses.replace(EUROPEAN, name="n" * 90, purpose="p\n" * 100))
    assert content is not None
    lines = content.split("\n")
    assert len(lines) == 11
    assert len(lines[5]) == 70
    assert len(lines[10]) <= 140


@pytest.mark.parametrize("minor", [0, 100_000_000_000])
def test_an_amount_that_the_european_code_cannot_ask_for_gives_none(minor: int) -> None:
    assert european(dataclasses.replace(EUROPEAN, amount_minor=minor)) is None


def test_the_picture_is_svg_of_the_whole_code_with_its_quiet_margin() -> None:
    content = russian(RUSSIAN)
    code = segno.make(content, encoding="utf-8", error="m", boost_error=False, micro=False)
    root = ET.fromstring(picture(content))  # noqa: S314 -- our own picture
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert int(root.attrib["width"]) == code.symbol_size(border=0)[0] + 8
    assert picture(content) == picture(content)
    assert picture(content) != picture(content.replace("12345", "12346"))
