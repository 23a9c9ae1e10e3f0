"""Speed as ratios, measured side by side in one run: what the machine does elsewhere hits both sides alike.

Every figure is the median of some runs after a warm-up; sizes are arguments. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

from include.stockwatch.adapters.feeds.binding import bind  # noqa: E402
from include.stockwatch.adapters.feeds.formats import reader_of  # noqa: E402
from include.stockwatch.adapters.feeds.raw import Notes  # noqa: E402
from include.stockwatch.domain.availability import CheckSettings, availability  # noqa: E402
from include.stockwatch.domain.columns import OBSERVATIONS  # noqa: E402
from include.stockwatch.domain.daily import daily, looking_back  # noqa: E402
from include.stockwatch.domain.gtin import check_digit  # noqa: E402
from include.stockwatch.domain.reported import AbsentMeans  # noqa: E402
from include.stockwatch.settings.feed import Feed  # noqa: E402
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
    raw = engine.con

    def held(part: Any) -> Any:
        return ibis.memtable(engine.to_pyarrow(part))

    def check() -> None:
        days = looking_back(rows, [DATE], DAYS)
        held(availability(days, settings.thresholds, CheckSettings(), 90, hold=held))

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

    ours = median_seconds(check, times)
    core = median_seconds(lambda: raw.execute(HAND_WRITTEN).to_arrow_table(), times)
    plain = median_seconds(in_pandas, 1)
    print(f"check of {series:,} series x {DAYS} days ({series * DAYS:,} rows)")
    print(f"  whole check {ours:.2f} s; hand-written core aggregate {core:.2f} s: ratio {ours / core:.2f}")
    print(f"  core aggregate in pandas {plain:.2f} s: {plain / ours:.1f} times the whole check")


def stock_file(path: Path, rows: int) -> None:
    """A CSV file as the sample feed has it: stores of 500 items, different stock, sales and prices."""
    random = np.random.default_rng(1)
    items, stores = 500, rows // 500
    numbers = [f"85000712{item:03d}" for item in range(items)]
    which = np.tile(np.arange(items), stores)
    names = np.repeat(np.arange(stores), items).astype(str)
    frame = pd.DataFrame(
        {
            "date": "2026-11-01",
            "store_nbr": np.char.zfill(names, 4),
            "store": np.char.add("Store ", names),
            "upc": np.array([number + check_digit(number) for number in numbers])[which],
            "item": np.array([f"Bar {item}" for item in range(items)])[which],
            "category": np.array(["Snacks", "Coffee"])[which % 2],
            "on_hand": random.poisson(12, len(which)),
            "units_sold": random.poisson(2, len(which)),
            "on_order": random.poisson(3, len(which)),
            "price": np.round(random.uniform(1, 20, items), 2)[which],
        }
    )
    frame.to_csv(path, index=False)


def activity_file(path: Path, size: int) -> None:
    """An X12 852 of about this size: per item what 2,000 stores sold and have, ten stores a segment."""
    random = np.random.default_rng(1)
    stores = [f"{store:05d}" for store in range(2000)]
    written, item, segments = 0, 0, 2
    with path.open("w", encoding="ascii", newline="") as out:
        isa = (
            "ISA*00*          *00*          *ZZ*RETAILER       *ZZ*BRAND          *261101*0600*U*00401*000000001*0*P*>"
        )
        head = [isa, "GS*PD*RETAILER*BRAND*20261101*0600*1*X*004010", "ST*852*0001", "XQ*H*20261101*20261101"]
        out.write("".join(f"{one}~\n" for one in head))
        while written < size:
            number = f"85{item:09d}"
            lines = [f"LIN**UP*{number}{check_digit(number)}", "CTP**RTL*3.49"]
            for code, most in (("QS", 9), ("QA", 60)):
                pairs = [
                    f"{store}*{units}" for store, units in zip(stores, random.integers(0, most, 2000), strict=True)
                ]
                lines += [f"ZA*{code}", *(f"SDQ*EA*92*{'*'.join(pairs[n : n + 10])}" for n in range(0, 2000, 10))]
            text = "".join(f"{one}~\n" for one in lines)
            out.write(text)
            written, item, segments = written + len(text), item + 1, segments + len(lines)
        out.write(f"CTT*{item}~\nSE*{segments + 2}*0001~\nGE*1*1~\nIEA*1*000000001~\n")


ACTIVITY = {
    "partner": "bench",
    "partner_name": "Bench",
    "format": {"kind": "x12"},
    "item_id": {"kind": "gtin", "qualifiers": ["UP"]},
    "codes": {"measures": {"QS": "units_sold", "QA": "on_hand_units"}},
}


def bench_ingest(rows: int, times: int) -> None:
    """The ingest of a CSV file against bare pandas reading and writing the same file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "northfield.csv"
        stock_file(path, rows)
        homes = iter(range(1000))

        def ours() -> None:
            home = Path(folder) / f"home{next(homes)}"
            services = Services(home, PROJECT / "include" / "config", lambda: dt.datetime(2026, 11, 2, tzinfo=dt.UTC))
            assert ingest_file(services, "northfield_stores", path).rows_in == rows
            services.state.engine.dispose()

        def bare() -> None:
            pd.read_csv(path, engine="pyarrow").to_parquet(Path(folder) / "bare.parquet")

        whole, least = median_seconds(ours, times), median_seconds(bare, times)
    print(f"ingest of a CSV file of {rows:,} rows (archive, read, bind, validate, stage, publish)")
    print(f"  {whole:.2f} s; pandas read_csv (pyarrow) and a Parquet write {least:.3f} s: ratio {whole / least:.1f}")


