"""
### Follow up
What time does to incidents: snoozes and acknowledgements end, open incidents go to the owner of today, and what nobody
has taken is asked of the owner again, then of the backup, then of the lead. Asks Slack once a day who may be mentioned.

**Triage:** safe to clear and rerun; every step is taken once. Names that Slack does not know are found by
`audit_owners`; while Slack does not answer, messages go without a mention.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import dag, task

from include.stockwatch.orchestration import START, TASK_DEFAULTS, services


@dag(
    schedule="*/10 * * * *",
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    doc_md=__doc__,
    tags=["alert", "tier-2"],
)
def follow_up() -> None:
    @task
    def look_up() -> dict[str, int]:
        from include.stockwatch.workflows.incidents import owners

        return owners.look_up(services())

    @task
    def follow() -> dict[str, Any]:
        from include.stockwatch.workflows.incidents import follow_up as workflow

        return workflow.follow_up(services())

    look_up()
    follow()


follow_up()
