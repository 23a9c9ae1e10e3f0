"""A world as a folder that can be run: settings, partner files in their landing, and the truth beside them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from include.stockwatch.simulation.deliveries import Arrival, Defect, deliveries, plan, reports
from include.stockwatch.simulation.files.delimited import text
from include.stockwatch.simulation.master_files import master_files
from include.stockwatch.simulation.outlook import stream
from include.stockwatch.simulation.partners import PartnerFeed, partner_feeds
from include.stockwatch.simulation.settings_files import write_settings
from include.stockwatch.simulation.world import World

TABLES = ("truth", "dc_truth", "records", "complaints")


@dataclass(frozen=True)
class Written:
    """What a folder holds: files by order of arrival, master data first, and the defects among them."""

    folder: Path
    arrivals: Sequence[Arrival]
    defects: Sequence[Defect]


def write_world(world: World, folder: Path, *, defects: bool = True, history_days: int = 0) -> Written:
    """Write config/, landing/<feed>/ and truth/ into a folder.

    The folder serves as STOCKWATCH_HOME, its config/ as STOCKWATCH_CONFIG. Each file has the time of its arrival; the
    first `history_days` of a feed come in archives.
    """
    feeds = partner_feeds(world.network)
    masters = master_files(world, feeds)
    write_settings(folder / "config", world, feeds, masters)
    first = world.parameters.first_date
    known_at = dt.datetime.combine(first, dt.time(5, tzinfo=dt.UTC))
    arrivals = [
        Arrival(one.feed_id, first, known_at, f"{one.feed_id}_{first:%Y%m%d}.csv", one.content) for one in masters
    ]
    found: list[Defect] = []
    rng = stream(world.seed, "defects")
    for feed in feeds:
        came, wrong = _feed_files(world, feed, rng, history_days, defects=defects)
        arrivals += came
        found += wrong
    arrivals.sort(key=lambda one: (one.arrives_at, one.feed_id))
    for arrival in arrivals:
        _land(folder / "landing" / arrival.feed_id / arrival.file_name, arrival)
    _tell(folder / "truth", world, arrivals, found)
    return Written(folder, arrivals, found)


def _feed_files(
    world: World, feed: PartnerFeed, rng: np.random.Generator, history_days: int, *, defects: bool
) -> tuple[list[Arrival], list[Defect]]:
    told = list(reports(world.records, feed))
    wrong = plan(feed, history_days, len(told), rng) if defects else {}
    days = list(deliveries(feed, told, wrong, rng, history_days))
    return [one for arrivals, _ in days for one in arrivals], [defect for _, defect in days if defect]


def _land(path: Path, arrival: Arrival) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(arrival.content)
    at = arrival.arrives_at.timestamp()
    os.utime(path, (at, at))


def _tell(folder: Path, world: World, arrivals: Sequence[Arrival], defects: Sequence[Defect]) -> None:
    """The truth: tables, defects, the order of arrival, and what the world is made of."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in TABLES:
        pq.write_table(getattr(world, name), folder / f"{name}.parquet")
    header = [field.name for field in dataclasses.fields(Defect)]
    (folder / "defects.csv").write_bytes(text([header, *map(dataclasses.astuple, defects)]))
    came = [(one.arrives_at.isoformat(), one.feed_id, one.file_name, one.business_date) for one in arrivals]
    (folder / "arrivals.csv").write_bytes(text([("arrives_at", "feed_id", "file_name", "business_date"), *came]))
    made = {"seed": world.seed, **dataclasses.asdict(world.parameters)}
    (folder / "parameters.json").write_text(json.dumps(made, indent=2, default=str) + "\n", "utf-8")
