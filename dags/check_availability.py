"""
### Check availability
Turns the observations of one business date into statuses, KPIs, incidents and messages.

**Triage:** safe to clear and rerun; the date's tables are replaced, and nothing is decided or sent twice. A date
older than the partner's latest one only has its tables replaced.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param, dag, task

from include.stockwatch.orchestration import AVAILABILITY, INCIDENTS, TASK_DEFAULTS, parse_date, services


@dag(
    schedule=None,  # the gate starts it, one run per date and inputs
    catchup=False,
    max_active_runs=1,  # dates in order: an incident follows them
    default_args=TASK_DEFAULTS,
    doc_md=__doc__,
    tags=["check", "tier-1"],
    params={"business_date": Param("2026-01-31", type="string", format="date")},
)
def check_availability() -> None:
    @task(outlets=[AVAILABILITY, INCIDENTS])
    def check(params: dict[str, Any], run_id: str) -> dict[str, Any]:
        from include.stockwatch.workflows.checks.check import check as run

        return run(services(), parse_date(params["business_date"]), actor=run_id)

    check()


check_availability()
