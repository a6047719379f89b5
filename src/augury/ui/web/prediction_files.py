"""Predictions as CSV: what a list has, and the rows of one."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, Final

import msgspec
from msgspec import Struct

from augury.client import Client, Prediction
from augury.kit.spreadsheets import BYTE_ORDER_MARK, harmless
from augury.ui.parts.filters import Span, address

_ABOUT: Final = ("id", "created_at", "model", "version", "status", "rows", "credits")
_AT_ONCE: Final = 200
_NAME: Final = re.compile(r"[a-z0-9-]{1,64}", re.ASCII)
_STATUS: Final = re.compile(r"[a-z]{1,16}", re.ASCII)


class Wanted(Struct, frozen=True):
    """Which predictions are asked for."""

    model: str | None
    status: str | None
    since: datetime | None
    until: datetime | None


def path_of_predictions(model: str | None, status: str | None, span: Span) -> str:
    """Return where a list of predictions can be downloaded."""
    return address("/predictions.csv", {"model": model, "status": status, **span.query()})


def path_of_rows(prediction_id: str) -> str:
    """Return where the rows of a prediction can be downloaded."""
    return f"/predictions/{prediction_id}.csv"


def read_wanted(query: Mapping[str, str]) -> Wanted | None:
    """Return which predictions an address asks for; None when it makes no sense."""
    model, status = query.get("model"), query.get("status")
    if model is not None and not _NAME.fullmatch(model):
        return None
    if status is not None and not _STATUS.fullmatch(status):
        return None
    try:
        since, until = (
            datetime.fromisoformat(query[name]) if name in query else None
            for name in ("from", "to")
        )
    except ValueError:
        return None
    return Wanted(model, status, since, until)


def list_pieces(api: Client, wanted: Wanted) -> Iterator[bytes]:
    """Yield a list as CSV, a page of the API at a time; a refusal comes before the first piece."""
    found = api.each_prediction(
        model=wanted.model, status=wanted.status, since=wanted.since, until=wanted.until
    )
    # The API is asked here and now, and not when the answer has begun.
    first = next(found, None)
    return _pieces(
        ((*_ABOUT, "decision", "probability"),),
        (_about(one) for one in (() if first is None else chain((first,), found))),
    )


def row_pieces(api: Client, prediction_id: str) -> Iterator[bytes]:
    """Yield the rows of one prediction as CSV: what was asked, and what was answered."""
    one = api.prediction(prediction_id)
    inputs, outputs = one.inputs or (), one.outputs or ()
    asked = list(dict.fromkeys(name for row in inputs for name in row))
    answered = list(dict.fromkeys(name for row in outputs for name in row))
    names = [*asked, *(f"output_{name}" if name in asked else name for name in answered)]
    count = max(len(inputs), len(outputs))
    return _pieces(
        (("row", *names),),
        (
            (
                number + 1,
                *(_of(inputs, number, name) for name in asked),
                *(_of(outputs, number, name) for name in answered),
            )
            for number in range(count)
        ),
    )


def cell(value: object) -> object:
    """Return a value so that no spreadsheet takes it for a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return value
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return harmless(text)


def _about(one: Prediction) -> Sequence[object]:
    charged = one.charge.amount if one.charge is not None else 0
    output: Mapping[str, Any] = one.outputs[0] if one.outputs and len(one.outputs) == 1 else {}
    names = ("default_probability", "probability_of_loss")
    probability = next((output[name] for name in names if name in output), None)
    created = one.created_at.isoformat()
    about = (one.id, created, one.model, one.version, one.status, one.rows, charged)
    return (*about, output.get("decision"), probability)


def _of(rows: Sequence[Mapping[str, Any]], number: int, name: str) -> object:
    return rows[number].get(name) if number < len(rows) else None


def _pieces(head: Iterable[Sequence[object]], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    written = io.StringIO()
    written.write(BYTE_ORDER_MARK)
    writer = csv.writer(written)
    for number, row in enumerate(chain(head, rows), start=1):
        writer.writerow([cell(value) for value in row])
        if number % _AT_ONCE == 0:
            yield _taken(written)
    yield _taken(written)


def _taken(written: io.StringIO) -> bytes:
    text = written.getvalue()
    written.seek(0)
    written.truncate()
    return text.encode()
