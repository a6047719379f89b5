"""Batches against the bare runtime: what a row of a file costs, from the file to the results."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq

from augury.bench.bare import bare_of
from augury.files.local import LocalStore
from augury.files.rows import survey
from augury.inference.manifest import BadModel, InputField, Manifest, Spread, read_manifest
from augury.inference.model import Model
from augury.predictions.batch_scoring import results_of, score

KINDS = ("csv", "parquet")
_SEED = 9
# Numbers from here on are written without digits behind the point.
_LARGE = 1000
_MOST_BYTES = 2**40


def run(
    names: Sequence[str],
    models_dir: Path,
    folder: Path,
    *,
    rows: int,
    repeat: int,
    progress: Callable[[], None],
) -> list[dict[str, Any]]:
    """Return a figure for each model and kind of file: rows a second of both, and the ratio.

    All of it in this process and in one thread; of some runs that take turns the fastest counts.
    """
    figures = []
    for name in names:
        manifest = read_manifest((models_dir / name / "manifest.json").read_bytes())
        artifact = models_dir / name / manifest.artifact.file
        model, matrix = Model(manifest, artifact, 1), applicants(manifest, rows)
        bare = bare_of(manifest, artifact, matrix)
        store = LocalStore(folder / "store")
        for kind in KINDS:
            path = write_file(folder / f"applicants.{kind}", manifest, matrix)
            works = bare, partial(_batch, path, model, store)
            alone, paid = fastest(works, repeat)
            figures.append(
                {
                    "model": name,
                    "file": kind,
                    "rows": rows,
                    "runtime_rows_per_second": round(rows / alone),
                    "batch_rows_per_second": round(rows / paid),
                    "ratio_to_runtime": round(alone / paid, 2),
                }
            )
            progress()
    return figures


def table(figures: list[dict[str, Any]]) -> str:
    """Return the figures as a table for a terminal."""
    lines = [
        f"{'model':<27}{'file':<9}{'rows':>9}{'batch rows/s':>14}{'runtime':>12}{'batch is':>10}"
    ]
    lines += [
        f"{one['model']:<27}{one['file']:<9}{one['rows']:>9,}{one['batch_rows_per_second']:>14,}"
        f"{one['runtime_rows_per_second']:>12,}{one['ratio_to_runtime']:>8.2f} ×"
        for one in figures
    ]
    return "\n".join(lines)


def _batch(path: Path, model: Model, store: LocalStore) -> None:
    """Do what is done with a file from its upload to its results, but for the money."""
    plan = survey(path)
    scored = [
        score(path, plan.form, mark, model, explain=False, language="en") for mark in plan.marks
    ]
    assert sum(one.succeeded for one in scored) == plan.rows  # noqa: S101 -- all rows are good
    results = results_of(plan.form, model.manifest, explain=False)
    store.put(results.joined(one.part for one in scored), _MOST_BYTES)


def fastest(works: Sequence[Callable[[], object]], repeat: int) -> list[float]:
    """Return the seconds that each of some works takes at least; they take turns."""
    seconds = [float("inf")] * len(works)
    for _ in range(repeat):
        for place, work in enumerate(works):
            started = time.perf_counter()
            work()
            seconds[place] = min(seconds[place], time.perf_counter() - started)
    return seconds


def applicants(manifest: Manifest, rows: int) -> npt.NDArray[np.float32]:
    """Return rows that are spread as the model's training rows were, as a matrix."""
    if manifest.reference is None:
        raise BadModel("reference_rows", name=manifest.name, faults="")
    random = np.random.default_rng(_SEED)
    spreads = manifest.reference.fields
    columns = [_column(field, spreads[field.name], rows, random) for field in manifest.inputs]
    return np.ascontiguousarray(np.array(columns, np.float32).T)


def _column(
    field: InputField, spread: Spread, rows: int, random: np.random.Generator
) -> npt.NDArray[np.float64]:
    shares = np.array(spread.shares) / sum(spread.shares)
    bins = random.choice(len(shares), rows, p=shares).astype(np.float64)
    if spread.edges is not None:
        edges = np.array([spread.edges[0] / 2, *spread.edges, spread.edges[-1] * 1.5])
        places = bins.astype(np.intp)
        whole = field.type == "integer" or edges[-1] > _LARGE
        bins = np.round(random.uniform(edges[places], edges[places + 1]), 0 if whole else 2)
        bins = np.clip(bins, field.minimum, field.maximum)
    if field.nullable:
        bins[random.random(rows) < spread.missing] = np.nan
    return bins


def write_file(path: Path, manifest: Manifest, matrix: npt.NDArray[np.float32]) -> Path:
    """Write rows as a file that a customer could send, in the format of its suffix."""
    columns = {
        field.name: _cells(field, matrix[:, place]) for place, field in enumerate(manifest.inputs)
    }
    if path.suffix == ".csv":
        options = pc_csv.WriteOptions(quoting_style="none")
        pc_csv.write_csv(pa.table(columns), path, options)
    else:
        pq.write_table(pa.table(columns), path)
    return path


def _cells(field: InputField, values: npt.NDArray[np.float32]) -> pa.Array:
    missing = np.isnan(values)
    if field.categories is not None:
        words = pa.array(field.categories)
        return words.take(pa.array(np.nan_to_num(values).astype(np.int32), mask=missing))
    # As short as they were before they became floats of 32 bits.
    numbers = np.round(values.astype(np.float64), 2)
    if (np.floor(numbers[~missing]) == numbers[~missing]).all():
        return pa.array(np.nan_to_num(numbers).astype(np.int64), mask=missing)
    return pa.array(numbers, mask=missing)
