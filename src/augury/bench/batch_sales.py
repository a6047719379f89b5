"""Batches as customers buy them: sent to a server, made by one worker and by two, paid, fetched.

A worker is an `augury worker` of its own beside one API process on SQLite. The client sends one
file at a time and waits for its results, so what one step takes is not hidden behind another.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from augury.bench.bare import bare_of
from augury.bench.batches import KINDS, applicants, fastest, write_file
from augury.bench.processes import augury_server, augury_worker
from augury.client import Batch, Client
from augury.files.forms import MOST_ROWS
from augury.inference.manifest import Manifest, read_manifest

WORKERS = (1, 2)
# Of a short file one would measure how often a worker looks for work: as many rows as the bare
# runtime has done after so many seconds, and more than a file may have never.
_BARE_SECONDS = 3.5
_MOST_ROWS = MOST_ROWS // 2
_LOOK_SECONDS = 0.05
# A worker has loaded its models by then; a chunk that comes earlier is put off.
_SETTLE_SECONDS = 6.0
_MOST_SECONDS = 600


class NotSold(Exception):
    """A batch came to something else than all its rows, paid."""


class Bought(NamedTuple):
    """Seconds of one sale: until the order is accepted, until it is made and paid, to fetch it."""

    order: float
    work: float
    fetch: float

    @property
    def whole(self) -> float:
        """From the first byte sent to the last one received."""
        return self.order + self.work + self.fetch


class _Goods(NamedTuple):
    """A model, and a file of rows for it."""

    model: str
    file: Path
    rows: int

    @property
    def key(self) -> tuple[str, str]:
        return self.model, self.file.suffix[1:]


def run(
    names: Sequence[str],
    models_dir: Path,
    folder: Path,
    *,
    rows: int,
    repeat: int,
    progress: Callable[[], None],
) -> list[dict[str, Any]]:
    """Return a figure for each model and kind of file: one worker, two, and the bare runtime.

    Files have as many rows as are worth measuring, and no less than `rows`. Of the runs of each the
    fastest counts, after one that does not.
    """
    goods: list[_Goods] = []
    alone: dict[str, float] = {}
    for name in names:
        manifest = read_manifest((models_dir / name / "manifest.json").read_bytes())
        artifact = models_dir / name / manifest.artifact.file
        matrix = applicants(manifest, rows)
        matrix = applicants(manifest, _worth(rows, _bare(manifest, artifact, matrix, repeat)))
        alone[name] = _bare(manifest, artifact, matrix, repeat)
        for kind in KINDS:
            path = write_file(folder / f"{name}.{kind}", manifest, matrix)
            goods.append(_Goods(name, path, len(matrix)))
    found: dict[tuple[tuple[str, str], int], Bought] = {}
    with augury_server(folder, 1, worker="apart") as (address, tokens), ExitStack() as workers:
        for count in WORKERS:
            workers.enter_context(augury_worker(folder))
            time.sleep(_SETTLE_SECONDS)
            with Client(address, token=tokens[0]) as client:
                for one in goods:
                    bought = [_buy(client, one) for _ in range(repeat + 1)][1:]
                    found[one.key, count] = min(bought, key=lambda sale: sale.whole)
                    progress()
    return [
        _figure(one, alone[one.model], *(found[one.key, count] for count in WORKERS))
        for one in goods
    ]


def _bare(
    manifest: Manifest, artifact: Path, matrix: npt.NDArray[np.float32], repeat: int
) -> float:
    # What was not called before has to get its memory first.
    (seconds,) = fastest([bare_of(manifest, artifact, matrix)], repeat + 1)
    return seconds


def _worth(rows: int, bare_seconds: float) -> int:
    wanted = int(rows * _BARE_SECONDS / bare_seconds)
    return max(rows, min(wanted, _MOST_ROWS) // rows * rows)


def _buy(client: Client, goods: _Goods) -> Bought:
    """Send a file, wait for its results and take them; all of it is paid for then."""
    begun = time.time()
    batch = client.batches.create(goods.file, goods.model)
    ordered = time.time()
    while not batch.is_over:
        time.sleep(_LOOK_SECONDS)
        batch = client.batches.batch(batch.id)
        if time.time() - ordered > _MOST_SECONDS:
            break
    made = _seconds_of(batch, goods.rows)
    fetched = time.perf_counter()
    results = goods.file.with_name(f"results{goods.file.suffix}")
    client.batches.save_results(batch.id, results)
    return Bought(ordered - begun, made - ordered, time.perf_counter() - fetched)


def _seconds_of(batch: Batch, rows: int) -> float:
    """Return when a batch was made and paid, or raise `NotSold`."""
    price = rows * batch.price_per_row
    if (batch.status, batch.rows_done, batch.credits_captured) != ("succeeded", rows, price):
        message = f"{batch.model}: {batch.status}, {batch.rows_done} rows"
        raise NotSold(message)
    assert batch.completed_at is not None  # noqa: S101 -- it is over
    return batch.completed_at.timestamp()


def _figure(goods: _Goods, alone: float, one: Bought, two: Bought) -> dict[str, Any]:
    model, kind = goods.key
    return {
        "model": model,
        "file": kind,
        "rows": goods.rows,
        "runtime_rows_per_second": round(goods.rows / alone),
        "order_seconds": round(one.order, 3),
        "work_seconds": round(one.work, 3),
        "fetch_seconds": round(one.fetch, 3),
        "sale_rows_per_second": round(goods.rows / one.whole),
        "sale_ratio_to_runtime": round(alone / one.whole, 2),
        "work_ratio_to_runtime": round(alone / one.work, 2),
        "two_workers_seconds": round(two.work, 3),
        "two_workers_are": round(one.work / two.work, 2),
    }


def table(figures: list[dict[str, Any]]) -> str:
    """Return the figures as a table for a terminal."""
    names = f"{'model':<27}{'sold':<9}{'rows':>10}{'order s':>9}{'work s':>8}{'fetch s':>9}"
    lines = [f"{names}{'rows/s':>10}{'sale is':>9}{'work is':>9}{'two are':>9}"]
    lines += [
        f"{one['model']:<27}{one['file']:<9}{one['rows']:>10,}{one['order_seconds']:>9.2f}"
        f"{one['work_seconds']:>8.2f}{one['fetch_seconds']:>9.2f}"
        f"{one['sale_rows_per_second']:>10,}{one['sale_ratio_to_runtime']:>7.2f} ×"
        f"{one['work_ratio_to_runtime']:>7.2f} ×{one['two_workers_are']:>7.2f} ×"
        for one in figures
    ]
    return "\n".join(lines)
