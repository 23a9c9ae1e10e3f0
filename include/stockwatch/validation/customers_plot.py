"""The picture of the customers validation: bias by world, gap by gap, and where the truth falls in the interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from include.stockwatch.adapters.plots import COLOURS, GRID, INK, STYLE, save


def plot_customers_validation(result: Mapping[str, Any], path: Path) -> None:
    """Three panels of what `customers_validation` returns."""
    with rc_context(STYLE):
        figure = Figure(figsize=(14, 5))  # placed by hand: a constrained layout differs in its last digits
        bias, gaps, places = figure.subplots(1, 3, width_ratios=(1.3, 1, 1))
        figure.subplots_adjust(left=0.19, right=0.99, top=0.92, bottom=0.17, wspace=0.22)
        _bias(bias, result["worlds"])
        _gaps(gaps, result["series"], result["ranking"])
        _places(places, result["coverage"])
        save(figure, path)


def _bias(axes: Axes, worlds: Sequence[Mapping[str, Any]]) -> None:
    """What the model says against what happened, with public defaults and with the world's own parameters."""
    shown = [world for world in worlds if world["bias"] is not None]
    height = np.arange(len(shown))[::-1]
    axes.axvspan(-0.45, 0.45, color=GRID, alpha=0.35, label="± 45 %")
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.barh(height, [w["bias"] for w in shown], color=COLOURS[0], height=0.6, label="public defaults")
    axes.plot(
        [w["oracle_bias"] for w in shown],
        height,
        "D",
        color=COLOURS[1],
        markersize=5,
        label="parameters known",
    )
    axes.set_yticks(height, [f"{w['world']}: {w['what']}" for w in shown])
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:+.0%}" if share else "0")
    axes.set_title("Customers lost: said against true")
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.4, -0.07), ncols=3)


def _gaps(axes: Axes, series: Sequence[Mapping[str, float]], ranking: Mapping[str, Any]) -> None:
    """Every gap of the matched world, averaged over replications."""
    true, said = (np.array([gap[name] for gap in series]) for name in ("true", "said"))
    seen = (true > 0) & (said > 0)
    ends = (min(true[seen].min(), said[seen].min()), max(true[seen].max(), said[seen].max()))
    axes.loglog(ends, ends, color=INK, linewidth=0.8)
    axes.scatter(true[seen], said[seen], s=14, color=COLOURS[0], alpha=0.7, linewidths=0)
    axes.set_xlabel("customers lost, true")
    axes.set_ylabel("customers lost, said")
    axes.set_title(f"Gap by gap (rank correlation {ranking['rank_correlation']:.2f})")


def _places(axes: Axes, coverage: Mapping[str, Any]) -> None:
    """Where the truth falls among the quantiles said: level if the uncertainty is right."""
    places = np.array(coverage["places"])
    middles = np.arange(0.05, 1, 0.1)
    axes.bar(middles, places / places.sum(), width=0.09, color=COLOURS[0])
    axes.axhline(0.1, color=INK, linewidth=0.8)
    axes.set_xlabel("place of the truth among the quantiles said")
    axes.set_ylabel("share of draws")
    axes.set_title(f"80 % interval holds {coverage['covered']['80']:.0%} of {coverage['draws']} draws")
