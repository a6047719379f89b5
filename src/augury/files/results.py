"""Writing results: the columns as they came, then the outputs, then what went wrong.

Results are written in parts, one for each chunk, which can be made in any order and made again. A
part is a piece of the file and not a file; `joined` streams parts in their order as one.
"""

from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from typing import Any, Protocol, cast

from augury.files.answers import Answer, added_columns
from augury.files.cells import Field
from augury.files.csv_results import CsvResults
from augury.files.faults import unreadable
from augury.files.forms import Chunk, Form
from augury.files.jsonl_results import JsonResults


class Results(Protocol):
    """How results of one form are written."""

    def part(self, chunk: Chunk, answers: Sequence[Answer]) -> bytes:
        """Return the part for a chunk, with an answer for each of its rows."""
        ...

    def joined(self, parts: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the whole file, of its parts in their order, taking one part at a time."""
        ...


def results(form: Form, outputs: Sequence[Field]) -> Results:
    """Return what writes results in the form in which the rows came; `outputs` have an order."""
    added = added_columns(form.columns, [one.name for one in outputs])
    if form.kind == "csv":
        return CsvResults(form, added)
    if form.kind == "jsonl":
        return JsonResults(added)
    try:
        module: Any = import_module("augury.files.parquet_results")
    except ModuleNotFoundError:
        raise unreadable("fault.file_parquet_off") from None
    return cast("Results", module.ParquetResults(form, outputs, added))
