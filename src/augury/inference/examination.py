"""What the child of the quarantine does: gives up its rights, opens the artefact, tries it.

Run as `python -m augury.inference.examination` in a folder with the artefact and `.task`. Answers
with one JSON document on standard output: a verdict, or the key and values of what is wrong.
"""

import importlib
import os
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from augury.inference import sandbox
from augury.inference.manifest import BadModel, Manifest
from augury.kit.decoding import decode
from augury.risk.series import NO_MARKETS

TASK, ANSWER, ERRORS = ".task", ".answer", ".errors"
_LONGEST_VALUE = 500
# How libraries say that there was no memory left.
OUT_OF_MEMORY = (
    b"bad_alloc",
    b"MemoryError",
    b"Cannot allocate memory",
    b"Failed to allocate memory",
    b"out of memory",
)
# What libraries look for at their first use, when it may be out of reach.
_LOADED_EARLY = ("encodings.ascii", "encodings.idna", "encodings.latin_1", "numpy.random")
# The share of the time that is left to the dry run; the rest is for loading.
_FOR_TRIAL = 0.6


class Verdict(msgspec.Struct, frozen=True):
    """What the quarantine found about a model that passed. Notes are keys of `models.po`."""

    runtime: str
    artifact_bytes: int
    nodes: int | None  # of an ONNX graph
    self_test_error: float
    latency_ms_one_row: float
    latency_ms_per_row_of_thousand: float
    memory_mb_peak: float  # beyond what the libraries take
    rows_tried: int
    reasons_ms_one_row: float | None
    seconds: float
    notes: list[str]


class Refused(msgspec.Struct, frozen=True):
    """Why a model is bad: a key of `models.po` and what its sentence needs."""

    key: str
    values: dict[str, str]


class Task(msgspec.Struct, frozen=True):
    """What the parent asks for."""

    manifest: Manifest
    memory_bytes: int
    seconds: int
    nodes: int


class Answer(msgspec.Struct, frozen=True):
    """What the child says: one of the two."""

    verdict: Verdict | None = None
    refused: Refused | None = None


def main() -> None:
    """Examine the model in the working folder and write the answer."""
    folder = Path.cwd()
    task = decode((folder / TASK).read_bytes(), Task)
    answer = _answer(folder, task)
    os.write(sys.stdout.fileno(), msgspec.json.encode(answer))
    # Libraries that tidy up at the end are not waited for.
    os._exit(0)


def _answer(folder: Path, task: Task) -> Answer:
    try:
        return Answer(verdict=_examined(folder, task))
    except BadModel as error:
        if not _is_about_memory(error):
            return Answer(refused=_refused(error.key, error.values))
    except MemoryError:
        pass
    return Answer(refused=_refused("quarantine_memory", {"megabytes": task.memory_bytes // 2**20}))


def _examined(folder: Path, task: Task) -> Verdict:
    started = time.monotonic()
    manifest = task.manifest
    remote = manifest.runtime == "remote"
    notes = sandbox.enter(folder, network=remote)
    # Only now, because these start threads; by name, because graphs are looked at for ONNX only.
    graphs: Any = _loaded("graphs") if manifest.runtime == "onnx" else None
    models, families, dry_run = _loaded("model"), _loaded("documents"), _loaded("dry_run")
    for name in _LOADED_EARLY:
        importlib.import_module(name)
    notes += sandbox.settle(folder, memory_bytes=task.memory_bytes, seconds=task.seconds)
    at_first = sandbox.peak_bytes()
    # By its bare name, so that no message tells where it lies.
    artifact = Path(manifest.artifact.file)
    try:
        nodes = graphs.check(artifact, task.nodes) if graphs is not None else None
        if manifest.runtime in families.DOCUMENTS:
            model = families.DOCUMENTS[manifest.runtime](manifest, artifact, NO_MARKETS)
            trial = dry_run.tried_documents(model)
        else:
            model = models.Model(manifest, artifact, 1)
            trial = dry_run.tried(model, task.seconds * _FOR_TRIAL)
    except (BadModel, MemoryError):
        raise
    except Exception as error:  # whatever a library throws at a file like this
        raise BadModel("quarantine_load", error=error) from error
    if any(f.type != "category" and None in (f.minimum, f.maximum) for f in manifest.inputs):
        notes.append("note_no_limits")
    return Verdict(
        runtime=manifest.runtime,
        artifact_bytes=manifest.artifact.bytes,
        nodes=nodes,
        self_test_error=trial.self_test_error,
        latency_ms_one_row=round(trial.latency_ms_one_row, 4),
        latency_ms_per_row_of_thousand=round(trial.latency_ms_per_row_of_thousand, 5),
        memory_mb_peak=round((sandbox.peak_bytes() - at_first) / 2**20, 1),
        rows_tried=trial.rows,
        reasons_ms_one_row=trial.reasons_ms_one_row and round(trial.reasons_ms_one_row, 4),
        seconds=round(time.monotonic() - started, 2),
        notes=notes,
    )


def _loaded(name: str) -> Any:
    return importlib.import_module(f"augury.inference.{name}")


def _is_about_memory(error: BadModel) -> bool:
    told = str(error.values.get("error", "")).encode()
    return any(mark in told for mark in OUT_OF_MEMORY)


def _refused(key: str, values: dict[str, object]) -> Refused:
    return Refused(key, {name: _readable(str(value)) for name, value in values.items()})


def _readable(text: str) -> str:
    """Return a text from a file or a library cut, and without what no screen should be sent."""
    return "".join(
        letter if letter.isprintable() else " " for letter in text[:_LONGEST_VALUE]
    ).strip()


if __name__ == "__main__":
    main()
