"""What is measured of batches is a real sale: sent, made by a worker, paid and fetched."""

from pathlib import Path

import pytest

from augury.bench import batch_sales, processes
from augury.settings import Settings
from support.houses import free_port

MODEL = "credit-logistic-regression"


def test_one_worker_and_two_sell_the_same_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_START_SECONDS", 120)
    monkeypatch.setattr(processes, "_free_port", free_port)
    monkeypatch.setattr(batch_sales, "_SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(batch_sales, "KINDS", ("csv",))
    monkeypatch.setattr(batch_sales, "_BARE_SECONDS", 0.0)
    done: list[None] = []
    figures = batch_sales.run(
        [MODEL],
        Settings().models_dir,
        tmp_path,
        rows=300,
        repeat=1,
        progress=lambda: done.append(None),
    )
    assert [(one["model"], one["file"], one["rows"]) for one in figures] == [(MODEL, "csv", 300)]
    assert len(done) == len(figures) * len(batch_sales.WORKERS)
    for one in figures:
        whole = one["order_seconds"] + one["work_seconds"] + one["fetch_seconds"]
        assert one["sale_rows_per_second"] == pytest.approx(300 / whole, rel=0.1, abs=1)
    assert (tmp_path / "results.csv").read_text().count("\n") == 301
    assert len(batch_sales.table(figures).splitlines()) == 2
