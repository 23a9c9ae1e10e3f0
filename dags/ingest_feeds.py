"""
### Ingest a feed
Reads, checks and publishes one file of one feed; the run is named after the file. One Dag per definition in
`include/config/feeds` and `include/config/master`, made by this factory. A file of master data also loads the rows of
feeds that waited for it.

**Triage:** safe to clear and rerun; a published file is left alone. A red `read` with *FeedHeld* in its log is the
partner's file or the feed definition: the log says line, field, value and what to do; clear the run after mending.
The tab *Data quality* of the run shows the report.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, dag, task

from include.stockwatch.orchestration import TASK_DEFAULTS, FeedDag, feed_dags, feed_definition, is_master, services


def feed_dag(found: FeedDag) -> DAG:
    """The Dag of one feed; of a broken definition a Dag that says what is wrong with it."""

    @dag(
        dag_id=found.dag_id,
        dag_display_name=f"ingest: {found.feed.partner_name} ({found.feed_id})" if found.feed else found.dag_id,
        schedule=None,  # landing_scan starts it, once per file
        catchup=False,
        max_active_runs=1,  # a corrected file is published after the one it corrects
        default_args=TASK_DEFAULTS,
        doc_md=__doc__ if found.feed else f"### Broken feed definition\n```\n{found.error}\n```\n**Triage:** mend it.",
        tags=["ingest", "tier-1"],
        params={"file_key": ""},
    )
    def ingest() -> None:
        if found.feed is None:

            @task
            def definition_is_broken() -> None:
                feed_definition(found.feed_id)  # raises what is wrong, or the file was mended since the last parse

            definition_is_broken()
            return

        @task
        def read(params: dict[str, Any], run_id: str) -> str:
            from include.stockwatch.workflows.feeds import ingest, master_files

            take = master_files if is_master(found.feed_id) else ingest
            return take.read_landed(services(), found.feed_id, params["file_key"], run_id).delivery_id

        @task(outlets=[found.asset])
        def publish(delivery_id: str, params: dict[str, Any], outlet_events: Any) -> int:
            from include.stockwatch.workflows.feeds import ingest, master_files

            take = master_files if is_master(found.feed_id) else ingest
            done = take.publish(services(), found.feed_id, delivery_id, params["file_key"])
            outlet_events[found.asset].extra = {"dates": len(done.business_dates), "delivery_id": delivery_id}
            return done.rows_published

        publish(read())

    return ingest()


for found in feed_dags():
    globals()[found.dag_id] = feed_dag(found)
