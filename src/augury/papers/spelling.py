"""Amounts of money in Russian words, as the invoices of that country have them."""

from babel import Locale
from babel.numbers import get_currency_precision

_RUSSIAN = Locale("ru")
# One, few, many; whether they are feminine; and the same of the minor unit.
_UNITS = {
    "RUB": (("рубль", "рубля", "рублей"), ("копейка", "копейки", "копеек")),
    "USD": (("доллар США", "доллара США", "долларов США"), ("цент", "цента", "центов")),
    "EUR": (("евро", "евро", "евро"), ("цент", "цента", "центов")),
}
_POWERS = (
    ("триллион", "триллиона", "триллионов"),
    ("миллиард", "миллиарда", "миллиардов"),
    ("миллион", "миллиона", "миллионов"),
    ("тысяча", "тысячи", "тысяч"),
)
_THOUSAND = 1000
_TOO_LARGE = _THOUSAND ** (len(_POWERS) + 1)
_HUNDREDS = (
    "сто",
    "двести",
    "триста",
    "четыреста",
    "пятьсот",
    "шестьсот",
    "семьсот",
    "восемьсот",
    "девятьсот",
)
_TENS = (
    "двадцать",
    "тридцать",
    "сорок",
    "пятьдесят",
    "шестьдесят",
    "семьдесят",
    "восемьдесят",
    "девяносто",
)
_ONES = (
    "один",
    "два",
    "три",
    "четыре",
    "пять",
    "шесть",
    "семь",
    "восемь",
    "девять",
    "десять",
    "одиннадцать",
    "двенадцать",
    "тринадцать",
    "четырнадцать",
    "пятнадцать",
    "шестнадцать",
    "семнадцать",
    "восемнадцать",
    "девятнадцать",
)
_FEMININE = {"один": "одна", "два": "две"}
_FORMS = {"one": 0, "few": 1, "many": 2}


def in_russian_words(amount_minor: int, currency: str) -> str | None:
    """Return an amount such as `Одна тысяча рублей 00 копеек`; nothing for other currencies."""
    if currency not in _UNITS or amount_minor < 0:
        return None
    whole, minor = divmod(amount_minor, 10 ** get_currency_precision(currency))
    if whole >= _TOO_LARGE:
        return None
    names, minor_names = _UNITS[currency]
    said = f"{_cardinal(whole)} {_form(whole, names)} {minor:02d} {_form(minor, minor_names)}"
    return said[0].upper() + said[1:]


def _cardinal(number: int) -> str:
    if number == 0:
        return "ноль"
    words = []
    for place, names in enumerate(_POWERS):
        group = number // _THOUSAND ** (len(_POWERS) - place) % _THOUSAND
        if group:
            words += [*_below_thousand(group, feminine=names[0] == "тысяча"), _form(group, names)]
    return " ".join([*words, *_below_thousand(number % _THOUSAND, feminine=False)])


def _below_thousand(number: int, *, feminine: bool) -> list[str]:
    hundreds, rest = divmod(number, 100)
    words = [_HUNDREDS[hundreds - 1]] if hundreds else []
    if rest > len(_ONES):
        tens, rest = divmod(rest, 10)
        words.append(_TENS[tens - 2])
    if rest:
        one = _ONES[rest - 1]
        words.append(_FEMININE.get(one, one) if feminine else one)
    return words


def _form(number: int, names: tuple[str, str, str]) -> str:
    return names[_FORMS[_RUSSIAN.plural_form(number)]]
