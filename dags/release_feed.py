"""
### Release a held file
Asks a person about a file that its checks hold back, and does what is chosen. The question and its evidence stand in
*Required Actions*; a waiting run takes no worker, and without an answer the file stays held.

**Triage:** safe to clear; clearing the run asks again, about the file as it is then. A red `publish` with *FeedHeld* in
its log means that the file cannot be released: mend the feed definition and clear the ingest run, or discard the file
in the next question, which comes within a minute.
"""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import dag, task

from include.stockwatch.orchestration import TASK_DEFAULTS, airflow_url, services


class Choice(HITLOperator):
    """A question whose options depend on the file: not every file can be released."""

    template_fields: ClassVar = (*HITLOperator.template_fields, "options")


@dag(
    schedule=None,  # landing_scan starts it, one run per held file
    catchup=False,
    max_active_runs=1000,  # every one waits for a person
    default_args=TASK_DEFAULTS,
    doc_md=__doc__,
    tags=["ingest", "tier-2"],
    params={"feed": "", "delivery": ""},
)
def release_feed() -> None:
    @task
    def evidence(params: dict[str, Any], run_id: str) -> dict[str, Any]:
        from include.stockwatch.workflows.feeds.quarantine import ask

        found = ask(services(), params["feed"], params["delivery"], run_id, airflow_url())
        return {"subject": found.subject, "body": found.body, "options": list(found.options)}

    @task
    def publish(answer: dict[str, Any], params: dict[str, Any], run_id: str) -> str:
        from include.stockwatch.workflows.feeds.quarantine import apply

        by = (answer.get("responded_by_user") or {}).get("name") or "somebody"
        option = answer["chosen_options"][0]
        return apply(services(), params["feed"], params["delivery"], run_id, option, by).status

    shown = evidence()
    decide = Choice(
        task_id="decide",
        subject=shown["subject"],  # values of tasks are not rendered again: what a partner wrote is no template
        body=shown["body"],
        options=shown["options"],
    )
    wake_gate = TriggerDagRunOperator(task_id="wake_gate", trigger_dag_id="gate")
    publish(decide.output) >> wake_gate


release_feed()
