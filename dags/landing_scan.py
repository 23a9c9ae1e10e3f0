"""
### Landing scan
Lists every landing once, claims files that have settled (unchanged on two looks) and starts their ingest. Starts
`release_feed` for every held file that nobody was asked about.

**Triage:** safe to clear and rerun; a file is claimed once and its ingest has one run id. A landing that cannot be
reached is logged and looked at again a minute later.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import dag, task

from include.stockwatch.orchestration import START, TASK_DEFAULTS, services


@dag(
    schedule="* * * * *",
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    doc_md=__doc__,
    tags=["ingest", "tier-1"],
)
def landing_scan() -> None:
    @task
    def claim() -> list[dict[str, Any]]:
        from include.stockwatch.workflows.feeds import landing

        return [
            {
                "trigger_dag_id": f"ingest_{file.feed_id}",
                "trigger_run_id": file.run_id,
                "conf": {"file_key": file.file_key},
            }
            for file in landing.scan(services())
        ]

    @task
    def held() -> list[dict[str, Any]]:
        from include.stockwatch.workflows.feeds import quarantine

        return [
            {"trigger_run_id": one.run_id, "conf": {"feed": one.feed_id, "delivery": one.delivery_id}}
            for one in quarantine.unasked(services())
        ]

    TriggerDagRunOperator.partial(
        task_id="start_ingest",
        skip_when_already_exists=True,
        max_active_tis_per_dagrun=1,  # in the order the files were claimed
        map_index_template="{{ task.trigger_dag_id }}",
    ).expand_kwargs(claim())
    TriggerDagRunOperator.partial(
        task_id="ask_decision",
        trigger_dag_id="release_feed",
        skip_when_already_exists=True,
        map_index_template="{{ task.conf.feed }}",
    ).expand_kwargs(held())


landing_scan()
