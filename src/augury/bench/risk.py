"""Investment risk: what a question costs, paid and over HTTP, and what batches of them come to."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from augury.bench.processes import augury_server
from augury.client import Client
from augury.inference.asking import Asked
from augury.inference.documents import DOCUMENTS
from augury.inference.documents.protocol import DocumentModel
from augury.inference.manifest import read_manifest
from augury.kit.texts import LANGUAGES
from augury.risk.series import Indicator, Series

RISK, PORTFOLIO = "investment-risk", "investment-portfolio"
_TIMES = 40
_SEED = 11
_ASSETS, _DAYS = 500, 2600
_FIRST_DAY = 16_000
_OWN_POINTS = 10_000


class _Market:
    """Made-up assets that move with an index."""

    def __init__(self) -> None:
        chance = np.random.default_rng(_SEED)
        index = chance.normal(0.0003, 0.01, _DAYS)
        betas = chance.uniform(0.3, 1.7, _ASSETS)
        own = chance.normal(0, 0.015, (_ASSETS, _DAYS))
        days = np.arange(_FIRST_DAY, _FIRST_DAY + _DAYS, dtype=np.int32)
        self._prices = {"SP500": Series(days, 1000 * np.exp(np.cumsum(index)))}
        for number, beta in enumerate(betas):
            closes = 50 * np.exp(np.cumsum(beta * index + own[number]))
            self._prices[f"A{number}"] = Series(days, closes)

    def prices(self, symbol: str) -> Series | None:
        return self._prices.get(symbol)

    def indicator(self, name: str) -> Indicator | None:  # noqa: ARG002 -- none is known
        return None

    def symbols(self) -> list[str]:
        return sorted(self._prices)

    def nearest(self, symbol: str, most: int = 3) -> list[str]:  # noqa: ARG002 -- none is asked for
        return []


def run(
    models_dir: Path, folder: Path, *, rows: int, progress: Callable[[], None]
) -> list[dict[str, Any]]:
    """Return a figure for each kind of question; every one of them is answered in full."""
    figures = []
    market = _Market()
    risk, portfolio = (_opened(models_dir / name, market) for name in (RISK, PORTFOLIO))
    figures.append(_batch(risk, market, rows))
    progress()
    held = [{"symbol": f"A{n}", "weight": 1 / _ASSETS} for n in range(_ASSETS)]
    figures.append(_alone(portfolio, f"portfolio of {_ASSETS} assets", {"positions": held}))
    progress()
    for figure in _sold(folder):
        figures.append(figure)
        progress()
    return figures


KINDS = 6


def table(figures: list[dict[str, Any]]) -> str:
    """Return the figures for people."""
    lines = [f"{'':46}{'median ms':>12}{'worst ms':>12}{'a second':>12}"]
    lines += [
        f"{one['question']:46}{one['median_ms']:12,.2f}{one['worst_ms']:12,.2f}{one['rate']:12,.0f}"
        for one in figures
    ]
    return "\n".join(lines)


def _opened(folder: Path, market: _Market) -> DocumentModel:
    manifest = read_manifest((folder / "manifest.json").read_bytes())
    family = DOCUMENTS[manifest.runtime]
    return family(manifest, folder / manifest.artifact.file, market)


def _batch(model: DocumentModel, market: _Market, rows: int) -> dict[str, Any]:
    """Answer rows as a batch does, a chunk at a time, from the cells to the bytes of results."""
    chance = np.random.default_rng(_SEED)
    symbols = chance.choice(market.symbols(), rows)
    days = np.datetime64("1970-01-01") + chance.integers(
        _FIRST_DAY + 100, _FIRST_DAY + _DAYS, rows
    ).astype("timedelta64[D]")
    horizons = chance.choice([5, 21, 63], rows)
    asked = [
        {"symbol": str(symbol), "as_of": str(day), "horizon_days": int(horizon)}
        for symbol, day, horizon in zip(symbols, days, horizons, strict=True)
    ]
    started, size = time.perf_counter(), 20_000
    for start in range(0, rows, size):
        documents, faulty = model.sift(asked[start : start + size])
        answers = model.answers(documents, LANGUAGES[0])
        if faulty or not all(isinstance(one, dict) for one in answers):
            message = "a question of the benchmark was refused"
            raise RuntimeError(message)
        msgspec.json.encode(answers)
    seconds = time.perf_counter() - started
    return _figure(f"batch of {rows:,} questions, one core", [seconds / rows])


def _alone(model: DocumentModel, name: str, *rows: dict[str, Any]) -> dict[str, Any]:
    raw = msgspec.json.encode(rows)
    seconds = []
    for _ in range(_TIMES // 4 + 1):
        started = time.perf_counter()
        asked = Asked(model.read(raw), raw, explain=False, language=LANGUAGES[0])
        msgspec.json.encode(model.answer(asked))
        seconds.append(time.perf_counter() - started)
    return _figure(name, seconds[1:])


def _sold(folder: Path) -> list[dict[str, Any]]:
    """Buy questions from a server of its own, over HTTP, each paid and stored durably."""
    chance = np.random.default_rng(_SEED)
    closes = 100 * np.exp(np.cumsum(chance.normal(0, 0.012, _OWN_POINTS)))
    days = np.datetime64("1990-01-01") + np.arange(_OWN_POINTS).astype("timedelta64[D]")
    own = [
        {"date": str(day), "close": round(float(close), 4)}
        for day, close in zip(days, closes, strict=True)
    ]
    held = [{"symbol": name, "weight": 0.25} for name in ("AAPL", "JPM", "KO", "XOM")]
    asked: dict[str, tuple[str, dict[str, Any]]] = {
        "sold: one symbol": (RISK, {"symbol": "AAPL"}),
        "sold: own history of 250 closes": (RISK, {"prices": own[-250:]}),
        f"sold: own history of {_OWN_POINTS:,} closes": (RISK, {"prices": own}),
        "sold: portfolio of 4 symbols": (PORTFOLIO, {"positions": held}),
    }
    with (
        augury_server(folder, 1) as (address, tokens),
        Client(address, token=tokens[0]) as client,
    ):
        return [_bought(client, name, *question) for name, question in asked.items()]


def _bought(client: Client, name: str, model: str, row: dict[str, Any]) -> dict[str, Any]:
    seconds = []
    for _ in range(_TIMES + 1):
        started = time.perf_counter()
        client.predict(model, [row])
        seconds.append(time.perf_counter() - started)
    return _figure(name, seconds[1:])


def _figure(name: str, seconds: list[float]) -> dict[str, Any]:
    median = statistics.median(seconds)
    return {
        "question": name,
        "median_ms": median * 1000,
        "worst_ms": max(seconds) * 1000,
        "rate": 1 / median,
        "times": len(seconds),
    }
