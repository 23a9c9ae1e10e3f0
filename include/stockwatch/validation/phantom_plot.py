"""The picture of the phantom validation: is a probability what it says, and how does the ranking compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from include.stockwatch.adapters.plots import COLOURS, GRID, INK, STYLE, save
from include.stockwatch.validation.report import pooled_reliability

SCORES = {"ours": "check", "oracle": "oracle", "plain_filter": "filter", "run_rule": "run rule"}


def plot_phantoms(worlds: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Reliability of all worlds together, and average precision of each world by score."""
    with rc_context(STYLE):
        figure = Figure(figsize=(12, 5))
        said_axes, score_axes = figure.subplots(1, 2, width_ratios=(1, 1.4))
        figure.subplots_adjust(left=0.06, right=0.99, top=0.92, bottom=0.14, wspace=0.16)
        bins = pooled_reliability(worlds)
        said_axes.plot([0, 1], [0, 1], color=GRID)
        said_axes.plot([one[3] for one in bins], [one[4] for one in bins], "o-", color=COLOURS[0])
        for _, _, days, said, seen in bins:
            said_axes.annotate(f"{days:,}", (said, seen), (4, -12), textcoords="offset points", fontsize=7, color=INK)
        said_axes.set_xlabel("probability said (with series-days)")
        said_axes.set_ylabel("share of days with an empty shelf")
        said_axes.set_title("Phantom stock: said against observed")
        places = np.arange(len(worlds))
        for number, (score, label) in enumerate(SCORES.items()):
            heights = [world["average_precision"][score] for world in worlds]
            score_axes.bar(places + (number - 1.5) * 0.2, heights, 0.2, color=COLOURS[number], label=label)
        score_axes.set_xticks(places, [f"{world['world']}" for world in worlds], rotation=15)
        score_axes.set_ylabel("average precision")
        score_axes.set_title("Phantom days ranked")
        score_axes.margins(y=0.15)  # room for the legend
        score_axes.legend(frameon=False, ncols=4, loc="upper right")
        save(figure, path)
