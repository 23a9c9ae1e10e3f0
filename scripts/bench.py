"""Speed as ratios, measured side by side in one run: what the machine does elsewhere hits both sides alike.

Every figure is the median of some runs after a warm-up; sizes are arguments. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import datetime as dt
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import ibis
import numpy as np
import pandas as pd

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

from include.stockwatch.domain.availability import CheckSettings, availability  # noqa: E402
from include.stockwatch.domain.columns import OBSERVATIONS  # noqa: E402
from include.stockwatch.domain.daily import daily, looking_back  # noqa: E402
from include.stockwatch.domain.reported import AbsentMeans  # noqa: E402
from include.stockwatch.settings.loader import load  # noqa: E402
from include.stockwatch.workflows.ingest import ingest_file  # noqa: E402
from include.stockwatch.workflows.services import Services  # noqa: E402

DATE = dt.date(2026, 11, 1)
DAYS = 56


def median_seconds(run: Callable[[], object], times: int) -> float:
    """Median duration of some runs, after one that does not count."""
    run()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        run()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def observed(series: int) -> pd.DataFrame:
    """Random observations of every series on every day of the look-back, in stores of 200 items."""
    random = np.random.default_rng(1)
    rows = series * DAYS
    number = np.repeat(np.arange(series), DAYS)
    stock = random.poisson(6, rows).astype(float)
    stock[random.random(rows) < 0.06] = 0
    dates = pd.to_datetime([DATE - dt.timedelta(days=n) for n in range(DAYS)])
    return pd.DataFrame(
        {
            "feed_id": "bench",
            "business_date": np.tile(dates, series),
            "partner": "bench",
            "location_id": (number // 200).astype(str),
            "item_id": (number % 200).astype(str),
            "on_hand_units": stock,
            "units_sold": random.poisson(1.2, rows).astype(float),
            "price": 4.5,
            "category": "Snacks",
        }
    )


HAND_WRITTEN = """
SELECT partner, location_id, item_id,
       max(business_date) AS last_seen,
       arg_max(on_hand_units, business_date) AS on_hand,
       max(business_date) FILTER (on_hand_units > 0) AS last_in_stock,
       max(business_date) FILTER (units_sold > 0) AS last_sale,
       sum(power(0.97, date_diff('day', business_date, DATE '2026-11-01')) * units_sold)
           FILTER (on_hand_units > 0) AS a,
       sum(power(0.97, date_diff('day', business_date, DATE '2026-11-01')))
           FILTER (on_hand_units > 0) AS b
FROM observations GROUP BY ALL
"""


def bench_check(series: int, times: int) -> None:
    """The check of one date against a hand-written query of its core, and against plain pandas."""
    frame = observed(series)
    settings = load(PROJECT / "include" / "config")
    engine = ibis.duckdb.connect()
    engine.con.register("frame", frame)
    engine.con.execute(
        "CREATE TABLE observations AS SELECT * REPLACE (business_date::DATE AS business_date) FROM frame"
    )
    table = engine.table("observations")
    full = table.mutate(**{n: ibis.null(t) for n, t in OBSERVATIONS.items() if n not in table.columns}).cast(
        OBSERVATIONS
    )
    came = ibis.memtable({"feed_id": ["bench"], "business_date": [DATE]})
    rows = daily(full, came, {"bench": AbsentMeans.UNKNOWN}, DATE - dt.timedelta(days=DAYS - 1), DATE)
    expression = availability(looking_back(rows, [DATE], DAYS), settings.thresholds, CheckSettings(), 90)
    raw = engine.con

    def in_pandas() -> pd.DataFrame:
        weight = 0.97 ** (pd.Timestamp(DATE) - frame.business_date).dt.days
        is_in = frame.on_hand_units > 0
        work = frame.assign(
            a=(weight * frame.units_sold).where(is_in), b=weight.where(is_in), seen=frame.business_date.where(is_in)
        )
        work = work.sort_values("business_date")
        aggregates = {"last_seen": ("business_date", "max"), "on_hand": ("on_hand_units", "last")}
        aggregates |= {"last_in": ("seen", "max"), "a": ("a", "sum"), "b": ("b", "sum")}
        return work.groupby(["partner", "location_id", "item_id"]).agg(**aggregates)

    ours = median_seconds(lambda: engine.to_pyarrow(expression), times)
    core = median_seconds(lambda: raw.execute(HAND_WRITTEN).to_arrow_table(), times)
    plain = median_seconds(in_pandas, 1)
    print(f"check of {series:,} series x {DAYS} days ({series * DAYS:,} rows)")
    print(f"  whole check {ours:.2f} s; hand-written core aggregate {core:.2f} s: ratio {ours / core:.2f}")
    print(f"  core aggregate in pandas {plain:.2f} s: {plain / ours:.1f} times the whole check")


def bench_ingest(rows: int, times: int) -> None:
    """The ingest of a CSV file against bare pandas reading and writing the same file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "northfield.csv"
        stores = rows // 4
        frame = pd.DataFrame(
            {
                "date": "2026-11-01",
                "store_nbr": np.repeat(np.arange(stores), 4),
                "store": "Reno",
                "upc": np.tile(["850007123017", "850007123024", "850007123031", "850007123048"], stores),
                "item": "Oat Bar",
                "category": "Snacks",
                "on_hand": 12,
                "units_sold": 3,
                "on_order": 0,
                "price": 6.49,
            }
        )
        frame.to_csv(path, index=False)
        homes = iter(range(1000))

        def ours() -> None:
            home = Path(folder) / f"home{next(homes)}"
            services = Services(home, PROJECT / "include" / "config", lambda: dt.datetime(2026, 11, 2, tzinfo=dt.UTC))
            assert ingest_file(services, "northfield_stores", path).rows_published == rows
            services.state.engine.dispose()

        def bare() -> None:
            pd.read_csv(path, engine="pyarrow").to_parquet(Path(folder) / "bare.parquet")

        whole, least = median_seconds(ours, times), median_seconds(bare, times)
    print(f"ingest of a CSV file of {rows:,} rows (read, bind, validate, publish)")
    print(f"  {whole:.2f} s; pandas read_csv (pyarrow) and a Parquet write {least:.3f} s: ratio {whole / least:.1f}")


def main() -> int:
    """Run everything."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--series", type=int, default=200_000)
    arguments.add_argument("--rows", type=int, default=200_000)
    arguments.add_argument("--times", type=int, default=3)
    given = arguments.parse_args()
    bench_check(given.series, given.times)
    bench_ingest(given.rows, given.times)
    return 0


if __name__ == "__main__":
    sys.exit(main())
