"""How one reader is spoken to: language, number and date formats, time zone."""

import re
from collections.abc import Mapping
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.dates import format_datetime, format_skeleton, get_timezone
from babel.numbers import (
    format_currency,
    format_decimal,
    format_percent,
    get_currency_precision,
)

from augury.client import Money
from augury.kit.texts import Texts, preferred_language, texts

_MINUS: Final = "\N{MINUS SIGN}"
_NO_BREAK_SPACE: Final = "\N{NO-BREAK SPACE}"
_LETTER_THEN_DIGIT: Final = re.compile(r"(?<=[^\W\d_])(?=\d)")


class Reader:
    """Texts and formats for one reader."""

    def __init__(
        self, language: str, browser_locale: str | None = None, time_zone: str | None = None
    ) -> None:
        """Prepare for `language`; the browser's region and time zone count where they fit."""
        self.language = language
        self._texts: Texts = texts("ui", language)
        self._locale = _locale(language, browser_locale)
        self._zone = _zone(time_zone)

    def text(self, key: str, **values: object) -> str:
        """Return the sentence for `key`."""
        return self._texts.text(key, **values)

    def count(self, key: str, number: int) -> str:
        """Return the sentence for `key` in the plural form of `number`, the number formatted."""
        # The form depends on the number and the text shows it formatted: hence the two steps.
        marked = self._texts.count(key, number)
        return marked.replace(str(number), self.number(number), 1)

    def named(self, prefix: str, name: str, otherwise: str | None = None) -> str:
        """Return the text `prefix.name`; if there is none, `otherwise` or `name` itself."""
        key = f"{prefix}.{name}"
        if key in self._texts.keys:
            return self._texts.text(key)
        return name if otherwise is None else otherwise

    def pick(self, versions: Mapping[str, str] | str | None) -> str:
        """Return the reader's version of a text that came in several languages."""
        if versions is None or isinstance(versions, str):
            return versions or ""
        own = versions.get(self.language) or versions.get("en")
        return own or next(iter(versions.values()), "")

    def number(self, value: float | Decimal) -> str:
        """Return a number with the reader's separators."""
        return format_decimal(value, locale=self._locale, decimal_quantization=False)

    def rounded(self, value: float, digits: int) -> str:
        """Return a number with at most `digits` decimals."""
        return format_decimal(round(value, digits), locale=self._locale, decimal_quantization=False)

    def signed(self, value: int) -> str:
        """Return an amount with its sign, also when it is positive."""
        sign = "+" if value > 0 else _MINUS if value < 0 else ""
        return f"{sign}{self.number(abs(value))}"

    def percent(self, share: float) -> str:
        """Return a share of one as a percentage with one decimal."""
        return format_percent(share, format=self._percent_pattern(), locale=self._locale)

    def whole_percent(self, hundredths: int) -> str:
        """Return so many hundredths as a percentage without decimals."""
        return format_percent(Decimal(hundredths).scaleb(-2), locale=self._locale)

    def money(self, money: Money) -> str:
        """Return an amount with its currency, exact to the minor unit."""
        amount = Decimal(money.amount_minor).scaleb(-get_currency_precision(money.currency))
        shown = format_currency(amount, money.currency, locale=self._locale)
        # CLDR parts letters from digits (`RUB 5`, `$5`); Babel leaves that out.
        return _LETTER_THEN_DIGIT.sub(_NO_BREAK_SPACE, shown)

    def month(self, name: str) -> str:
        """Return a month that came as `2026-03`."""
        first = date.fromisoformat(f"{name}-01")
        return format_skeleton("yMMMM", first, locale=self._locale)

    def moment(self, when: datetime) -> str:
        """Return a date and time of day in the reader's zone."""
        return format_datetime(when, "medium", tzinfo=self._zone, locale=self._locale)

    def _percent_pattern(self) -> str:
        pattern: str = self._locale.percent_formats[None].pattern
        return pattern.replace("0%", "0.0%").replace("0\xa0%", "0.0\xa0%")


def choose_language(chosen: str | None, accept_language: str | None) -> str:
    """Return the language that was chosen by hand, else the browser's first that we have."""
    return chosen or preferred_language(accept_language)


def _locale(language: str, browser_locale: str | None) -> Locale:
    try:
        wished = Locale.parse(browser_locale or language, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale(language)
    return wished if wished.language == language else Locale(language)


def _zone(name: str | None) -> tzinfo:
    try:
        return get_timezone(name or "UTC")
    except LookupError:
        return get_timezone("UTC")
