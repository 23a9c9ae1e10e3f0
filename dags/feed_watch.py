"""
### Feed watch
Looks whether every feed is on time and whole. A feed that is late, silent, held, or much smaller than usual becomes
one data incident with one message, which changes in place and ends with the delivery of the newest due date. What
customers said on the latest days is relayed to the channels that `signals.yaml` names, one message per date.

**Triage:** safe to clear and rerun; nothing is decided or sent twice. What it says is in Slack and on the page *Feeds*.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import dag, task

from include.stockwatch.orchestration import START, TASK_DEFAULTS, services


@dag(
    schedule="*/5 * * * *",
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    doc_md=__doc__,
    tags=["alert", "tier-1"],
)
def feed_watch() -> None:
    @task
    def watch(run_id: str) -> dict[str, Any]:
        from include.stockwatch.workflows.feeds import feed_watch as workflow

        return workflow.watch(services(), actor=run_id)

    @task
    def relay() -> dict[str, Any]:
        from include.stockwatch.workflows import signals

        return signals.relay(services())

    watch()
    relay()


feed_watch()
