"""The suite: which runs, in which order, and what they add up to."""

import json
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from augury.bench.load import Measured, measure
from augury.bench.processes import augury_server, peer_server
from augury.inference.manifest import Manifest, read_manifest
from augury.inference.model import Model

LOGISTIC = "credit-logistic-regression"
MODELS = (LOGISTIC, "credit-random-forest", "credit-catboost")
# `baseline` is the smallest free application with a plain function, as FastAPI's guide has it for a
# call that blocks; `on-loop` is the same on the event loop, the hardest one to beat.
CONTENDERS = ("augury", "baseline", "on-loop", "noop")
# The same sale with reasons, over HTTP; and finding the reasons alone, in this process.
EXPLAINING = ("augury", "explained", "runtime", "reasons")
CUSTOMERS = 8
MANY_ROWS = 1000
SOME_ROWS = 10  # the forest takes milliseconds to explain one


@dataclass(frozen=True, slots=True)
class Run:
    """One measurement: who, which model, how many connections and rows, for how long."""

    contender: str
    model: str
    connections: int
    rows: int
    seconds: int

    @property
    def setting(self) -> tuple[str, int, int]:
        """What has to be equal for two runs to be compared."""
        return (self.model, self.connections, self.rows)


def plan(seconds: int, repeat: int) -> list[Run]:
    """Return the runs in order; contenders take turns, so that a slow minute hits all of them."""
    runs = []
    for _ in range(repeat):
        for connections in (1, 32, 128):
            runs += [Run(who, LOGISTIC, connections, 1, seconds) for who in CONTENDERS]
        for model in MODELS[1:]:
            runs += [Run(who, model, 32, 1, seconds) for who in CONTENDERS[:3]]
        for model in MODELS:
            runs += [Run(who, model, 1, MANY_ROWS, seconds) for who in ("augury", "runtime")]
            runs += [Run(who, model, 1, SOME_ROWS, seconds) for who in EXPLAINING]
            runs += [Run(who, model, 8, 1, seconds) for who in EXPLAINING[:2]]
    return runs


def run(
    runs: list[Run], models_dir: Path, folder: Path, progress: Callable[[], None]
) -> list[dict[str, Any]]:
    """Carry out the runs and return a figure for each setting: medians, and ratios to the free."""
    manifests = {
        name: read_manifest((models_dir / name / "manifest.json").read_bytes()) for name in MODELS
    }
    found: dict[tuple[str, int, int], dict[str, list[Measured]]] = {}
    with ExitStack() as stack:
        augury, tokens = stack.enter_context(augury_server(folder, CUSTOMERS))
        peers = {
            name: stack.enter_context(peer_server(models_dir / name, folder)) for name in MODELS
        }
        for one in runs:
            explained = one.contender == "explained"
            body = _body(manifests[one.model], one.rows, explain=explained)
            if one.contender in {"runtime", "reasons"}:
                measured = _bare_runtime(manifests[one.model], models_dir / one.model, one)
            else:
                address = {
                    "augury": f"{augury}/v1/predictions",
                    "explained": f"{augury}/v1/predictions",
                    "baseline": f"{peers[one.model]}/predict",
                    "on-loop": f"{peers[one.model]}/predict-on-loop",
                    "noop": f"{peers[one.model]}/noop",
                }[one.contender]
                measured = measure(
                    address,
                    body,
                    tokens if one.contender in {"augury", "explained"} else [],
                    connections=one.connections,
                    seconds=one.seconds,
                    folder=folder,
                )
            found.setdefault(one.setting, {}).setdefault(one.contender, []).append(measured)
            progress()
    return [_figure(setting, by) for setting, by in found.items()]


def _body(manifest: Manifest, rows: int, *, explain: bool) -> bytes:
    row = {field.name: field.example for field in manifest.inputs}
    wish = {"explain": True} if explain else {}
    return json.dumps({"model": manifest.name, "inputs": [row] * rows} | wish).encode()


def _bare_runtime(manifest: Manifest, folder: Path, one: Run) -> Measured:
    """Measure the runtime alone, in this process, on the array that the requests would become."""
    model = Model(manifest, folder / manifest.artifact.file, 1)
    work = model.contributions if one.contender == "reasons" else model.predict
    codes = [
        float(field.categories.index(str(field.example))) if field.categories else field.example
        for field in manifest.inputs
    ]
    matrix = np.array([codes] * one.rows, dtype=np.float32)
    times = []
    end = time.perf_counter() + one.seconds
    while time.perf_counter() < end:
        started = time.perf_counter()
        work(matrix)
        times.append(time.perf_counter() - started)
    p50, p99 = np.percentile(times, [50, 99])
    return Measured(1 / statistics.mean(times), p50 * 1000, p99 * 1000)


def _figure(setting: tuple[str, int, int], by: dict[str, list[Measured]]) -> dict[str, Any]:
    model, connections, rows = setting
    figure: dict[str, Any] = {"model": model, "connections": connections, "rows": rows}
    for who, runs in by.items():
        figure[who] = {
            "rows_per_second": round(statistics.median(m.per_second for m in runs) * rows, 1),
            "p50_ms": round(statistics.median(m.p50_ms for m in runs), 3),
            "p99_ms": round(statistics.median(m.p99_ms for m in runs), 3),
        }
        if who != "augury":
            # Run against run of the same round, so that drift of the machine cancels out.
            ratios = [
                ours.per_second / theirs.per_second
                for ours, theirs in zip(by["augury"], runs, strict=True)
            ]
            figure[f"ratio_to_{who}"] = round(statistics.median(ratios), 2)
    return figure


def table(figures: list[dict[str, Any]]) -> str:
    """Return the figures as a table for a terminal."""
    names = f"{'model':<27}{'conn':>5}{'rows':>6}  {'who':<9}{'rows/s':>10}"
    lines = [f"{names}{'p50 ms':>9}{'p99 ms':>9}{'augury is':>11}"]
    for figure in figures:
        for who in (*CONTENDERS, *EXPLAINING[1:]):
            if who not in figure:
                continue
            told = figure[who]
            ratio = f"{figure[f'ratio_to_{who}']:.2f} ×" if who != "augury" else ""
            lines.append(
                f"{figure['model']:<27}{figure['connections']:>5}{figure['rows']:>6}  {who:<9}"
                f"{told['rows_per_second']:>10,.0f}{told['p50_ms']:>9.2f}{told['p99_ms']:>9.2f}"
                f"{ratio:>11}"
            )
    return "\n".join(lines)
