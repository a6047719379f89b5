"""What a reader of a paper expects of numbers, money and dates, in English and Russian."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_decimal, get_currency_precision

from augury.kit.clock import SECOND
from augury.kit.texts import Texts, texts

_MINUS = "\N{MINUS SIGN}"
_CODE = re.compile(r"([A-Z]{3})(?=[-\d])")


def words(language: str, *sections: str) -> dict[str, str]:
    """Return the words of sections of the catalogue by their names within them."""
    catalogue = texts("papers", language)
    return {
        key.partition(".")[2]: catalogue.text(key)
        for key in sorted(catalogue.keys)
        if key.partition(".")[0] in sections
    }


def sentences(language: str) -> Texts:
    """Return the catalogue of papers, for texts that take values."""
    return texts("papers", language)


def number(value: int, language: str) -> str:
    """Return a whole number with separated thousands."""
    return format_decimal(value, locale=language).replace("-", _MINUS)


def signed(value: int, language: str) -> str:
    """Return a whole number that always shows its sign, but for 0."""
    return f"+{number(value, language)}" if value > 0 else number(value, language)


def money(amount_minor: int, currency: str, language: str) -> str:
    """Return an amount of minor units with its currency."""
    said = format_currency(decimal(amount_minor, currency), currency, locale=language)
    # A code, unlike a sign, needs a space before the figures.
    return _CODE.sub("\\1\N{NO-BREAK SPACE}", said).replace("-", _MINUS)


def amount(amount_minor: int, currency: str, language: str) -> str:
    """Return an amount of minor units without its currency, for columns that name it above."""
    form = "#,##0." + "0" * get_currency_precision(currency)
    return format_decimal(decimal(amount_minor, currency), form.rstrip("."), locale=language)


def decimal(amount_minor: int, currency: str) -> Decimal:
    """Return an amount of minor units in units of the currency, exactly."""
    return Decimal(amount_minor).scaleb(-get_currency_precision(currency))


def day(moment: int, language: str) -> str:
    """Return the day of a moment (UTC) in full."""
    return format_date(_utc(moment).date(), "long", locale=language)


def date_of(moment: int, language: str) -> str:
    """Return the day of a moment (UTC) in figures, as a purpose of payment has it."""
    return format_date(_utc(moment).date(), _DATE[language], locale=language)


def minute(moment: int, language: str) -> str:
    """Return a moment (UTC) to the minute, short enough for a column."""
    return format_datetime(_utc(moment), _MINUTE[language], tzinfo=UTC, locale=language)


_DATE = {"en": "yyyy-MM-dd", "ru": "dd.MM.yyyy"}
_MINUTE = {"en": "d MMM yyyy, HH:mm", "ru": "dd.MM.yyyy HH:mm"}


def month(name: str, language: str) -> str:
    """Return a month (`2026-03`) as it stands within a sentence: March 2026, март 2026."""
    first = date.fromisoformat(f"{name}-01")
    return format_date(first, "LLLL yyyy", locale=language)


def _utc(moment: int) -> datetime:
    return datetime.fromtimestamp(moment // SECOND, UTC)
