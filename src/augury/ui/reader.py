"""How one reader is spoken to: language, number and date formats, time zone."""

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Any, Final

from babel import Locale, UnknownLocaleError
from babel.dates import (
    format_date,
    format_datetime,
    format_skeleton,
    format_timedelta,
    get_day_names,
    get_month_names,
    get_timezone,
)
from babel.numbers import (
    format_currency,
    format_decimal,
    format_percent,
    get_currency_precision,
    get_decimal_symbol,
    get_group_symbol,
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

    def share(self, share: float) -> str:
        """Return a share of one as a percentage with as many decimals as it needs, two at most."""
        exact = Decimal(str(round(share, 4)))
        return format_percent(exact, locale=self._locale, decimal_quantization=False)

    def points(self, share: float) -> str:
        """Return a difference of two percentages with its sign, in percentage points."""
        size = self.rounded(abs(share) * 100, 2)
        sign = "+" if share > 0 else _MINUS if share < 0 else ""
        return self.text("points", points=f"{sign}{size}")

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

    def day(self, name: str) -> str:
        """Return a day that came as `2026-03-31`."""
        return format_date(date.fromisoformat(name), "medium", locale=self._locale)

    def amount(self, value: float) -> str:
        """Return an amount of money of no currency in particular."""
        return format_decimal(value, format="#,##0.00", locale=self._locale)

    def chart_words(self) -> dict[str, Any]:
        """Return how axes of a chart write numbers and days, as Vega wants it."""
        months = [
            get_month_names(width, "stand-alone", self._locale) for width in ("wide", "abbreviated")
        ]
        days = [
            get_day_names(width, "stand-alone", self._locale) for width in ("wide", "abbreviated")
        ]
        long_months, short_months = ([names[n] for n in range(1, 13)] for names in months)
        # Babel begins with Monday, Vega with Sunday.
        long_days, short_days = ([names[(n - 1) % 7] for n in range(7)] for names in days)
        return {
            "number": {
                "decimal": get_decimal_symbol(self._locale),
                "thousands": get_group_symbol(self._locale),
                "grouping": [3],
                "currency": ["", ""],
                # With the space before it, where the language has one.
                "percent": format_percent(1, locale=self._locale).lstrip("10"),
            },
            "time": {
                "dateTime": "%x, %X",
                "date": "%d.%m.%Y" if self.language == "ru" else "%Y-%m-%d",
                "time": "%H:%M:%S",
                "periods": ["AM", "PM"],
                "days": long_days,
                "shortDays": short_days,
                "months": long_months,
                "shortMonths": short_months,
            },
        }

    def moment(self, when: datetime) -> str:
        """Return a date and time of day in the reader's zone."""
        return format_datetime(when, "medium", tzinfo=self._zone, locale=self._locale)

    def today(self) -> date:
        """Return what day it is in the reader's zone."""
        return datetime.now(self._zone).date()

    def midnight(self, day: date) -> datetime:
        """Return when a day begins in the reader's zone."""
        begins = datetime.combine(day, time())
        # Zones of some make have to be asked which of their offsets counts on that day.
        localize = getattr(self._zone, "localize", None)
        found: datetime = localize(begins) if localize else begins.replace(tzinfo=self._zone)
        return found

    def written(self, day: date) -> str:
        """Return a day as it is typed into a field."""
        return day.strftime("%d.%m.%Y") if self.language == "ru" else day.isoformat()

    def span(self, length: timedelta) -> str:
        """Return about how long something took: `2 minutes`."""
        return format_timedelta(length, threshold=1.5, locale=self._locale)

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
