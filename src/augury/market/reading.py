"""Reading series from a table: CSV as people write it, Parquet, or JSON Lines.

Three layouts: `date` and `close` (or `value`) of one series; `date` and a column for each series;
`symbol`, `date` and `close` of any number of them.
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from augury.files.cells import Field, Typing, Value
from augury.files.faults import shown
from augury.files.forms import Form, Row
from augury.files.rows import open_rows
from augury.kit.errors import Fault, InvalidInput, escaped, invalid
from augury.market.days import read_day
from augury.market.series import LONGEST_SYMBOL, MOST_POINTS, Draft, Labels, is_symbol, spelled

MOST_UPLOAD_BYTES = 64 * 2**20
MOST_SERIES_IN_FILE = 2000
# Of all series of a file together.
MOST_CELLS = 5_000_000
MOST_FAULTS = 50
_MOST_NAMES_SHOWN = 30

# In the languages of the house, the first that is there.
_DATES = ("date", "day", "observation_date", "дата")
_SYMBOLS = ("symbol", "ticker", "name", "тикер", "символ")
_VALUES = ("adj close", "adj_close", "adjusted close", "close", "value", "цена", "значение")


@dataclass(slots=True)
class _Growing:
    """A series that is being read."""

    days: "array[int]" = field(default_factory=lambda: array("i"))
    values: "array[float]" = field(default_factory=lambda: array("d"))
    lines: "array[int]" = field(default_factory=lambda: array("i"))

    def draft(self, symbol: str, labels: Labels) -> Draft:
        days = np.array(self.days, np.int32)
        return Draft(symbol, labels, days, np.array(self.values), np.array(self.lines, np.int32))


class _Reader:
    """Collects the series of a file, and what is wrong with its lines."""

    def __init__(self, symbol: str | None, columns: "_Columns") -> None:
        self.faults: list[Fault] = []
        self._symbol = symbol
        self._columns = columns
        self.series: dict[str, _Growing] = {}
        self._cells = 0

    def take(self, row: Row, values: dict[str, Value]) -> None:
        if row.fault:
            self.faults.append(row.fault)
            return
        written = values[self._columns.date]
        day = read_day(str(written or ""))
        if day is None:
            self._refuse(row.line, "fault.market_day", written)
            return
        if self._columns.symbol is None:
            for column in self._columns.values:
                name = spelled(column) if self._symbol is None else self._symbol
                self._put(name, day, values[column], row.line)
        else:
            name = spelled(str(values[self._columns.symbol] or ""))
            if is_symbol(name):
                self._put(name, day, values[self._columns.values[0]], row.line)
            else:
                self._refuse(row.line, "fault.market_symbol", values[self._columns.symbol])

    def _put(self, name: str, day: int, value: Value, line: int) -> None:
        # No value is no price of that day: holidays of one exchange in a table of several.
        if value is None or value == ".":
            return
        if isinstance(value, str):
            self._refuse(line, "fault.market_value", value)
            return
        growing = self.series.get(name)
        if growing is None:
            if len(self.series) == MOST_SERIES_IN_FILE:
                raise invalid("/file", "fault.market_file_series", most=MOST_SERIES_IN_FILE)
            growing = self.series[name] = _Growing()
        if len(growing.days) == MOST_POINTS:
            told = {"most": MOST_POINTS, "got": f"{MOST_POINTS}+"}
            raise InvalidInput(faults=[Fault(f"/file/{line}", "fault.market_points", told)])
        self._cells += 1
        if self._cells > MOST_CELLS:
            raise invalid("/file", "fault.market_file_cells", most=MOST_CELLS)
        growing.days.append(day)
        growing.values.append(float(value))
        growing.lines.append(line)

    def _refuse(self, line: int, key: str, got: object) -> None:
        shown = " ".join(str(got if got is not None else "").split())[:40]
        self.faults.append(Fault(f"/file/{line}", key, {"line": line, "got": shown}))


@dataclass(frozen=True, slots=True)
class _Columns:
    """Which columns of a file are what; names as they stand in it."""

    date: str
    symbol: str | None
    values: Sequence[str]


def read_series(path: Path, labels: Labels, symbol: str | None = None) -> list[Draft]:
    """Return the series of a file, not looked at yet, by name.

    `symbol` names the only one; without it, columns or a column of symbols do. Raises
    `FileUnreadable`, and `InvalidInput` with the first faults of its lines.
    """
    with open_rows(path) as rows:
        form = rows.form
        reader: _Reader | None = None
        typing: Typing | None = None
        for chunk in rows.chunks():
            if reader is None or typing is None:
                # Lines of JSON name their columns themselves.
                names = form.columns or sorted(_names(chunk.rows))
                columns = _columns(names, symbol)
                form = _form(form, names)
                reader, typing = _Reader(symbol, columns), _typing(form, columns)
            for row in chunk.rows:
                reader.take(row, {} if row.fault else typing.row(row.cells))
            if len(reader.faults) >= MOST_FAULTS:
                break
    if reader is None or (not reader.series and not reader.faults):
        raise invalid("/file", "fault.file_no_rows")
    if reader.faults:
        raise InvalidInput(faults=reader.faults[:MOST_FAULTS])
    return [one.draft(name, labels) for name, one in sorted(reader.series.items())]


def _names(rows: Sequence[Row]) -> set[str]:
    return {name for row in rows if isinstance(row.cells, dict) for name in row.cells}


def _form(form: Form, names: Sequence[str]) -> Form:
    known = {name: getattr(form, name) for name in form.__struct_fields__}
    return Form(**known | {"columns": list(names)})


def _typing(form: Form, columns: _Columns) -> Typing:
    texts = [columns.date] if columns.symbol is None else [columns.date, columns.symbol]
    fields = [Field(name, "category") for name in texts]
    return Typing(form, fields + [Field(name, "number") for name in columns.values])


def _columns(names: Sequence[str], symbol: str | None) -> _Columns:
    """Find out what the columns are; raises `InvalidInput`."""
    folded = {name.strip().casefold(): name.strip() for name in reversed(names) if name.strip()}
    date = _first(_DATES, folded)
    if date is None:
        raise _needed(names)
    value, named = _first(_VALUES, folded), _first(_SYMBOLS, folded)
    if named is not None and value is not None and symbol is None:
        return _Columns(date, named, [value])
    if symbol is not None:
        if value is None:
            others = [name for name in folded.values() if name != date]
            if len(others) != 1:
                raise _needed(names)
            value = others[0]
        return _Columns(date, None, [value])
    return _Columns(date, None, list(_wide(folded, date, value)))


def _wide(folded: dict[str, str], date: str, value: str | None) -> Iterator[str]:
    """Yield the columns that are series; all of them must have names of series."""
    if value is not None:
        raise invalid("/symbol", "fault.market_symbol_needed")
    columns = [name for name in folded.values() if name != date]
    if not columns:
        raise _needed(list(folded.values()))
    if len(columns) > MOST_SERIES_IN_FILE:
        raise invalid("/file", "fault.market_file_series", most=MOST_SERIES_IN_FILE)
    odd = [name for name in columns if not is_symbol(spelled(name))]
    if odd:
        faults = [
            Fault(f"/file/{escaped(name)}", "fault.market_symbol", _shown(name)) for name in odd
        ]
        raise InvalidInput(faults=faults[:MOST_FAULTS])
    yield from columns


def _needed(names: Sequence[str]) -> InvalidInput:
    """Return the refusal of a file without the columns that make a series."""
    there = ", ".join(map(shown, names[:_MOST_NAMES_SHOWN]))
    return invalid("/file", "fault.market_columns", columns=there)


def _shown(name: str) -> dict[str, object]:
    return {"got": name[:40], "line": 1, "most": LONGEST_SYMBOL}


def _first(wanted: Sequence[str], folded: dict[str, str]) -> str | None:
    return next((folded[name] for name in wanted if name in folded), None)
