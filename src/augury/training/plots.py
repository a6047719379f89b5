"""Small pictures for a card, the same to the byte for the same numbers."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from augury.inference.manifest import CalibrationBin
from augury.training.effects import Effect

INK, FAINT = "#1f4e79", "#9aa5b1"
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "augury",
    "svg.fonttype": "none",  # text stays text: a fifth of the size, and searchable
    "font.size": 8.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def calibration(curve: list[CalibrationBin], path: Path) -> None:
    """Write the calibration curve as SVG: predicted against observed rate of default."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.2, 4.0), layout="constrained")
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle="--")
        predicted, observed = [c.predicted for c in curve], [c.observed for c in curve]
        axes.plot(predicted, observed, color=INK, marker="o", markersize=4, linewidth=1.2)
        axes.set(xlabel="predicted probability of default", ylabel="observed rate of default")
        axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
        save(figure, path)


def partial_dependence(shown: list[Effect], path: Path) -> None:
    """Write the average effect of every field as SVG, one small panel each, one common scale."""
    with mpl.rc_context({**STYLE, "font.size": 6.5}):
        figure = Figure(figsize=(8.4, 6.2), layout="constrained")
        panels = figure.subplots(3, 4, sharey=True).ravel()
        for axes, effect in zip(panels, shown, strict=False):
            if effect.field.categories:
                places = np.arange(len(effect.values))
                axes.bar(places, effect.average, color=INK, width=0.6)
                labels = [name[:8].lower() for name in effect.field.categories]
                axes.set_xticks(places, labels, rotation=45, ha="right")
            else:
                axes.plot(effect.values, effect.average, color=INK, linewidth=1.2)
                axes.locator_params(axis="x", nbins=3)
            axes.set_title(effect.field.name, fontsize=7)
        for axes in panels[len(shown) :]:
            axes.set_axis_off()
        panels[0].locator_params(axis="y", nbins=4)
        figure.supylabel("average probability of default")
        save(figure, path)


def save(figure: Figure, path: Path) -> None:
    """Write a figure as SVG, without the moment it was made."""
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
