"""Numbers and dates look as the reader is used to."""

from datetime import UTC, datetime

import pytest

from augury.client import Money
from augury.ui.reader import Reader, choose_language

WHEN = datetime(2026, 11, 2, 12, 30, tzinfo=UTC)


def spaces(text: str) -> str:
    """Return `text` with every kind of space as a plain one."""
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("number", "english", "russian"),
    [
        (1, "1 credit", "1 кредит"),
        (3, "3 credits", "3 кредита"),
        (5000, "5,000 credits", "5 000 кредитов"),
        (10021, "10,021 credits", "10 021 кредит"),
        (0, "0 credits", "0 кредитов"),
    ],
)
def test_counted_things_take_their_plural(number: int, english: str, russian: str) -> None:
    assert spaces(Reader("en").count("credits", number)) == english
    assert spaces(Reader("ru").count("credits", number)) == russian


def test_shares_signs_and_decimals() -> None:
    english, russian = Reader("en"), Reader("ru")
    assert (english.percent(0.0812), spaces(russian.percent(0.0812))) == ("8.1%", "8,1 %")
    assert (english.percent(1.0), english.percent(0.0004)) == ("100.0%", "0.0%")
    assert (english.signed(-1200), english.signed(5), english.signed(0)) == ("−1,200", "+5", "0")
    assert (english.rounded(0.934567, 4), russian.rounded(0.5, 4)) == ("0.9346", "0,5")


@pytest.mark.parametrize(
    ("money", "english", "russian"),
    [
        (Money(475_000, "RUB"), "RUB 4,750.00", "4 750,00 ₽"),
        (Money(1205, "USD"), "$12.05", "12,05 $"),
        (Money(-1, "EUR"), "-€0.01", "-0,01 €"),
        (Money(1500, "JPY"), "¥1,500", "1 500 ¥"),
        (Money(10**17 + 1, "RUB"), "RUB 1,000,000,000,000,000.01", "1 000 000 000 000 000,01 ₽"),
    ],
)
def test_money_is_exact_and_as_its_reader_writes_it(
    money: Money, english: str, russian: str
) -> None:
    assert spaces(Reader("en").money(money)) == english
    assert spaces(Reader("ru").money(money)) == russian


def test_months_and_discounts() -> None:
    english, russian = Reader("en"), Reader("ru")
    assert (english.month("2026-03"), spaces(russian.month("2026-03"))) == (
        "March 2026",
        "март 2026 г.",
    )
    assert (english.whole_percent(5), spaces(russian.whole_percent(15))) == ("5%", "15 %")


def test_times_are_in_the_readers_zone_and_order() -> None:
    assert (
        spaces(Reader("ru", "ru-RU", "Europe/Moscow").moment(WHEN)) == "2 нояб. 2026 г., 15:30:00"
    )
    assert Reader("en", "en-GB", "Europe/London").moment(WHEN) == "2 Nov 2026, 12:30:00"
    assert Reader("en", "nonsense!", "Mars/Olympus").moment(WHEN).startswith("Nov 2, 2026")


def test_a_region_of_another_language_does_not_count() -> None:
    assert Reader("en", "ru-RU").number(1234.5) == "1,234.5"


def test_a_choice_beats_the_browser_and_the_browser_beats_english() -> None:
    assert choose_language(None, "de-DE,ru;q=0.8,en;q=0.7") == "ru"
    assert choose_language("en", "ru") == "en"
    assert choose_language(None, "fr") == "en"


def test_texts_in_several_languages_are_picked() -> None:
    reader = Reader("ru")
    assert reader.pick({"en": "Age", "ru": "Возраст"}) == "Возраст"
    assert reader.pick({"en": "Age"}) == "Age"
    assert reader.pick("Age") == "Age"
    assert reader.pick(None) == ""


def test_words_the_catalogue_lacks_stand_for_themselves() -> None:
    assert Reader("en").named("task", "weather") == "weather"
    assert Reader("en").named("task", "weather", "something") == "something"
    assert Reader("en").named("task", "credit-scoring", "something") == "Credit scoring"
