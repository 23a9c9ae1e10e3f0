"""Pictures of figures, and the style that all pictures have. No display, no global state; a file is what is left."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

INK, GRID = "#1f2937", "#d1d5db"
COLOURS = ("#1d4ed8", "#c2410c", "#047857", "#7c3aed", "#b45309", "#0e7490", "#be123c")
"""Each at least 4.5 : 1 against white."""
STYLE: Any = {
    "font.size": 9,
    "axes.edgecolor": GRID,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.hashsalt": "stockwatch",
}
REPRODUCIBLE: Mapping[str, dict[str, Any]] = {"svg": {"Date": None}, "png": {"Software": None}}


def save(figure: Figure, path: Path) -> None:
    """Write a figure as the kind of file that its name says; the same figure gives the same bytes."""
    figure.savefig(path, metadata=REPRODUCIBLE.get(path.suffix.lstrip(".")), dpi=120)


def plot_backtest(replays: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Messages, availability and money per day of one or two replays (`workflows.backtest`), one column each."""
    with rc_context(STYLE):
        figure = Figure(figsize=(6.5 * len(replays), 7))  # placed by hand: a constrained layout differs in last digits
        panels = figure.subplots(3, len(replays), squeeze=False, sharey="row", sharex=True)
        figure.subplots_adjust(left=0.1 / len(replays), right=0.99, top=0.95, bottom=0.1, hspace=0.08, wspace=0.06)
        for column, (name, replay) in enumerate(replays.items()):
            days = replay["per_day"]
            dates = np.array([day["date"] for day in days], dtype="datetime64[D]")
            counts, rates, money = (panels[row][column] for row in range(3))
            counts.set_title(
                f"{name}: {replay['opened']:,} incidents, {replay['messages_per_day'] or 0:.1f} messages a day"
            )
            counts.bar(dates, [day["messages"] for day in days], color=GRID, label="messages")
            counts.plot(dates, [day["open"] for day in days], color=COLOURS[0], label="incidents open")
            _rates(rates, dates, days)
            currency = _money(money, dates, days)
            _date_axis(money, len(dates))
        for row, label in enumerate(("per day", "share of series", f"{currency or 'money'} a day")):
            panels[row][0].set_ylabel(label)
            if panels[row][0].get_legend_handles_labels()[0]:
                panels[row][0].legend(frameon=False, loc="best")
        save(figure, path)


def _rates(axes: Axes, dates: Any, days: Sequence[Mapping[str, Any]]) -> None:
    """In-stock rate as the systems say it, and as the shelf is estimated to be; a date without data is a gap."""
    for name, label, colour in (
        ("in_stock_rate", "in stock, by the systems", COLOURS[0]),
        ("osa_estimate", "on the shelf, estimated", COLOURS[1]),
    ):
        axes.plot(dates, [_gap(day[name]) for day in days], color=colour, label=label)


def _date_axis(axes: Axes, days: int) -> None:
    """Dates below a picture of some days, never hours."""
    locator = AutoDateLocator(minticks=max(min(5, days - 1), 1))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _money(axes: Axes, dates: Any, days: Sequence[Mapping[str, Any]]) -> str | None:
    """Money lost a day where an incident was open, and on top of it where none was; its currency, if it is only one."""
    currencies = {currency for day in days for name in ("money_caught", "money_missed") for currency in day[name]}
    if len(currencies) != 1:
        why = "several currencies: see the table" if currencies else "no price is known"
        axes.text(0.5, 0.5, why, transform=axes.transAxes, ha="center")
        return None
    currency: str = currencies.pop()
    caught, missed = ([day[name].get(currency, 0.0) for day in days] for name in ("money_caught", "money_missed"))
    axes.stackplot(dates, caught, missed, colors=(COLOURS[0], COLOURS[1]), labels=("in an incident", "in none"))
    return currency


def _gap(value: float | None) -> float:
    return float("nan") if value is None else value


def plot_timeline(told: Sequence[Mapping[str, Any]], first: dt.date, last: dt.date, since: dt.date) -> bytes:
    """Stock above, sales and expected demand below, one day each, as PNG. Days that nobody reported stay empty.

    `told` are the days of `workflows.timeline`, `since` is the day on which the item ran out.
    """
    kept = io.BytesIO()
    with rc_context(STYLE):
        timeline_figure(told, first, last, since).savefig(kept, format="png", metadata=REPRODUCIBLE["png"], dpi=110)
    return kept.getvalue()


def timeline_figure(told: Sequence[Mapping[str, Any]], first: dt.date, last: dt.date, since: dt.date) -> Figure:
    """The figure of `plot_timeline`."""
    dates = [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]
    by_date = {day["business_date"]: day for day in told}
    names = ("on_hand", "sold", "received", "expected")
    on_hand, sold, received, expected = (
        np.array([_number(by_date.get(date, {}).get(name)) for date in dates]) for name in names
    )
    axis = np.array(dates, dtype="datetime64[D]")
    figure = Figure(figsize=(7, 3.6))
    stock, sales = figure.subplots(2, 1, sharex=True)
    figure.subplots_adjust(left=0.09, right=0.985, top=0.93, bottom=0.13, hspace=0.24)
    stock.plot(axis, on_hand, color=COLOURS[0], label="on hand", drawstyle="steps-post")
    came = received > 0
    stock.plot(axis[came], on_hand[came], "^", color=COLOURS[2], markersize=5, label="received")
    sales.bar(axis, np.nan_to_num(sold), color="#93c5fd", label="sold")
    sales.plot(axis, expected, color=COLOURS[1], label="expected")
    for panel, words in ((stock, "units"), (sales, "units a day")):
        panel.set_ylim(bottom=0)  # once the data is there: before it, the top would stay where it is
        panel.axvspan(max(since, first), last + dt.timedelta(days=1), color="#fee2e2", zorder=0)
        panel.set_ylabel(words)
        panel.legend(loc="lower left", ncols=2, frameon=False, bbox_to_anchor=(0, 0.96))
    _date_axis(sales, len(dates))
    return figure


def _number(value: Any) -> float:
    return np.nan if value is None else float(value)
