"""The results of a batch, looked at from their beginning: never whole in memory."""

import codecs
import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, Final

from msgspec import Struct

from augury.client import ResultsFile

MOST_ROWS: Final = 50_000
MOST_BYTES: Final = 16 << 20
MOST_FAILURES: Final = 50
BINS: Final = 20
_CHARSET: Final = re.compile(r"charset=([\w-]+)")
_ERROR: Final = "error"
_PREFIX: Final = "augury_"
_DELIMITERS: Final = ",;\t|"

Line = tuple[int, Mapping[str, Any]]


class Failure(Struct, frozen=True):
    """A row that failed: the line of the results on which it begins, and why."""

    line: int
    error: str


class Sample(Struct, frozen=True):
    """The first rows of the results; `bins` counts probabilities in twentieths."""

    rows: int
    is_whole: bool
    bins: tuple[int, ...]
    decisions: Mapping[str, int]
    failures: tuple[Failure, ...]

    @property
    def succeeded(self) -> int:
        """How many of the rows have a probability."""
        return sum(self.bins)


def can_sample(media_type: str) -> bool:
    """Tell whether results of this kind can be read from their beginning."""
    return media_type.startswith(("text/csv", "application/jsonl"))


def sample(results: ResultsFile, probability: str) -> Sample:
    """Return what the first rows hold, and let go of the rest.

    `probability` is the name of the output. Rows and bytes are limited.
    """
    limited = _Limited(results.pieces)
    try:
        return _sampled(_lines(results.media_type, limited), limited, probability)
    finally:
        results.pieces.close()


class _Limited:
    """Pieces of a file until there were too many bytes; then it is `cut`."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.cut = False

    def __iter__(self) -> Iterator[bytes]:
        seen = 0
        for piece in self._pieces:
            yield piece
            seen += len(piece)
            if seen >= MOST_BYTES:
                self.cut = True
                return


def _sampled(lines: Iterator[Line], limited: _Limited, probability: str) -> Sample:
    bins, decisions, failures, rows = [0] * BINS, dict[str, int](), list[Failure](), 0
    for line, row in islice(lines, MOST_ROWS):
        rows += 1
        value = _number(_of(row, probability))
        if value is not None:
            bins[min(int(value * BINS), BINS - 1)] += 1
        elif len(failures) < MOST_FAILURES and _of(row, _ERROR):
            failures.append(Failure(line, str(_of(row, _ERROR))))
        decision = _of(row, "decision")
        if decision:
            decisions[str(decision)] = decisions.get(str(decision), 0) + 1
    is_whole = not limited.cut and next(lines, None) is None
    return Sample(rows, is_whole and not limited.cut, tuple(bins), decisions, tuple(failures))


def _of(row: Mapping[str, Any], name: str) -> Any:
    """Return an output: it has a prefix where a column that was sent has its name."""
    prefixed = f"{_PREFIX}{name}"
    return row[prefixed] if prefixed in row else row.get(name)


def _lines(media_type: str, pieces: _Limited) -> Iterator[Line]:
    charset = _CHARSET.search(media_type)
    texts = _texts(pieces, charset[1] if charset else "utf-8")
    if media_type.startswith("text/csv"):
        return _csv_rows(texts)
    return _json_rows(texts)


def _texts(pieces: _Limited, charset: str) -> Iterator[str]:
    """Yield whole lines; the last one is left out when the file was cut within it."""
    decoder = codecs.getincrementaldecoder(charset)(errors="replace")
    rest = ""
    for piece in pieces:
        *whole, rest = (rest + decoder.decode(piece)).split("\n")
        yield from (f"{line}\n" for line in whole)
    rest += decoder.decode(b"", final=True)
    if rest and not pieces.cut:
        yield rest


def _csv_rows(texts: Iterator[str]) -> Iterator[Line]:
    head, before = next(texts, "").lstrip("\ufeff"), 0
    if head.startswith("sep="):
        head, before = next(texts, ""), 1
    reader = csv.reader(chain([head], texts), delimiter=max(_DELIMITERS, key=head.count))
    names: Sequence[str] = next(reader, [])
    line = before + reader.line_num
    for cells in reader:
        if cells:
            yield line + 1, dict(zip(names, cells, strict=False))
        line = before + reader.line_num


def _json_rows(texts: Iterator[str]) -> Iterator[Line]:
    for number, text in enumerate(texts, start=1):
        if text.strip():
            row = json.loads(text)
            yield number, row if isinstance(row, dict) else {}


def _number(value: object) -> float | None:
    try:
        found = float(str(value).replace(",", ".")) if value not in {None, ""} else None
    except ValueError:
        return None
    return found if found is not None and 0 <= found <= 1 else None
