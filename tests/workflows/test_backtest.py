"""What a replay of history says of who is told how often and what it catches, under one set of thresholds or two."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.stockwatch.adapters.plots import plot_backtest
from include.stockwatch.adapters.state import outbox
from include.stockwatch.alerting.actions import Act, Action
from include.stockwatch.domain.thresholds import Thresholds
from include.stockwatch.workflows.backtest import NothingDelivered, WrongTruth, backtest
from include.stockwatch.workflows.backtest_text import as_text
from include.stockwatch.workflows.checks.check import check
from include.stockwatch.workflows.incidents.act import act
from include.stockwatch.workflows.messages.delivery import deliver
from include.stockwatch.workflows.services import Services
from tests.workflows.checks.test_check import deliver_file, history
from tests.workflows.incidents.test_follow_up import OWNERS, owner_list

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


def truth(tmp_path: Path, shelves: dict[tuple[dt.date, str], bool]) -> Path:
    """A file that says of some stores whether they were empty on a date."""
    rows = [
        {"business_date": date, "partner": "northfield", "location_id": store, "item_id": ITEM, "is_empty": is_empty}
        for (date, store), is_empty in shelves.items()
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "truth.parquet")
    return tmp_path / "truth.parquet"


def test_messages_are_counted_for_each_owner(services: Services, tmp_path: Path) -> None:
    story(services, tmp_path)
    found = backtest(services)
    assert found["per_owner"] == {
        "Dana Ruiz": {"opened": 1, "messages": 5, "opened_per_day": 0.0323, "messages_per_day": 0.1613}
    }


def test_a_replay_counts_what_the_checks_queue_and_for_whom(services: Services, config: Path, tmp_path: Path) -> None:
    (config / "master" / "our_owners.yaml").write_text(OWNERS, "utf-8")
    owner_list(services, [{"owner": "Sam Lee"}])  # the route says Dana Ruiz
    first = history(services, tmp_path)
    queued, opened = [], []
    for offset, out in enumerate(({"0001"}, {"0001"}, {"0001", "0002"}, set())):
        date = first + dt.timedelta(days=offset)
        deliver_file(services, tmp_path, date, out)
        opened.append(len(check(services, date)["incidents"]["opened"]))
        deliver(services)
        with services.state.begin() as tx:
            queued.append(len(outbox.messages(tx)) - sum(queued))
    found = backtest(services, first, date)
    assert [(day["opened"], day["messages"]) for day in found["per_day"]] == list(zip(opened, queued, strict=True))
    assert {name: one["messages"] for name, one in found["per_owner"].items()} == {"Sam Lee": sum(queued)}
    assert sum(queued) > 5, "a line in the thread is among them"


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
    dates = date, date + dt.timedelta(days=1)
    shelves = {(one, store): False for one in dates for store in ("0001", "0002", "0003", "0004")}
    known = truth(tmp_path, shelves | {(date, "0001"): True, (date, "0003"): True})
    found = backtest(services, *dates, truth=known)
    assert (found["precision"], found["recall"]) == (pytest.approx(1 / 3, abs=1e-4), 0.5)
    assert found["false_alarms_per_1000"] == 250


def test_what_the_truth_does_not_speak_of_is_no_false_alarm(services: Services, tmp_path: Path) -> None:
    """A world's truth of shelves says nothing of DCs, nor of days before it began."""
    date = story(services, tmp_path)
    known = truth(tmp_path, {(date, "0001"): True, (date, "0003"): True, (date, "0004"): False})
    found = backtest(services, date, date + dt.timedelta(days=1), truth=known)
    assert (found["precision"], found["recall"], found["false_alarms_per_1000"]) == (1, 0.5, 0)


def test_verdicts_of_people_are_held_against_both_sets(services: Services, tmp_path: Path) -> None:
    date = history(services, tmp_path)
    deliver_file(services, tmp_path, date, {"0001"})
    (incident,) = check(services, date)["incidents"]["opened"]
    judge = Action(act=Act.CONFIRM, person="dana.ruiz@example.com", at=services.now())
    assert "verdicts" not in backtest(services), "nobody has said anything yet"
    act(services, incident, judge)
    found = backtest(services, proposed=slower(services))
    assert found["current"]["verdicts"] == {"judged": 1, "told": 1, "precision": 1, "recall": 1}
    assert found["proposed"]["verdicts"] == {"judged": 1, "told": 0, "precision": None, "recall": 0}
    (line,) = (line for line in as_text(found).splitlines() if "confirmed alerts" in line)
    assert line.split()[-2:] == ["1.00", "0.00"]


def test_a_file_of_truth_without_its_columns_is_refused_by_name(services: Services, tmp_path: Path) -> None:
    path = tmp_path / "truth.parquet"
    pq.write_table(pa.table({"business_date": [dt.date(2026, 11, 1)]}), path)
    with pytest.raises(WrongTruth, match=r"truth\.parquet: lacks is_empty, item_id, location_id, partner"):
        backtest(services, truth=path)
    pq.write_table(pq.read_table(truth(tmp_path, {(dt.date(2026, 11, 1), "0001"): True})), path)
    with pytest.raises(WrongTruth, match="no shelf in it had stock"):
        backtest(services, truth=path)
    path.write_text("no Parquet")
    with pytest.raises(WrongTruth, match=r"truth\.parquet: no Parquet file that can be read"):
        backtest(services, truth=path)
    with pytest.raises(WrongTruth, match=r"nowhere\.parquet: no Parquet file that can be read"):
        backtest(services, truth=tmp_path / "nowhere.parquet")


def test_dates_of_which_nothing_came_are_no_quiet_history(services: Services, tmp_path: Path) -> None:
    with pytest.raises(NothingDelivered, match="no date was delivered yet"):
        backtest(services)
    date = history(services, tmp_path)
    with pytest.raises(
        NothingDelivered, match=f"nothing to replay .* delivered are .* to {date - dt.timedelta(days=1)}"
    ):
        backtest(services, date, date)


def test_the_table_shows_both_sets_side_by_side(services: Services, tmp_path: Path) -> None:
    story(services, tmp_path)
    found = backtest(services, proposed=slower(services))
    lines = as_text(found).splitlines()
    assert lines[0].split() == ["current", "proposed"]
    assert next(line.split() for line in lines if line.startswith("messages")) == [
        "messages",
        "a",
        "day",
        "0.16",
        "0.10",
    ]
    assert next(line.split()[-4:] for line in lines if "Dana" in line) == ["0.03,", "0.16", "0.03,", "0.10"]


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