def bench_activity(megabytes: int, times: int) -> None:
    """An 852 read and bound on one core, against pyx12 giving the same values."""
    from pyx12.x12file import X12Reader

    feed = Feed.model_validate(ACTIVITY)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "activity.edi"
        activity_file(path, megabytes * 1_000_000)
        size = path.stat().st_size / 1e6
        values: set[int] = set()

        def ours() -> None:
            batches = reader_of("x12")(path, path.name, feed, Notes())
            values.add(sum(len(bind(batch, feed, None).rows) for batch in batches))

        def theirs() -> None:
            found = 0
            with X12Reader(str(path)) as reader:
                for segment in reader:
                    if segment.get_seg_id() == "SDQ":
                        for place in range(3, len(segment), 2):
                            segment.get_value(f"SDQ{place:02d}")
                            found += segment.get_value(f"SDQ{place + 1:02d}") is not None
            values.add(found)

        mine, other = median_seconds(ours, times), median_seconds(theirs, 1)
    assert len(values) == 1, f"both must find the same values: {values}"
    print(f"852 of {size:.0f} MB, {values.pop():,} store quantities, read and bound")
    print(
        f"  {mine:.2f} s, {size / mine:.1f} MB/s; pyx12 with values, unbound, {other:.2f} s: {other / mine:.1f} times"
    )


MEASURE = """
import datetime as dt, resource, sys, time
from pathlib import Path
from include.stockwatch.workflows.ingest import ingest_file
from include.stockwatch.workflows.services import Services
home, config, feed, file = sys.argv[1:]
now = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)
began = time.perf_counter()
done = ingest_file(Services(Path(home), Path(config), lambda: now), feed, Path(file))
seconds, peak = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
print(f"  {done.rows_in:,} rows in, {done.observations:,} observations: {seconds:.0f} s, {peak:.2f} GB at most")
"""


def bench_memory() -> None:
    """What a whole ingest of a very large file takes in memory, in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = Path(shutil.copytree(PROJECT / "include" / "config", folder / "config"))
        (config / "feeds" / "bench.yaml").write_text(json.dumps(ACTIVITY), "utf-8")
        for what, feed, write, size in (
            ("a CSV file of 10,000,000 rows", "northfield_stores", stock_file, 10_000_000),
            ("an 852 of 1 GB", "bench", activity_file, 1_000_000_000),
        ):
            file = folder / "large"
            write(file, size)
            print(f"ingest of {what}", flush=True)
            command = [sys.executable, "-c", MEASURE, str(folder / feed), str(config), feed, str(file)]
            subprocess.run(command, check=True, cwd=PROJECT)


def main() -> int:
    """Run everything."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--series", type=int, default=200_000)
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--megabytes", type=int, default=50)
    arguments.add_argument("--large", action="store_true", help="also the memory of very large files: many minutes")
    arguments.add_argument("--times", type=int, default=3)
    given = arguments.parse_args()
    bench_check(given.series, given.times)
    bench_ingest(given.rows, given.times)
    bench_activity(given.megabytes, given.times)
    if given.large:
        bench_memory()
    return 0


if __name__ == "__main__":
    sys.exit(main())
