"""Speed as ratios, measured side by side in one run: what the machine does elsewhere hits both sides alike.

A check and a replay run in processes of their own, and CPU seconds are told beside those of the clock: of several runs
the one that took least CPU. The other figures are the median of some runs after a warm-up. Nothing is asserted.
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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import sqlglot

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

from include.stockwatch.adapters.feeds.binding import bind  # noqa: E402
from include.stockwatch.adapters.feeds.formats import reader_of  # noqa: E402
from include.stockwatch.adapters.feeds.raw import Notes  # noqa: E402
from include.stockwatch.adapters.state import outbox  # noqa: E402
from include.stockwatch.alerting.decisions import decide  # noqa: E402
from include.stockwatch.alerting.incident import Basis, Incident, Member, Picture  # noqa: E402
from include.stockwatch.alerting.kinds import render  # noqa: E402
from include.stockwatch.domain.columns import OBSERVATIONS  # noqa: E402
from include.stockwatch.domain.gtin import check_digit  # noqa: E402
from include.stockwatch.settings.feed import Feed  # noqa: E402
from include.stockwatch.workflows.feeds.ingest import ingest_file  # noqa: E402
from include.stockwatch.workflows.incidents.record import record_all  # noqa: E402
from include.stockwatch.workflows.messages.delivery import deliver  # noqa: E402
from include.stockwatch.workflows.services import Services  # noqa: E402
from scripts.beside.__main__ import DATE, DAYS, every, sql  # noqa: E402

SPARK = ("pyspark==4.3.0", "psutil==7.2.2")


def median_seconds(run: Callable[[], object], times: int) -> float:
    """Median duration of some runs, after one that does not count."""
    run()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        run()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def store_days(series: int) -> Iterator[tuple[dt.date, pa.Table]]:
    """Days of stores of 200 items: stock that sells and is filled weekly, a promotion of a week for every fifth item.

    Stores report stock, sales, orders and prices, and no receipts: the check infers these from the balance of stock.
    """
    random = np.random.default_rng(1)
    number = np.arange(series)
    item, store = number % 200, number // 200
    rate = random.gamma(1.2, 1.2, 200)[item]
    level, due = np.ceil(rate * 10) + 2, random.integers(0, 7, series)
    stock = np.floor(level * random.uniform(0.3, 1, series))
    schema = OBSERVATIONS.to_pyarrow()
    texts = {
        "item_id": [f"{n:014d}" for n in range(200)],
        "item_name": [f"Item {n}" for n in range(200)],
        "category": [("Coffee", "Snacks", "Tea")[n % 3] for n in range(200)],
        "location_id": [f"{n:05d}" for n in range(store[-1] + 1)],
        "location_name": [f"Store {n}" for n in range(store[-1] + 1)],
    }
    for ago in reversed(range(DAYS)):
        date = DATE - dt.timedelta(days=ago)
        promoted = (item % 5 == 0) & (item // 5 % 8 == ago // 7)
        came = np.where((due == ago % 7) & (random.random(series) < 0.85), level - stock, 0.0)
        wanted = random.poisson(rate * (1.4 if date.weekday() >= 5 else 0.84) * np.where(promoted, 1.8, 1.0))
        sold = np.minimum(wanted, stock + came)
        stock = stock + came - sold
        columns: dict[str, Any] = {
            "on_hand_units": stock,
            "units_sold": sold,
            "on_order_units": np.where((due - ago % 7) % 7 >= 5, level, 0.0),
            "price": np.where(promoted, 3.5, 4.5),
            "line": number + 2,
            "business_date": pa.repeat(pa.scalar(date), series),
        }
        for name, known in texts.items():
            columns[name] = pa.array(known).take(
                pa.array(item if name in ("item_id", "item_name", "category") else store)
            )
        same = {"feed_id": "bench", "partner": "bench", "currency": "USD", "delivery_id": f"{ago:064d}"}
        columns |= {name: pa.repeat(text, series) for name, text in (same | {"source_file": "day.csv"}).items()}
        empty = {field.name: pa.nulls(series, field.type) for field in schema if field.name not in columns}
        yield date, pa.table(columns | empty).select(schema.names).cast(schema)


class Took(NamedTuple):
    """Seconds of the clock and of CPU, and GB at most."""

    seconds: float
    cpu: float
    peak: float = 0.0

    def beside(self, rows: Took, whole: Took) -> str:
        """Told as it compares with ours: with what a check reckons from rows, and with the whole of it."""
        times = f"{self.cpu / rows.cpu:.1f} times our CPU, {self.seconds / rows.seconds:.1f} times our seconds"
        more = f"{self.cpu / whole.cpu:.1f} and {self.seconds / whole.seconds:.1f} times those of the whole check"
        return f"{self.cpu:.1f} s CPU, {self.seconds:.1f} s: {times}; {more}"


def apart(side: str, home: Path, times: int = 1) -> Took:
    """A side of the comparison in processes of its own: the run that took least CPU."""
    runs = []
    for _ in range(times):
        command = [sys.executable, "-m", "scripts.beside", side, str(home)]
        told = subprocess.run(command, check=True, cwd=PROJECT, capture_output=True, text=True).stdout.split()
        runs.append(Took(*(float(figure) for figure in told[-3:])))
    return min(runs, key=lambda run: run.cpu)


def in_spark(home: Path, series: int) -> Took:
    """The query `look_back` in local Spark that is warm, in an environment of its own."""
    query = sqlglot.transpile(sql("look_back", "observations", every(series)), read="duckdb", write="spark")[0]
    packages = " ".join(f"--with {package}" for package in SPARK)
    command = f".venv/bin/uv run --quiet --no-project --python {sys.executable} {packages}".split()
    command += ["python", "scripts/beside/in_spark.py", str(home / "lake" / "observations")]
    told = subprocess.run(command, check=True, cwd=PROJECT, input=query, capture_output=True, text=True).stdout
    return Took(*(float(figure) for figure in told.split()[-2:]))


def bench_check(sizes: list[int], times: int, *, beside_others: int | None, with_spark: bool) -> None:
    """The whole availability table of one date, read from the lake, against its core, and against all that it reckons
    from rows, by hand."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = Path(shutil.copytree(PROJECT / "include" / "config", folder / "config"))
        (config / "feeds" / "bench.yaml").write_text(json.dumps(ACTIVITY), "utf-8")
        for series in sizes:
            home = folder / str(series)
            services = Services(home, config, lambda: dt.datetime(2026, 11, 2, tzinfo=dt.UTC))
            services.state.engine.dispose()  # no store is made once there is a lake
            lake = services.lake
            for date, rows in store_days(series):
                lake.replace_dates("observations", rows, [date])
            ours = apart("check", home, times)
            core, keys = apart("core", home, times), apart("keys", home, times)
            print(f"check of {series:,} series x {DAYS} days ({series * DAYS:,} rows) with supply, causes and costs")
            print(f"  {ours.cpu:.1f} s CPU, {ours.seconds:.1f} s, {ours.peak:.2f} GB at most", end="; ")
            print(f"{ours.cpu / series * 1e6:.0f} us a series")
            print(f"  least core in DuckDB {core.cpu:.2f} s CPU, {core.seconds:.2f} s: ours", end=" ")
            print(f"{ours.cpu / core.cpu:.1f} and {ours.seconds / core.seconds:.1f} times as long")
            print(f"  its keys alone, counted: {keys.cpu:.2f} s CPU", flush=True)
            if series == beside_others:
                rows = apart("row_figures", home, times)
                print(f"  what it reckons from rows alone {rows.cpu:.1f} s CPU, {rows.seconds:.1f} s; the same figures")
                for side, told in (("look_back", "DuckDB"), ("pandas", "pandas")):
                    print(f"    in {told} {apart(side, home, times).beside(rows, ours)}", flush=True)
                if with_spark:
                    print(f"    in Spark {in_spark(home, series).beside(rows, ours)}", flush=True)
            shutil.rmtree(home)


