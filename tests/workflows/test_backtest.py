"""What a replay of history says of who is told how often and what it catches, under one set of thresholds or two."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.stockwatch.adapters.plots import plot_backtest
from include.stockwatch.domain.thresholds import Thresholds
from include.stockwatch.workflows.backtest import WrongTruth, backtest
from include.stockwatch.workflows.backtest_text import as_text
from include.stockwatch.workflows.services import Services
from tests.workflows.test_check import deliver_file, history

ITEM = "00850007123017"


def story(services: Services, tmp_path: Path) -> dt.date:
    """Four good weeks, then store 0001 is out for two days and 0002 for the second of them; gives the first day out."""
    date = history(services, tmp_path)
    for offset, out in enumerate(({"0001"}, {"0001", "0002"}, set())):
        deliver_file(services, tmp_path, date + dt.timedelta(days=offset), out)
    return date


def slower(services: Services) -> Thresholds:
    """The thresholds as they are, but that two days out are waited for."""
    default, *others = services.settings.thresholds.thresholds
    return Thresholds(thresholds=(default.model_copy(update={"days_out_before_alert": 2}), *others))


def truth(tmp_path: Path, empty: list[tuple[dt.date, str]]) -> Path:
    """A file that says when which store was empty."""
    rows = [
        {"business_date": date, "partner": "northfield", "location_id": store, "item_id": ITEM, "is_empty": True}
        for date, store in empty
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "truth.parquet")
    return tmp_path / "truth.parquet"


def test_messages_are_counted_for_each_owner(services: Services, tmp_path: Path) -> None:
    story(services, tmp_path)
    found = backtest(services)
    assert found["per_owner"] == {
        "Dana Ruiz": {"opened": 1, "messages": 4, "opened_per_day": 0.0323, "messages_per_day": 0.129}
    }


def test_money_lost_in_an_incident_is_caught_and_the_rest_is_missed(services: Services, tmp_path: Path) -> None:
    date = story(services, tmp_path)
    found = backtest(services, proposed=slower(services))
    caught = [day["money_caught"] for day in found["current"]["per_day"] if day["date"] == date.isoformat()]
    assert found["current"]["money_missed"] == {}
    assert caught == [found["proposed"]["money_missed"]], "the day that is waited for"
    assert found["proposed"]["money_caught"]["USD"] == pytest.approx(2 * caught[0]["USD"], rel=0.02)


def test_a_proposal_is_replayed_beside_what_is_set(services: Services, tmp_path: Path) -> None:
    story(services, tmp_path)
    found = backtest(services, proposed=slower(services))
    assert found["current"] == backtest(services)
    opened = {name: [day["opened"] for day in one["per_day"][-3:]] for name, one in found.items()}
    assert opened == {"current": [1, 0, 0], "proposed": [0, 1, 0]}
    assert services.settings.thresholds.thresholds[0].days_out_before_alert == 1, "a proposal changes nothing"


def test_precision_and_recall_are_those_of_series_and_days(services: Services, tmp_path: Path) -> None:
    date = story(services, tmp_path)
    known = truth(tmp_path, [(date, "0001"), (date, "0003")])
    found = backtest(services, date, date + dt.timedelta(days=1), truth=known)
    assert (found["precision"], found["recall"]) == (pytest.approx(1 / 3, abs=1e-4), 0.5)
    assert found["false_alarms_per_1000"] == 250


def test_a_file_of_truth_without_its_columns_is_refused_by_name(services: Services, tmp_path: Path) -> None:
    path = tmp_path / "truth.parquet"
    pq.write_table(pa.table({"business_date": [dt.date(2026, 11, 1)]}), path)
    with pytest.raises(WrongTruth, match=r"truth\.parquet: lacks is_empty, item_id, location_id, partner"):
        backtest(services, truth=path)


def test_the_table_shows_both_sets_side_by_side(services: Services, tmp_path: Path) -> None:
    story(services, tmp_path)
    found = backtest(services, proposed=slower(services))
    lines = as_text(found).splitlines()
    assert lines[0].split() == ["current", "proposed"]
    assert next(line.split() for line in lines if line.startswith("messages")) == [
        "messages",
        "a",
        "day",
        "0.13",
        "0.10",
    ]
    assert next(line.split()[-4:] for line in lines if "Dana" in line) == ["0.03,", "0.13", "0.03,", "0.10"]


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_the_same_replay_gives_the_same_picture(services: Services, tmp_path: Path, kind: str) -> None:
    story(services, tmp_path)
    found = backtest(services, proposed=slower(services))
    pictures = []
    for name in ("one", "two"):
        plot_backtest(found, tmp_path / f"{name}.{kind}")
        pictures.append((tmp_path / f"{name}.{kind}").read_bytes())
    assert pictures[0] == pictures[1]
    assert len(pictures[0]) > 10_000
