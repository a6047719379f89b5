"""Reading CSV: the standard module over lines of bytes, so that any chunk can be read alone."""

import csv
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal

from augury.files import dialects
from augury.files.faults import FileUnreadable, fault_of_row, shown, unreadable
from augury.files.forms import (
    MOST_CHUNK_BYTES,
    MOST_COLUMNS,
    Chunk,
    Form,
    Mark,
    Row,
    Span,
    span_of,
)
from augury.files.lines import Lines, encoding_of
from augury.files.plain import Plain, read_plain


@contextmanager
def open_csv(path: Path, chunk_rows: int, form: Form | None = None) -> Iterator["CsvRows"]:
    """Open a CSV file, of the form found earlier or of the one that is found out now."""
    with path.open("rb", buffering=2**16) as file:
        yield CsvRows(file, form or _form_of(file, chunk_rows))


class CsvRows:
    """An open CSV file; cells are texts, as they stand."""

    def __init__(self, file: BinaryIO, form: Form) -> None:
        """Read the header, behind which the rows begin."""
        self._file = file
        self.form = form
        _, self.first = _header(file, form)

    def spans(self) -> Iterator[Span]:
        """Yield what all chunks cover; raises `FileUnreadable` with the line."""
        start = self.first
        while True:
            plain = self.plain(start)
            if plain is not None:
                yield Span(start, plain.end, int(plain.faulty(self.form).sum()))
                start = plain.end
                continue
            chunk = next(self.chunks(start), None)
            if chunk is None:
                return
            yield span_of(chunk)
            start = chunk.end

    def plain(self, start: Mark) -> Plain | None:
        """Return the chunk at a mark as plain lines, if that is what they are."""
        return read_plain(self._file, self.form, start, MOST_CHUNK_BYTES)

    def row(self, line: int, cells: list[str]) -> Row:
        """Return a row; one of another width than the header's is cut, or filled up, to it."""
        width = len(self.form.columns)
        if len(cells) == width:
            return Row(line, cells)
        fault = fault_of_row("fault.file_cells", line, expected=width, got=len(cells))
        return Row(line, cells[:width] + [""] * (width - len(cells)), fault)

    def chunks(self, start: Mark | None = None) -> Iterator[Chunk]:
        """Yield the chunks from a mark on; raises `FileUnreadable` with the line."""
        start = start or self.first
        lines = Lines(self._file, self.form.encoding, start)
        reader = csv.reader(lines.text(), delimiter=self.form.delimiter, strict=True)
        begins = lines.number + 1
        most_rows = self.form.rows_at_once
        try:
            rows: list[Row] = []
            for cells in reader:
                if cells:
                    rows.append(self.row(begins, cells))
                begins = lines.number + 1
                lines.row_begins = lines.position
                if len(rows) == most_rows or lines.position - start.position >= MOST_CHUNK_BYTES:
                    end = Mark(start.row + len(rows), lines.number, lines.position)
                    yield Chunk(start, end, rows)
                    start, rows = end, []
            if rows:
                end = Mark(start.row + len(rows), lines.number, lines.position)
                yield Chunk(start, end, rows)
        except csv.Error as error:
            raise _refusal(error, begins, lines.number) from None
        except UnicodeDecodeError:
            raise unreadable("fault.file_letters", lines.number) from None


def _form_of(file: BinaryIO, chunk_rows: int) -> Form:
    encoding, skipped = encoding_of(file)
    sample = dialects.sample_of(file, encoding, Mark(0, 0, skipped))
    named = dialects.named_delimiter(sample)
    table = sample[1:] if named else sample
    delimiter = named or dialects.delimiter_of(table)
    form = Form(
        kind="csv",
        columns=[],
        chunk_rows=chunk_rows,
        encoding=encoding,
        byte_order_mark=skipped > 0,
        delimiter=delimiter,
        decimal=dialects.decimal_of(table, delimiter),
        newline=dialects.newline_of(sample),
        names_delimiter=named is not None,
    )
    columns, _ = _header(file, form)
    _check(columns)
    return Form(
        **{name: getattr(form, name) for name in form.__struct_fields__} | {"columns": columns}
    )


def mark_of(form: Form) -> bytes:
    """Return the byte order mark with which a file of this form begins."""
    return "\ufeff".encode(form.encoding) if form.byte_order_mark else b""


def _header(file: BinaryIO, form: Form) -> tuple[list[str], Mark]:
    lines = Lines(file, form.encoding, Mark(0, 0, len(mark_of(form))))
    text = lines.text()
    try:
        if form.names_delimiter:
            next(text)
        for cells in csv.reader(text, delimiter=form.delimiter, strict=True):
            if cells:
                return cells, Mark(0, lines.number, lines.position)
    except csv.Error as error:
        raise _refusal(error, 1, lines.number) from None
    except UnicodeDecodeError:
        raise unreadable("fault.file_letters", lines.number) from None
    raise unreadable("fault.file_empty")


def _check(columns: list[str]) -> None:
    if len(columns) > MOST_COLUMNS:
        raise unreadable("fault.file_columns", 1, most=MOST_COLUMNS, got=len(columns))
    # A column without a name is no rare thing: the row numbers of pandas, the margin of a sheet.
    names = Counter(filter(None, (name.strip() for name in columns)))
    if not names:
        raise unreadable("fault.file_empty")
    twice = [name for name, times in names.items() if times > 1]
    if twice:
        raise unreadable("fault.file_columns_twice", 1, name=shown(twice[0]))


_SAID: tuple[tuple[str, Literal["fault.file_cell_long", "fault.file_line_end"]], ...] = (
    ("field larger", "fault.file_cell_long"),
    ("new-line character", "fault.file_line_end"),
)


def _refusal(error: csv.Error, begins: int, line: int) -> FileUnreadable:
    for part, key in _SAID:
        if part in str(error):
            return unreadable(key, line, most=csv.field_size_limit())
    # What is left are quotation marks, and the row in which they began is the one to look at.
    return unreadable("fault.file_quotes", begins)