REPLAY = """
import datetime as dt, resource, sys, time
from pathlib import Path
from include.stockwatch.workflows.backtest import backtest
from include.stockwatch.workflows.feeds.ingest import ingest_file
from include.stockwatch.workflows.services import Services
home, config, file = sys.argv[1:]
services = Services(Path(home), Path(config), lambda: dt.datetime(2026, 11, 2, tzinfo=dt.UTC))
def cpu():
    use = resource.getrusage(resource.RUSAGE_SELF)
    return use.ru_utime + use.ru_stime
began, start = time.perf_counter(), cpu()
ingest_file(services, "osa", Path(file))
between = cpu()
dates = backtest(services)["dates"]
wall, peak = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
print(f"  ingest {between - start:.1f} s CPU, {dates} dates replayed {cpu() - between:.1f} s CPU", end="; ")
print(f"{wall:.1f} s wall, {peak:.2f} GB at most")
"""


def bench_replay(file: Path) -> None:
    """The public history of docs/examples/osa from its file to incidents, every date, in a process of its own."""
    with tempfile.TemporaryDirectory() as home:
        print("replay of the OSA history, 100 series, from its file to incidents", flush=True)
        config = PROJECT / "docs" / "examples" / "osa"
        subprocess.run([sys.executable, "-c", REPLAY, home, str(config), str(file)], check=True, cwd=PROJECT)


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
from include.stockwatch.workflows.feeds.ingest import ingest_file
from include.stockwatch.workflows.services import Services
home, config, feed, file = sys.argv[1:]
now = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)
began = time.perf_counter()
done = ingest_file(Services(Path(home), Path(config), lambda: now), feed, Path(file))
seconds, peak = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
print(f"  {done.rows_in:,} rows in, {done.observations:,} observations: {seconds:.0f} s, {peak:.2f} GB at most")
"""


def sighting(number: int, date: dt.date) -> Picture:
    """An item that is out at one of six stores."""
    member = Member(location_id="0118", out_since=date, last_out=date, lost_units=6.0, lost_money=40.0)
    return Picture(
        partner="northfield",
        partner_name="Northfield Grocers",
        item_id=f"{number:014d}",
        item_name=f"Item {number}",
        category="Snacks",
        currency="USD",
        business_date=date,
        ranged=6,
        known=6,
        partner_is_whole=True,
        out=(member,),
        alert_due=True,
        promise=0.97,
        channel="C0NORTHFIELD",
        owner="Dana Ruiz",
        basis=Basis(horizon_days=7, assumptions="published averages", dated="2026-11-22", low=0.09, high=2.35),
    )


def bench_incidents(count: int) -> None:
    """Incidents decided, stored and queued in one run and followed on the next date; and as many messages drained."""
    with tempfile.TemporaryDirectory() as folder:
        now = dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC)
        services = Services(Path(folder), PROJECT / "include" / "config", lambda: now)
        ongoing: dict[str, Incident] = {}
        for what, date in (("opened", DATE), ("followed", DATE + dt.timedelta(days=1))):
            began = time.process_time()
            decisions = [
                decide(one, ongoing.get(one.item_id), tenant="bench", new_id=f"INC-2026-{n:05d}", previous=None)
                for n, one in ((n, sighting(n, date)) for n in range(1, count + 1))
            ]
            with services.state.begin() as tx:
                changes = record_all(services, tx, decisions, at=now, actor="bench", business_date=date)
            ongoing = {one.after.item_id: one.after for one in changes if isinstance(one.after, Incident)}
            print(f"{count:,} incidents {what} in one transaction: {time.process_time() - began:.1f} s CPU", flush=True)
        with services.state.begin() as tx:
            for case in ongoing.values():
                named: dict[str, Any] = {"incident_id": case.incident_id, "seq": 3, "kind": "opened", "now": now}
                outbox.announce(tx, render(case), channel=f"C0BENCH{case.item_id[-2:]}", **named)
        began = time.process_time()
        sent = sum(deliver(services).values())
        print(
            f"{sent:,} messages drained: {time.process_time() - began:.1f} s CPU (in preview, so without Slack's pace)"
        )
        services.state.engine.dispose()


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
    arguments.add_argument("--series", type=int, nargs="*", default=[50_000, 100_000, 200_000])
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--megabytes", type=int, default=50)
    arguments.add_argument("--incidents", type=int, default=10_000)
    arguments.add_argument("--large", action="store_true", help="also a million series, and very large files: long")
    arguments.add_argument("--osa", type=Path, help="osa_raw_data.csv, see docs/examples/osa: replay it as well")
    arguments.add_argument("--spark", action="store_true", help="also local Spark: Java 17 or newer, downloads 450 MB")
    arguments.add_argument("--times", type=int, default=3)
    given = arguments.parse_args()
    sizes = [*given.series, *([1_000_000] if given.large else [])]
    largest = max(given.series, default=None)
    bench_check(sizes, given.times, beside_others=largest, with_spark=given.spark)
    if given.osa:
        bench_replay(given.osa.resolve())
    bench_ingest(given.rows, given.times)
    bench_activity(given.megabytes, given.times)
    bench_incidents(given.incidents)
    if given.large:
        bench_memory()
    return 0


if __name__ == "__main__":
    sys.exit(main())
