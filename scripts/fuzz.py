"""Read damaged files by the million: `make fuzz`, or `make fuzz READER=x12 RUNS=20000`.

Execution n of a reader makes its file from the seed and n alone, so `--first n --runs 1` repeats a finding.
A finding is a file that made the reader raise, take 2 s or 300 MB, break its contract, lose something in silence, or
end the process; the file is left in var/fuzz. Exit code 1 if there was any.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

READERS = {
    "x12": "x12",
    "edifact": "edifact",
    "csv": "csv_text",
    "jsonl": "jsonl",
    "html": "html",
    "unpack": "unpack",
    "xlsx": "xlsx",
    "parquet": "parquet",
}
"""Reader -> module of tests/fuzz with its cases."""

FOUND = PROJECT / "var" / "fuzz"
MEMORY = Path("/dev/shm")
SECONDS, MOST_SECONDS = 2.0, 60.0
"""Of processor time, which other processes do not lengthen, and by the clock on the wall."""
MOST_BYTES, MOST_MORE_BYTES = 6_000_000_000, 300_000_000
"""Address space of the process, and memory that one small file may need more than any before it."""
MOST_FINDINGS = 20
SAID_EVERY = 100_000


class Hang(BaseException):
    """A reader took too long. No Exception, so that no reader takes it for damage."""


class Tally:
    """What all processes of a reader count: the execution at hand, files that were judged, findings."""

    def __init__(self, first: int) -> None:
        self.at: Synchronized[int] = multiprocessing.Value("q", first)
        self.judged: Synchronized[int] = multiprocessing.Value("q", 0)
        self.findings: Synchronized[int] = multiprocessing.Value("q", 0)


def main() -> int:
    """Fuzz the readers that are asked for, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reader", choices=READERS, action="append", help="by default all")
    parser.add_argument("--runs", type=int, default=1_000_000, help="executions of each reader")
    parser.add_argument("--first", type=int, default=0, help="number of the first execution")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    FOUND.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # says how far it came
    findings = [fuzz(reader, asked.seed, asked.first, asked.runs) for reader in asked.reader or READERS]
    return 1 if any(findings) else 0


def fuzz(reader: str, seed: int, first: int, runs: int) -> int:
    """Run one reader in a process of its own, in another one where that ends before its time. Gives the findings."""
    tally, started = Tally(first), time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="stockwatch-fuzz-", dir=MEMORY if MEMORY.is_dir() else None))
    try:
        while tally.at.value < first + runs and tally.findings.value < MOST_FINDINGS:
            process = multiprocessing.Process(target=_run, args=(reader, seed, first + runs, folder, tally))
            process.start()
            try:
                process.join()
            finally:
                process.terminate()
            if process.exitcode:
                _report(reader, seed, tally, (folder / "file").read_bytes(), f"the process ended: {process.exitcode}")
                tally.at.value += 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _say(reader, tally, first, time.monotonic() - started)
    return tally.findings.value


def _run(reader: str, seed: int, end: int, folder: Path, tally: Tally) -> None:
    """Executions up to `end`."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    warnings.simplefilter("error")
    signal.signal(signal.SIGPROF, _hang)
    signal.signal(signal.SIGALRM, _hang)
    cases: Any = importlib.import_module(f"tests.fuzz.{READERS[reader]}")
    path, first, started = folder / "file", tally.at.value, time.monotonic()
    while tally.at.value < end and tally.findings.value < MOST_FINDINGS:
        number = tally.at.value
        case = cases.case(Random(seed << 40 | number))
        path.write_bytes(case.content)
        before = _most_bytes()
        problem = _problem(case, path)
        is_large = _most_bytes() - before > MOST_MORE_BYTES
        if is_large:
            problem = f"took {(_most_bytes() - before) // 1_000_000:,} MB of memory; {problem or 'else fine'}"
        if problem:
            _report(reader, seed, tally, case.content, problem)
        tally.judged.value += case.was_judged
        tally.at.value += 1
        if (number + 1 - first) % SAID_EVERY == 0:
            _say(reader, tally, first, time.monotonic() - started)
        if is_large:
            return  # the next process starts from little memory again


def _most_bytes() -> int:
    """The most memory that this process had at any time."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _problem(case: Any, path: Path) -> str | None:
    try:
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        signal.setitimer(signal.ITIMER_REAL, MOST_SECONDS)
        try:
            problem: str | None = case.problem(path)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_REAL, 0)
        return problem
    except Hang:
        return f"took more than {SECONDS:g} s of processor time, or {MOST_SECONDS:g} s"
    except Exception:  # noqa: BLE001  (a reader must raise nothing at all)
        return traceback.format_exc()


def _hang(_: int, __: FrameType | None) -> None:
    raise Hang


def _report(reader: str, seed: int, tally: Tally, content: bytes, problem: str) -> None:
    tally.findings.value += 1
    number = tally.at.value
    left = FOUND / f"{reader}-{seed}-{number}"
    left.write_bytes(content)
    print(f"{reader}: execution {number} (seed {seed}): {problem}\n  the file: {left}", flush=True)


def _say(reader: str, tally: Tally, first: int, seconds: float) -> None:
    done = tally.at.value - first
    speed = f"{done / max(seconds, 1e-9):,.0f} a second"
    judged = f"{tally.judged.value:,} read to their end and compared"
    print(f"{reader}: {done:,} executions, {speed}, {judged}, {tally.findings.value} findings", flush=True)


if __name__ == "__main__":
    sys.exit(main())
