"""
### Gate
Reads the delivery ledger and starts a check for every date on which a partner is settled and has news: its feeds and
those of its suppliers have come, or are past their cut-off. Feed assets wake it and a cron makes sure; what is due
comes from the stores alone.

**Triage:** safe to clear and rerun; a check of the same date on the same deliveries that awaits the same partners has
one run id.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import AssetAny, AssetOrTimeSchedule, CronTriggerTimetable, dag, task

from include.stockwatch.orchestration import START, TASK_DEFAULTS, feed_asset, feed_ids, services


@dag(
    schedule=AssetOrTimeSchedule(
        assets=AssetAny(*(feed_asset(feed_id) for feed_id in feed_ids())),
        timetable=CronTriggerTimetable("*/5 * * * *", timezone="UTC"),
    ),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    doc_md=__doc__,
    tags=["check", "tier-1"],
)
def gate() -> None:
    @task
    def due() -> list[dict[str, Any]]:
        from include.stockwatch.workflows.checks.gate import due_checks

        return [
            {
                "trigger_run_id": date.run_id,
                "conf": {"business_date": date.business_date.isoformat(), "why": date.why.value},
            }
            for date in due_checks(services())
        ]

    TriggerDagRunOperator.partial(
        task_id="start_check",
        trigger_dag_id="check_availability",
        skip_when_already_exists=True,
        max_active_tis_per_dagrun=1,  # oldest date first
    ).expand_kwargs(due())


gate()
