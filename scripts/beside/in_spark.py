"""A query over the observations of a lake in local Spark, once to warm up and once more; prints what the second took.

Runs in an environment of its own, with Java 17 or newer.
"""

from __future__ import annotations

import os
import sys
import time

import psutil  # type: ignore[import-untyped]
from pyspark.sql import SparkSession  # type: ignore[import-not-found, unused-ignore]

THREADS = 2


def main() -> None:
    """Arguments: the folder of the observations; the query comes on standard input."""
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    settings = {
        "spark.driver.memory": "8g",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": str(4 * THREADS),
    }
    spark = SparkSession.builder.master(f"local[{THREADS}]").config(map=settings).getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    spark.read.parquet(sys.argv[1]).createOrReplaceTempView("observations")
    query = spark.sql(sys.stdin.read())
    for _ in range(2):
        began, used = time.perf_counter(), cpu()
        query.write.format("noop").mode("overwrite").save()
        took = time.perf_counter() - began, cpu() - used
    print(*took)


def cpu() -> float:
    """Seconds of CPU of the processes that Spark started."""
    times = [process.cpu_times() for process in psutil.Process().children(recursive=True)]
    return float(sum(time.user + time.system for time in times))


if __name__ == "__main__":
    main()
