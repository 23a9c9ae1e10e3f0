"""
### Weekly scorecard
Posts the scorecard of the week that is over, once per channel: the promises each partner kept or broke, and the trend;
and the audit of that week, some alerts and shelves drawn by lot for people to look at.
Looks for messages that are in a channel twice, too. It runs on Tuesday, as the last day of the week is delivered on
Monday.

**Triage:** safe to clear and rerun; a channel that has its scorecard gets no second one. The command
`scorecard --week 2026-W45` shows any week as it stands now.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import dag, task

from include.stockwatch.orchestration import START, TASK_DEFAULTS, services


@dag(
    schedule="0 6 * * 2",
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    doc_md=__doc__,
    tags=["alert", "tier-3"],
)
def weekly_scorecard() -> None:
    @task
    def post() -> dict[str, Any]:
        from include.stockwatch.workflows.promises import scorecard

        return scorecard.post(services())

    @task
    def look_for_copies() -> dict[str, Any]:
        from include.stockwatch.workflows.messages import copies

        return copies.look_for_copies(services())

    post()
    look_for_copies()


weekly_scorecard()
