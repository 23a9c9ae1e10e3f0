"""The plugin file of the board: light to import, and no address that Airflow keeps for itself (A-82)."""

from __future__ import annotations

import subprocess
import sys

from plugins.board import Board
from tests.conftest import PROJECT

RESERVED = ("/api/v2", "/ui", "/execution", "/auth", "/pluginsv2")
HEAVY = "pandas ibis duckdb great_expectations slack_sdk deltalake pyarrow numpy include.stockwatch.board"


def test_every_process_can_import_it_without_anything_heavy() -> None:
    script = f"import sys, plugins.board; print([name for name in {HEAVY.split()} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_its_addresses_are_free_and_work_below_any_prefix() -> None:
    (app,) = Board.fastapi_apps
    assert not app["url_prefix"].startswith(RESERVED)
    for view in Board.external_views:
        assert view["href"].startswith(app["url_prefix"].lstrip("/") + "/"), (
            "relative, or a prefix of Airflow's breaks it"
        )


def test_addresses_that_people_kept_still_lead_there() -> None:
    routes = {view["url_route"]: (view["name"], view["destination"]) for view in Board.external_views}
    assert routes == {
        "stockwatch": ("Stock", "nav"),
        "feeds": ("Feeds", "nav"),
        "data-quality": ("Data quality", "dag_run"),
    }
