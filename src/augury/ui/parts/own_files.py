"""A visitor's own CSV, as spreadsheets save it, read into what a question is made of."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from augury.kit.dates import read_date

MOST_TROUBLES: Final = 10
_DATES: Final = ("date", "day", "дата")
_CLOSES: Final = ("adj close", "adj_close", "adjusted close", "close", "price", "цена", "закрытие")
_SYMBOLS: Final = ("symbol", "ticker", "name", "тикер", "символ")
_WEIGHTS: Final = ("weight", "share", "вес", "доля")
_VALUES: Final = ("value", "amount", "стоимость", "сумма")
# What adds up to more was written in percent.
_MOST_TOGETHER: Final = 1.5

Row = tuple[int, dict[str, str]]


class Trouble(Struct, frozen=True):
    """What is wrong with a line; `key` is the text's, `line` counts from 1 with the header."""

    key: str
    line: int = 0
    value: str = ""


class Unread(Exception):
    """The file cannot be taken; `troubles` tell why, the first of them."""

    def __init__(self, troubles: Sequence[Trouble]) -> None:
        """Keep what was found."""
        super().__init__(troubles)
        self.troubles = tuple(troubles[:MOST_TROUBLES])


def read_prices(content: bytes) -> list[dict[str, Any]]:
    """Return the points `date` and `close`, the oldest first; raises `Unread`."""
    header, rows = _table(content)
    day, close = _column(header, _DATES, "file.no_date"), _column(header, _CLOSES, "file.no_close")
    return sorted(
        _each(
            rows,
            lambda row: {"date": _day(row[day]), "close": _number(row[close])},
            {"date": (day, "file.not_a_date"), "close": (close, "file.not_a_number")},
        ),
        key=lambda point: str(point["date"]),
    )


def read_positions(content: bytes) -> tuple[str, list[dict[str, Any]]]:
    """Return `weight` or `value`, and positions with `symbol` and that; raises `Unread`.

    Weights come back as shares of one, also where they were written in percent.
    """
    header, rows = _table(content)
    symbol = _column(header, _SYMBOLS, "file.no_symbol")
    by_weight = _found(header, _WEIGHTS)
    held = by_weight or _column(header, _VALUES, "file.no_weight")
    name = "weight" if by_weight else "value"
    positions = _each(
        rows,
        lambda row: {"symbol": row[symbol] or None, name: _number(row[held])},
        {"symbol": (symbol, "file.empty_symbol"), name: (held, "file.not_a_number")},
    )
    if by_weight and sum(one[name] for one in positions) > _MOST_TOGETHER:
        positions = [one | {name: one[name] / 100} for one in positions]
    return name, positions


def _each(
    rows: Iterator[Row],
    read: Callable[[Mapping[str, str]], dict[str, Any]],
    columns: Mapping[str, tuple[str, str]],
) -> list[dict[str, Any]]:
    found, troubles = [], []
    for line, row in rows:
        values = read(row)
        troubles += [
            Trouble(key, line, row[column])
            for name, (column, key) in columns.items()
            if values[name] is None
        ]
        found.append(values)
    if troubles or not found:
        raise Unread(troubles or [Trouble("file.empty")])
    return found


def _table(content: bytes) -> tuple[list[str], Iterator[Row]]:
    """Return the names of the columns and the rows with the numbers of their lines."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1251", errors="replace")
    first = text.lstrip("\r\n").partition("\n")[0]
    parted = max(",;\t", key=first.count)
    lines = csv.reader(io.StringIO(text), delimiter=parted)
    try:
        header = [name.strip().lower() for name in next((row for row in lines if row), [])]
    except csv.Error:
        raise Unread([Trouble("file.unreadable")]) from None
    return header, _rows(lines, header)


def _rows(lines: Any, header: Sequence[str]) -> Iterator[Row]:
    try:
        for cells in lines:
            if any(cell.strip() for cell in cells):
                padded = [cell.strip() for cell in cells] + [""] * len(header)
                yield lines.line_num, dict(zip(header, padded, strict=False))
    except csv.Error:
        raise Unread([Trouble("file.unreadable", lines.line_num)]) from None


def _found(header: Sequence[str], names: Sequence[str]) -> str | None:
    return next((name for name in names if name in header), None)


def _column(header: Sequence[str], names: Sequence[str], key: str) -> str:
    found = _found(header, names)
    if found is None:
        raise Unread([Trouble(key, value=", ".join(names[:2]))])
    return found


def _day(text: str) -> str | None:
    found = read_date(text)
    return None if found is None else found.isoformat()


def _number(text: str) -> float | None:
    """Return a number as people write it: `1 234,56`, `1,234.56` or `12%`."""
    plain = re.sub(r"\s", "", text)
    is_percent = plain.endswith("%")
    plain = plain.rstrip("%")
    if plain.rfind(",") > plain.rfind("."):
        plain = plain.replace(".", "").replace(",", ".")
    else:
        plain = plain.replace(",", "")
    if not re.fullmatch(r"[+-]?\d*\.?\d+(?:[eE][+-]?\d{1,3})?", plain, re.ASCII):
        return None
    return float(plain) / 100 if is_percent else float(plain)
