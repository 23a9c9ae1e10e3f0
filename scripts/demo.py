"""The main job end to end in a real Airflow: partner files in, availability checked, Slack messages out.

Drops the sample files of two partners day by day into their landings, as partners would, waits until the generated
ingest Dags, the check and the delivery have run, and prints what came of it. Ends in a few minutes, sends nothing.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

from include.stockwatch.adapters.lake import Lake  # noqa: E402
from include.stockwatch.adapters.state import State, incidents, ledger, outbox  # noqa: E402
from include.stockwatch.alerting.case import STOCK_KINDS, Kind  # noqa: E402
from include.stockwatch.domain.availability import CheckSettings  # noqa: E402
from scripts.local_airflow import LocalAirflow, running  # noqa: E402

SAMPLES = PROJECT / "include" / "samples"
FORMATS = {"northfield_stores": (",", "utf-8", "%Y-%m-%d"), "westway_dcs": (";", "cp1252", "%d.%m.%Y")}
LAST_SAMPLE_DATE = dt.date(2026, 10, 31)
STORY_DAYS = 5
WORDS = {Kind.PHANTOM_STOCK: "doubtful", Kind.WILL_RUN_OUT: "running out"}
"""What locations of an incident are, where they are not out."""
MARKER = ".stockwatch-demo"


class Demo:
    """The demo's Airflow, and the stores that it fills."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.began = time.monotonic()
        # The samples end on a fixed date; they are moved so that they end yesterday.
        self.shift = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1) - LAST_SAMPLE_DATE  # noqa: TID251
        if home.exists() and any(home.iterdir()) and not (home / MARKER).exists():
            raise SystemExit(f"{home} is no folder of an earlier demo; it is left alone")
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        (home / MARKER).touch()
        port = int(os.environ["PORT"]) if "PORT" in os.environ else None
        self.airflow = LocalAirflow(home, port=port, extra={"STOCKWATCH_SLACK_CONNECTION": ""})  # preview, always

    def say(self, text: str) -> None:
        """A line of progress with the seconds since the start."""
        print(f"[{time.monotonic() - self.began:5.0f} s] {text}", flush=True)

    def run(self) -> int:
        """Everything; returns the exit code."""
        self.say("preparing a fresh Airflow (SQLite, LocalExecutor) …")
        with running(self.airflow):
            self.say(f"Airflow is up at {self.airflow.url}")
            self.airflow.pause("feed_watch")  # a week passes in minutes: every feed would be late in between
            self.state = State.open(f"sqlite:///{self.home / 'state.db'}")
            last = LAST_SAMPLE_DATE + self.shift
            self.drop("history", last - dt.timedelta(days=STORY_DAYS))
            for day in range(STORY_DAYS):
                date = last - dt.timedelta(days=STORY_DAYS - 1 - day)
                self.drop(date.isoformat(), date)
            self.settle("every message to be delivered", self._all_delivered)
        self.report()
        return 0

    def drop(self, what: str, date: dt.date) -> None:
        """Put one delivery of both partners into the landings, and wait until its date is checked."""
        original = date - self.shift
        names = {"northfield_stores": f"northfield_{original}.csv", "westway_dcs": f"bestand_{original:%Y%m%d}.csv"}
        if what == "history":
            names = {"northfield_stores": "northfield_history.csv", "westway_dcs": "bestand_historie.csv"}
        for feed_id, name in names.items():
            text, new_name = self.shifted(feed_id, name)
            landing = self.home / "landing" / feed_id
            landing.mkdir(parents=True, exist_ok=True)
            (landing / f"{new_name}.part").write_bytes(text)
            (landing / f"{new_name}.part").rename(landing / new_name)
        for _ in range(2):  # a file is claimed when two looks find it unchanged
            self.airflow.wait_for_run("landing_scan", self.airflow.trigger("landing_scan"))
        self.settle(f"the files of {date} to be ingested", lambda: self._delivered(date) == set(names))
        self.settle(f"{date} to be checked", lambda: self._checked(date))
        with self.state.begin() as tx:
            ongoing = incidents.open_incidents(tx, STOCK_KINDS).values()
        open_now = (
            ", ".join(f"{i.item_name} ({i.severity}, {len(i.now_out())} {WORDS.get(i.kind, 'out')})" for i in ongoing)
            or "none"
        )
        self.say(f"{what}: ingested and checked; open incidents: {open_now}")

    def shifted(self, feed_id: str, name: str) -> tuple[bytes, str]:
        """A sample file with its dates moved, and its name."""
        delimiter, encoding, form = FORMATS[feed_id]
        rows = list(
            csv.reader(io.StringIO((SAMPLES / feed_id / name).read_bytes().decode(encoding)), delimiter=delimiter)
        )
        for row in rows[1:]:
            row[0] = (dt.datetime.strptime(row[0], form).replace(tzinfo=dt.UTC) + self.shift).strftime(form)
        out = io.StringIO()
        csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)

        def moved(match: re.Match[str]) -> str:
            pattern = "%Y-%m-%d" if "-" in match[0] else "%Y%m%d"
            return f"{dt.datetime.strptime(match[0], pattern).replace(tzinfo=dt.UTC) + self.shift:{pattern}}"

        return out.getvalue().encode(encoding), re.sub(r"\d{4}-\d\d-\d\d|\d{8}", moved, name)

    def settle(self, what: str, ready: Callable[[], bool]) -> None:
        """Wait for something, failing as soon as a run has failed."""

        def ready_or_failed() -> bool:
            for dag_id in self.airflow.dag_ids():
                failed = [run for run, state in self.airflow.runs(dag_id).items() if state == "failed"]
                if failed:
                    raise RuntimeError(f"{dag_id} {failed[0]} failed; logs under {self.airflow.airflow_home}/logs")
            return ready()

        self.airflow.wait(ready_or_failed, what, 600)

    def _delivered(self, date: dt.date) -> set[str]:
        with self.state.begin() as tx:
            return set(ledger.delivered(tx, date, date).get(date, {}))

    def _checked(self, date: dt.date) -> bool:
        with self.state.begin() as tx:
            inputs = ledger.inputs_of(date, ledger.delivered(tx), ledger.revised(tx), CheckSettings().lookback_days)
            return inputs in ledger.checked(tx, date).get(date, set())

    def _all_delivered(self) -> bool:
        with self.state.begin() as tx:
            return set(outbox.counts(tx)) <= {"previewed", "superseded"}

    def report(self) -> None:
        """Print messages and figures, and what to try next."""
        with self.state.begin() as tx:
            sent = outbox.messages(tx)
        self.say("done; the messages, as they stand in the outbox table:")
        for message in sent:
            shown = message["operation"] if message["status"] == "previewed" else "superseded"
            print(f"\n--- {shown} in {message['channel']} ---\n{message['text']}")
            if message["operation"] != "reply" and message["status"] == "previewed":
                print(message["plain"])
        print("\nAvailability by date and partner:")
        lake = Lake(self.home / "lake")
        table = lake.engine.to_pandas(lake.table("kpis").filter(lambda row: row.category == ""))
        table = table.assign(partner=table.partner.replace("", "all"))
        columns = [
            "business_date",
            "partner",
            "location_type",
            "ranged",
            "out_of_stock",
            "in_stock_rate",
            "coverage",
            "lost_units",
            "lost_money",
            "currency",
        ]
        table = table.sort_values(columns[:3])
        print(table[columns].tail(3 * STORY_DAYS).to_string(index=False, float_format=lambda v: f"{v:.3f}", na_rep="-"))
        first = sent[0]["incident_id"] if sent else "INC-…"
        here = os.path.relpath(self.home, Path.cwd())
        print(
            f"\nTry next (these read what the demo left in {here}):\n"
            f"  STOCKWATCH_HOME={here} make up                 the same Airflow with its UI\n"
            f"  STOCKWATCH_HOME={here} .venv/bin/python -m include.stockwatch.cli preview {first}\n"
            f"  STOCKWATCH_HOME={here} .venv/bin/python -m include.stockwatch.cli backtest\n"
            f"  STOCKWATCH_HOME={here} .venv/bin/python -m include.stockwatch.cli explain northfield 0118 "
            f"00850007123017 {LAST_SAMPLE_DATE + self.shift - dt.timedelta(days=1)}\n"
        )


if __name__ == "__main__":
    home = Path(os.environ.get("STOCKWATCH_DEMO_HOME") or PROJECT / "var" / "demo")
    sys.exit(Demo(home.resolve()).run())
