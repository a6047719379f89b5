"""A file of outcomes: CSV with the columns `prediction_id`, `outcome` and, if need be, `row`."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from augury.kit.errors import Fault, invalid
from augury.kit.ids import is_id

MOST_BYTES = 16 * 1024 * 1024
MOST_LINES = 200_000
_LONGEST_SHOWN = 80
_MOST_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Line:
    """What one line says: what happened in a row of a prediction; no `row` means the only one."""

    line: int
    prediction_id: str
    row: int | None
    outcome: int


@dataclass(frozen=True, slots=True)
class LineFault:
    """What is wrong with a line."""

    line: int
    key: str
    values: dict[str, object]

    def told(self) -> Fault:
        """Return it for the answer."""
        return Fault(f"/file/{self.line}", self.key, self.values)


def read_lines(content: bytes) -> tuple[list[Line], list[LineFault]]:
    """Return what the lines of a file say, and what is wrong with the other ones.

    Raises `InvalidInput` for a file that has no such lines at all, or too many.
    """
    if len(content) > MOST_BYTES:
        raise invalid("/file", "fault.outcome_file_long", most_bytes=MOST_BYTES)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise invalid("/file", "fault.not_unicode") from None
    lines: list[Line] = []
    faults: list[LineFault] = []
    for found in _each(text):
        if isinstance(found, Line):
            lines.append(found)
        else:
            faults.append(found)
        if len(lines) + len(faults) > MOST_LINES:
            raise invalid("/file", "fault.outcome_file_lines", most=MOST_LINES)
    return lines, faults


def _each(text: str) -> Iterator[Line | LineFault]:
    head = text[: text.find("\n")] if "\n" in text else text
    delimiter = ";" if ";" in head else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = [name.strip().lower() for name in next(reader, [])]
        for needed in ("prediction_id", "outcome"):
            if columns.count(needed) != 1:
                raise invalid("/file/1", "fault.outcome_file_columns")
        if columns.count("row") > 1:
            raise invalid("/file/1", "fault.outcome_file_columns")
        for cells in reader:
            if any(cells):
                yield _line(reader.line_num, columns, cells)
    except csv.Error:
        # From here on it is not known where a line begins.
        yield LineFault(reader.line_num, "fault.outcome_line_quotes", {})


def _line(number: int, columns: list[str], cells: list[str]) -> Line | LineFault:
    if len(cells) != len(columns):
        told: dict[str, object] = {"expected": len(columns), "got": len(cells)}
        return LineFault(number, "fault.outcome_line_cells", told)
    found = {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}
    prediction_id, outcome = found["prediction_id"].lower(), found["outcome"]
    row = found.get("row", "")
    if not is_id(prediction_id):
        return _bad(number, "fault.outcome_line_id", prediction_id)
    if row and not (row.isascii() and row.isdigit() and len(row) <= _MOST_DIGITS):
        return _bad(number, "fault.outcome_line_row", row)
    if outcome not in {"0", "1"}:
        return _bad(number, "fault.outcome_line_value", outcome)
    return Line(number, prediction_id, int(row) if row else None, int(outcome))


def _bad(number: int, key: str, got: str) -> LineFault:
    return LineFault(number, key, {"got": got[:_LONGEST_SHOWN]})
