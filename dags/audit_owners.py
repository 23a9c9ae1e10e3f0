"""
### Audit owners
Looks once a day whether every account has an owner who can be reached: a row of the owner list that is in force, known
to Slack, and not away without a delegate. An account without one becomes one incident, which anybody may claim.
Beside it, `check_slack` looks whether the Slack app may do what it must and reaches every channel that a route names or
an open incident stands in. It posts nothing, and fails with one line for each thing to mend.

**Triage:** safe to clear and rerun; the same finding again changes nothing. It ends by itself once the owner list, or
the people in `routes.yaml`, are right. A red `check_slack` says in its log what the app lacks: docs/slack-setup.md.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import dag, task

from include.stockwatch.orchestration import START, TASK_DEFAULTS, services


@dag(
    schedule="30 5 * * *",
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    doc_md=__doc__,
    tags=["alert", "tier-2"],
)
def audit_owners() -> None:
    @task
    def audit(run_id: str) -> dict[str, Any]:
        from include.stockwatch.workflows.incidents import owners

        return owners.audit(services(), actor=run_id)

    @task
    def check_slack() -> dict[str, Any]:
        from include.stockwatch.workflows.messages import slack_check

        return slack_check.check_slack(services())

    audit()
    check_slack()


audit_owners()
