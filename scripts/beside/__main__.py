"""One side of the comparison in a process of its own: prints series, seconds, seconds of CPU and GB at most.

Arguments: the side, and the home of the lake, named after its number of series and with the settings beside it.
"""

from __future__ import annotations

import datetime as dt
import resource
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from include.stockwatch.workflows.services import Services

DATE = dt.date(2026, 11, 1)
DAYS = 56
THREADS = 2
MEMORY_DAYS = 90.0
LEARNED_FROM = 3000
"""Series that factors are learned from, about, as in a check."""
Run = Callable[[], int]


def sql(name: str, rows: str, every: int) -> str:
    """A query of this folder over some rows."""
    text = (Path(__file__).parent / f"{name}.sql").read_text("utf-8")
    return text.format(rows=rows, date=DATE, every=every)


def rows_of(home: Path) -> str:
    """The observations of a lake, as DuckDB reads them."""
    return f"""
        (SELECT * FROM read_parquet('{home}/lake/observations/**/*.parquet', hive_partitioning = true,
                                    hive_types_autocast = false, union_by_name = true)) AS observations
    """


def every(series: int) -> int:
    """One location in so many teaches the factors."""
    return max(series // LEARNED_FROM, 1)


def services_of(home: Path) -> tuple[Services, dict[dt.date, dict[str, str]]]:
    """A lake and its settings, and what was delivered on each day."""
    import pandas  # noqa: F401  # as on the other sides, before the time begins

    from include.stockwatch.workflows.services import Services

    services = Services(home, home.parent / "config", lambda: dt.datetime(2026, 11, 2, tzinfo=dt.UTC))
    services.lake.engine.raw_sql(f"SET threads = {THREADS}")
    _ = services.settings  # read once, and not in the time of a check
    return services, {DATE - dt.timedelta(days=ago): {"bench": "x"} for ago in reversed(range(DAYS))}


def check(home: Path) -> Run:
    """The whole availability table."""
    from include.stockwatch.workflows.checks.check import availability_on

    services, delivered = services_of(home)
    return lambda: len(availability_on(services, [DATE], delivered)[0])


def row_figures(home: Path) -> Run:
    """The part of a check that the query `look_back` is the like of: what it reckons from rows, and the judgement."""
    from concurrent.futures import ThreadPoolExecutor

    import numpy as np

    from include.stockwatch.domain.availability import CheckSettings
    from include.stockwatch.domain.demand import Pools
    from include.stockwatch.domain.figures import Limits, figures, learned
    from include.stockwatch.workflows.checks.arrays import codes
    from include.stockwatch.workflows.checks.check import daily_rows
    from include.stockwatch.workflows.checks.look_back import look_back

    (services, delivered), settings = services_of(home), CheckSettings(lookback_days=DAYS)

    def run() -> int:
        seen = look_back(services.lake.engine, daily_rows(services, [DATE], delivered), [DATE], DAYS)
        pool = Pools(*(codes(seen.series[name]) for name in ("feed_id", "category", "item_id", "location_id")))
        nothing = np.zeros(seen.panel.series)
        limits = Limits(nothing, nothing + 0.5, nothing > 0)
        common, closed = learned(seen.panel, pool, limits, settings), np.zeros((DAYS, 1 + pool.location.max()), bool)
        with ThreadPoolExecutor(THREADS) as threads:
            return len(figures(seen.panel, pool, limits, common, settings, MEMORY_DAYS, closed, None, threads.map).rate)

    return run


def in_sql(name: str) -> Callable[[Path], Run]:
    """A query in DuckDB."""

    def side(home: Path) -> Run:
        import duckdb

        engine = duckdb.connect()
        engine.execute(f"SET threads = {THREADS}")
        query = sql(name, rows_of(home), every(int(home.name)))
        return lambda: len(engine.sql(query).to_arrow_table())

    return side


def in_pandas(home: Path) -> Run:
    """The same as the query `look_back`, in pandas."""
    import pandas as pd

    from scripts.beside.in_pandas import look_back

    return lambda: len(look_back(home / "lake" / "observations", pd.Timestamp(DATE), every(int(home.name))))


SIDES: Mapping[str, Callable[[Path], Run]] = {
    "check": check,
    "row_figures": row_figures,
    "core": in_sql("core"),
    "keys": in_sql("keys"),
    "look_back": in_sql("look_back"),
    "pandas": in_pandas,
}


def used() -> tuple[float, float]:
    """Seconds of CPU, and GB at most."""
    use = resource.getrusage(resource.RUSAGE_SELF)
    return use.ru_utime + use.ru_stime, use.ru_maxrss / 1e6


if __name__ == "__main__":
    run = SIDES[sys.argv[1]](Path(sys.argv[2]))
    (before, _), began = used(), time.perf_counter()
    count = run()
    seconds, (after, peak) = time.perf_counter() - began, used()
    print(count, seconds, after - before, peak)
