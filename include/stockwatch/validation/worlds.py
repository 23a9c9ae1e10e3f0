"""What a check finds in a simulated world, held against the world's truth: one row of figures for each world."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from include.stockwatch.domain.availability import EMPTY
from include.stockwatch.domain.columns import SERIES
from include.stockwatch.domain.thresholds import STANDARD
from include.stockwatch.simulation.world import WORLDS, World, simulate
from include.stockwatch.validation import detection
from include.stockwatch.validation.attribution import Attribution, attribution
from include.stockwatch.validation.dcs import dc_validation
from include.stockwatch.validation.masking import masked_demand
from include.stockwatch.validation.pictures import PLAIN, pictures
from include.stockwatch.validation.run_out_oracle import COPIES, with_true_risks
from include.stockwatch.validation.run_outs import announced_at, foresight

WARM_UP_DAYS = 56
BATCH_DAYS = 8
EVERY = 3
"""On other seeds one day in so many is judged: silent runs are days long."""
LIMIT, MIN_DAYS = STANDARD["run_out_probability"], PLAIN.thresholds.thresholds[0].min_days_of_supply or 0
"""From which probability on, and below how many days of supply, a series is at risk."""


def world_validation(name: str, seed: int = 1) -> dict[str, Any]:
    """All figures of one world, every day after a warm-up judged. Plain numbers and texts, fit for JSON."""
    world = simulate(WORLDS[name], seed)
    dates = _dates(world)
    table = _checked(world, dates)
    shown = _Shown(world, table, dates)
    causes, known = attribution(world, table), with_true_risks(world, table)
    return {
        "world": name,
        "seed": seed,
        "series_days": int(shown.known.sum()),
        "empty_share": float(shown.is_empty.mean()),
        "phantom_share": float(shown.is_phantom.mean()),
        **shown.phantoms(),
        **shown.stock_outs(),
        **shown.losses(),
        "causes_right": causes.right_share,
        "dc_causes_right": causes.dc_right_share,
        "confusion": _confusion(causes),
        **_run_outs(world, table, known),
        "demand": masked_demand(world, dates[:: max(len(dates) // 4, 1)], seed),
        "dcs": dc_validation(world, table, known, LIMIT, MIN_DAYS),
    }


def phantom_validation(name: str, seed: int) -> dict[str, Any]:
    """The figures of phantom stock in a world, as `world_validation` gives them, one day in `EVERY` judged."""
    world = simulate(WORLDS[name], seed)
    dates = _dates(world)[::EVERY]
    shown = _Shown(world, _checked(world, dates), dates)
    return {"world": name, "seed": seed, "phantom_share": float(shown.is_phantom.mean()), **shown.phantoms()}


def _dates(world: World) -> list[dt.date]:
    """The days after the warm-up."""
    first = world.parameters.first_date
    return [first + dt.timedelta(days=n) for n in range(WARM_UP_DAYS, world.parameters.days)]


def _checked(world: World, dates: Sequence[dt.date]) -> pa.Table:
    """The availability table of some dates."""
    return pa.concat_tables(
        pictures(world, dates[start : start + BATCH_DAYS]) for start in range(0, len(dates), BATCH_DAYS)
    )


def _run_outs(world: World, table: pa.Table, known: pa.Table) -> dict[str, Any]:
    """Run-outs announced, and Brier scores: ours, the oracle's and that of the days-of-supply rule."""
    seen = foresight(world, table, LIMIT, MIN_DAYS)
    return {
        "run_outs": seen.run_outs,
        "run_outs_announced": seen.announced_share,
        "announcements_right": seen.precision,
        "oracle_announced": announced_at(world, known, seen.precision),
        "announced_at_half": announced_at(world, table, 0.5),
        "oracle_announced_at_half": announced_at(world, known, 0.5),
        "run_out_brier": seen.brier,
        "oracle_run_out_brier": foresight(world, known, LIMIT, MIN_DAYS, draws=COPIES).brier,
        "rule_brier": seen.rule_brier,
    }


class _Shown:
    """Judged series-days as flat arrays: what is true, what the check says, what others would."""

    def __init__(self, world: World, table: pa.Table, dates: Sequence[dt.date]) -> None:
        panel = detection.panel(world.truth)
        days = [panel.dates.index(date) for date in dates]
        table = table.rename_columns(["as_of" if name == "business_date" else name for name in table.column_names])
        status = table["status"].to_pylist()
        table = table.select(["as_of", *SERIES, "p_phantom", "lost_units_today"])
        table = table.append_column("is_called", pa.array([float(one in EMPTY) for one in status]))
        table = table.append_column("is_out", pa.array([float(one == EMPTY[0]) for one in status]))

        def on_days(name: str) -> detection.Array:
            return detection.on_days(panel, table, name, dates)

        called = on_days("is_called")
        self.known = np.isfinite(called) & np.isfinite(panel.record[:, days])
        kept = self.known
        self.is_called, self.is_out = called[kept] > 0, on_days("is_out")[kept] > 0
        self.p_phantom = np.nan_to_num(on_days("p_phantom")[kept])
        self.lost_said = np.nan_to_num(on_days("lost_units_today")[kept])
        self.lost = np.nan_to_num(panel.lost[:, days][kept])
        self.is_phantom, self.is_empty = panel.is_phantom[:, days][kept], panel.is_empty[:, days][kept]
        self.scores = {
            "ours": self.p_phantom,
            "run_rule": detection.run_rule(panel)[:, days][kept],
            "plain_filter": detection.plain_filter(panel)[:, days][kept],
            "oracle": detection.oracle(panel, world.parameters.dispersion)[:, days][kept],
        }

    def phantoms(self) -> dict[str, Any]:
        """Average precision and precision at half recall of four scores, and how well ours is calibrated."""
        return {
            "average_precision": {
                name: detection.average_precision(score, self.is_phantom) for name, score in self.scores.items()
            },
            "precision_at_half": {
                name: detection.precision_at_recall(score, self.is_phantom) for name, score in self.scores.items()
            },
            "phantom_brier": detection.brier(self.p_phantom, self.is_phantom),
            "reliability": [vars(one) for one in detection.reliability(self.p_phantom, self.is_phantom)],
        }

    def stock_outs(self) -> dict[str, Any]:
        """Empty days found, false alarms, and the best that the oracle's probabilities would allow."""
        alarms = detection.alarms(self.is_called, self.is_empty)
        best = detection.best_recall(self.scores["oracle"], self.is_out, self.is_empty)
        return {
            "recall": alarms.recall,
            "false_per_thousand": alarms.false_per_thousand,
            "oracle_recall": best.recall,
            "records_alone_recall": detection.alarms(self.is_out, self.is_empty).recall,
        }

    def losses(self) -> dict[str, Any]:
        """Units said to be lost against those that were: on days called out, and over all days."""
        on_called = float(self.lost[self.is_called].sum())
        return {
            "lost_units": float(self.lost.sum()),
            "lost_units_bias_called": float(self.lost_said[self.is_called].sum() / on_called - 1)
            if on_called
            else None,
            "lost_units_bias": float(self.lost_said.sum() / self.lost.sum() - 1) if self.lost.sum() else None,
        }


def _confusion(causes: Attribution) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (true, named), count in sorted(causes.confusion.items(), key=lambda pair: (str(pair[0][0]), str(pair[0][1]))):
        found.setdefault(str(true), {})[str(named)] = count
    return found
