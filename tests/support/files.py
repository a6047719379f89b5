"""Files of applicants, for batches: good and bad rows in every format."""

import csv
import io
import json
import time
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from support.houses import APPLICANT

FORMATS = ("csv", "jsonl", "parquet")
MODEL = "credit-logistic-regression"
PRICE = 10
NUMBER = "number"


def applicants(count: int, bad: Sequence[int] = ()) -> list[dict[str, Any]]:
    """Return numbered rows, each another applicant, of which some have a grade nobody knows."""
    return [
        {NUMBER: place, **APPLICANT, "loan_amnt": 1000 + place}
        | ({"loan_grade": "Z"} if place in bad else {})
        for place in range(count)
    ]


def written(kind: str, rows: Sequence[dict[str, Any]]) -> bytes:
    """Return a file of rows."""
    if kind == "jsonl":
        return "".join(json.dumps(row) + "\n" for row in rows).encode()
    if kind == "parquet":
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(list(rows)), sink)
        return bytes(sink.getvalue())
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def read(kind: str, content: bytes) -> list[dict[str, Any]]:
    """Return the rows of a file; what a row has not is None or empty."""
    if kind == "jsonl":
        return [json.loads(line) for line in content.splitlines()]
    if kind == "parquet":
        return list(pq.read_table(io.BytesIO(content)).to_pylist())
    convert = pa_csv.ConvertOptions(strings_can_be_null=True)
    return list(pa_csv.read_csv(io.BytesIO(content), convert_options=convert).to_pylist())


def send(client: Any, headers: dict[str, str], content: bytes, **form: str) -> Any:
    """Return the answer to an order of a batch; `key` and `path` are not in the form."""
    key, path = form.pop("key", None), form.pop("path", "")
    more = {} if key is None else {"Idempotency-Key": key}
    return client.post(
        f"/v1/batches{path}",
        files={"file": (form.pop("name", "rows.dat"), content)},
        data={"model": MODEL, **form},
        headers=headers | more,
    )


def await_end(client: Any, headers: dict[str, str], id_: str, seconds: float = 120) -> Any:
    """Return a batch once it is over."""
    until = time.monotonic() + seconds
    while True:
        batch = client.get(f"/v1/batches/{id_}", headers=headers).json()
        if batch["status"] not in {"queued", "running"}:
            return batch
        assert time.monotonic() < until, batch
        time.sleep(0.05)
