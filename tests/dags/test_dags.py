"""What every Dag file must be: light, complete, and on its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.local_airflow import PROJECT, LocalAirflow

HEAVY = (
    "pandas",
    "ibis",
    "duckdb",
    "great_expectations",
    "slack_sdk",
    "deltalake",
    "pyarrow",
    "numpy",
    "paramiko",
    "s3fs",
)
TIERS = {"tier-1", "tier-2", "tier-3"}
LIST_DAGS = """
import json
from airflow.dag_processing.dagbag import DagBag
bag = DagBag()
print("DAGS" + json.dumps({
    "errors": bag.import_errors,
    "dags": {
        dag_id: {
            "tags": sorted(dag.tags), "doc": dag.doc_md or "", "catchup": dag.catchup,
            "max_active_runs": dag.max_active_runs,
            "tasks": {task.task_id: {"retries": task.retries, "pool": task.pool} for task in dag.tasks},
        }
        for dag_id, dag in bag.dags.items()
    },
}))
"""


def load_dags(home: Path, config: Path | None = None) -> dict[str, Any]:
    """Every Dag as Airflow's own Dag bag sees it, in a process of its own."""
    airflow = LocalAirflow(home, config=config)
    done = subprocess.run(
        [sys.executable, "-c", LIST_DAGS], env=airflow.environment, cwd=PROJECT, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout.rsplit("DAGS", 1)[1]))


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The shipped Dags with the shipped settings."""
    return load_dags(tmp_path_factory.mktemp("bag"))


def test_every_dag_loads(bag: dict[str, Any]) -> None:
    assert bag["errors"] == {}
    assert set(bag["dags"]) == {
        "landing_scan",
        "ingest_northfield_stores",
        "ingest_northfield_items",
        "ingest_northfield_locations",
        "ingest_northfield_complaints",
        "ingest_brand_loyalty",
        "ingest_westway_dcs",
        "release_feed",
        "feed_watch",
        "gate",
        "check_availability",
        "deliver_alerts",
        "weekly_scorecard",
        "follow_up",
        "audit_owners",
        "daily_digest",
    }


def test_every_dag_has_a_tier_triage_notes_and_no_catch_up(bag: dict[str, Any]) -> None:
    for dag_id, dag in bag["dags"].items():
        assert len(TIERS & set(dag["tags"])) == 1, dag_id
        assert "**Triage:**" in dag["doc"], dag_id
        assert dag["catchup"] is False, dag_id
        assert dag["max_active_runs"] == (1000 if dag_id == "release_feed" else 1), dag_id


def test_every_task_is_retried_and_only_the_dispatcher_takes_the_slack_pool(bag: dict[str, Any]) -> None:
    for dag_id, dag in bag["dags"].items():
        assert dag["tasks"], dag_id
        for task_id, task in dag["tasks"].items():
            assert task["retries"] == 2, f"{dag_id}.{task_id}"
            assert (task["pool"] == "slack") == (dag_id == "deliver_alerts"), f"{dag_id}.{task_id}"


@pytest.mark.parametrize("path", sorted(PROJECT.glob("dags/[a-z]*.py")) + sorted(PROJECT.glob("plugins/[a-z]*.py")))
def test_importing_a_dag_or_plugin_file_pulls_in_nothing_heavy(path: Path, tmp_path: Path) -> None:
    module = f"{path.parent.name}.{path.stem}"
    code = f"import sys, {module}; print('LOADED', *[name for name in {HEAVY!r} if name in sys.modules])"
    airflow = LocalAirflow(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", code], env=airflow.environment, cwd=PROJECT, capture_output=True, text=True, check=True
    )  # fmt: skip
    assert done.stdout.rsplit("LOADED", 1)[1].split() == []


def test_one_broken_feed_definition_leaves_the_other_feeds_alive(tmp_path: Path, config: Path) -> None:
    broken = config / "feeds" / "westway_dcs.yaml"
    broken.write_text(broken.read_text("utf-8").replace("absent_means: zero", "absent_meens: zero"), "utf-8")
    (config / "feeds" / "not_yaml.yaml").write_text("partner: [", "utf-8")
    bag = load_dags(tmp_path / "home", config)
    assert bag["errors"] == {}
    assert list(bag["dags"]["ingest_northfield_stores"]["tasks"]) == ["read", "publish"]
    assert list(bag["dags"]["ingest_westway_dcs"]["tasks"]) == ["definition_is_broken"]
    assert "westway_dcs.yaml:17:1: absent_meens: unknown field" in bag["dags"]["ingest_westway_dcs"]["doc"]
    assert list(bag["dags"]["ingest_not_yaml"]["tasks"]) == ["definition_is_broken"]
