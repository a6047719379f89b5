"""Numbers of invoices are found as people and banks write them, and only whole ones."""

import pytest

from augury.payments.bank.purpose import MOST_NAMED, numbers_in

NUMBER = "AUG-2026-000017"


@pytest.mark.parametrize(
    "purpose",
    [
        "AUG-2026-000017",
        "Оплата по счёту № AUG-2026-000017 от 01.03.2026",
        "счет №AUG-2026-000017, НДС не облагается",
        "сч.AUG-2026-000017",
        "оплата aug-2026-000017.",
        "N AUG-2026-000017",
        "NAUG-2026-000017",
        "No AUG-2026-000017",
        "No.AUG-2026-000017",
        "NoAUG-2026-000017",
        "Invoice no. AUG - 2026 - 000017",
        "AUG- 2026 -000017",
        "AUG–2026—000017",
        "(AUG-2026-000017)",
        "оплата - AUG-2026-000017 - за услуги",
        "А" + "UG-2026-000017",  # the first letter is Cyrillic
        "АUG-2026-000017 AUG-2026-000017",
        "договор 12-2026-000001 счёт AUG-2026-000017",
    ],
)
def test_a_number_is_found(purpose: str) -> None:
    assert NUMBER in numbers_in(purpose)


@pytest.mark.parametrize(
    "purpose",
    [
        "",
        "AUG-2026-00017",
        "AUG-2026-0000170",
        "AUG-2026-000017-1",
        "AUG-2026-000017/2",
        "AUG-2026-000017A",
        "AUG-2026-000017Я",
        "XAUG-2026-000017",
        "ЯAUG-2026-000017",
        "1-AUG-2026-000017",
        "1/AUG-2026-000017",
        "AUG 2026 000017",
        "AUG-2026000017",
        "2026-000017",
        "AUG-26-000017",
        "AUG-2026-OOOO17",
        "AUG-٢٠٢٦-000017",
    ],
)
def test_what_is_not_the_whole_number_is_not_found(purpose: str) -> None:
    assert NUMBER not in numbers_in(purpose)


def test_a_prefix_that_begins_like_the_sign_for_number_is_found() -> None:
    assert {"NOVA-2026-000001", "OAK-2026-000001"} <= (
        numbers_in("NOVA-2026-000001") | numbers_in("NOAK-2026-000001")
    )


def test_two_numbers_are_two() -> None:
    assert numbers_in("AUG-2026-000001, AUG-2026-000002") == {
        "AUG-2026-000001",
        "AUG-2026-000002",
    }


def test_a_purpose_full_of_numbers_ends_soon() -> None:
    purpose = " ".join(f"AUG-2026-{number:06d}" for number in range(100_000))
    assert len(numbers_in(purpose)) == MOST_NAMED + 1
