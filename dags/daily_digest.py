"""
### Daily digest
Posts what each channel has to know of its day: what is open by severity, opened and resolved since the digest before,
snoozes that end, feeds that stand still. Runs every hour, as a channel gets its digest at its own opening.

**Triage:** safe to clear and rerun; a channel gets one digest a business day, and none if there is nothing to say.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import dag, task

from include.stockwatch.orchestration import START, TASK_DEFAULTS, services


@dag(
    schedule="5 * * * *",
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    doc_md=__doc__,
    tags=["alert", "tier-3"],
)
def daily_digest() -> None:
    @task
    def post() -> dict[str, Any]:
        from include.stockwatch.workflows.messages import digest

        return digest.post(services())

    post()


daily_digest()
