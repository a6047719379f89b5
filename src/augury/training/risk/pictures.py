"""Three pictures of a record: reliability, coverage by year, and what hedges kept."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from augury.inference import judging
from augury.training.plots import FAINT, INK, STYLE, save
from augury.training.risk.backtest import MONTH, Record
from augury.training.risk.measures import coverage_by_year
from augury.training.risk.walk import MODEL, QUANTILES

NAMES = ("reliability.svg", "coverage.svg", "hedges.svg")
_EVENTS = ("decline", "loss over 5 %", "loss over 10 %")
_COLOURS = (FAINT, INK, "#b5482a")
# Two standard deviations: nineteen of twenty years of an oracle.
_BAND = 2


def draw(record: Record, folder: Path) -> None:
    """Write the pictures as SVG into a folder."""
    with mpl.rc_context(STYLE):
        for name, picture in zip(NAMES, (_reliability, _coverage, _hedges), strict=True):
            save(picture(record), folder / name)


def _reliability(record: Record) -> Figure:
    judged = record.judged[MONTH]
    figure = Figure(figsize=(4.2, 4.0), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 0.6], [0, 0.6], color=FAINT, linewidth=1, linestyle="--")
    chances = judged.answers[MODEL].chances
    for event, (name, colour) in enumerate(zip(_EVENTS, _COLOURS, strict=True)):
        curve = judging.calibration(chances[:, event], judged.events[:, event].astype(np.int64))
        predicted, observed = ([getattr(b, f) for b in curve] for f in ("predicted", "observed"))
        axes.plot(predicted, observed, color=colour, marker="o", markersize=3, label=name)
    axes.set(xlabel="predicted probability, 21 days", ylabel="observed share")
    axes.set(xlim=(0, 0.6), ylim=(0, 0.6), aspect="equal")
    axes.legend(frameon=False)
    return figure


def _coverage(record: Record) -> Figure:
    found = coverage_by_year(record.judged[MONTH])
    years, shares = list(found), np.array(list(found.values()))
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.subplots()
    for number, level in enumerate(QUANTILES):
        spread = _BAND * float(record.luck.spread[number])
        axes.axhspan(100 * (level - spread), 100 * (level + spread), color=FAINT, alpha=0.18, lw=0)
        axes.axhline(100 * level, color=FAINT, linewidth=0.8, linestyle="--")
        axes.plot(years, 100 * shares[:, number], color=INK, marker="o", markersize=3, linewidth=1)
    axes.set(ylabel="outcomes below the stated quantile, %", ylim=(0, 100))
    axes.set_xticks(years)
    axes.set_yticks(100 * QUANTILES)
    return figure


def _hedges(record: Record) -> Figure:
    figure = Figure(figsize=(4.2, 4.0), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 50], [0, 50], color=FAINT, linewidth=1, linestyle="--")
    promised, realised = (100 * one for one in record.hedged)
    axes.scatter(promised, realised, color=INK, s=12)
    for name, x, y in zip(record.assets, promised, realised, strict=True):
        axes.annotate(name, (x, y), fontsize=5.5, xytext=(2, 2), textcoords="offset points")
    axes.set(xlabel="promised cut of volatility, %", ylabel="realised cut, %")
    axes.set(xlim=(0, 50), ylim=(-5, 50))
    return figure
