"""
### Deliver alerts
Sends what the outbox holds, each message effectively once and no faster than one a second per channel. Without a Slack
connection the messages are previewed: their text is in the log and in the outbox. Presses of buttons that had to wait
are done after it.

**Triage:** safe to clear and rerun; a message whose end is not known is looked for in Slack before it is repeated.
Red with *invalid_auth* or the like: mend the token in the connection `slack_api_default`; nothing is lost meanwhile.
Red with *dead messages could not be told of*: the last route's channel takes no message; mend it, then look at
`deliver --dead` and replay or discard.
"""

from __future__ import annotations

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, dag, task

from include.stockwatch.orchestration import INCIDENTS, SLACK_POOL, START, TASK_DEFAULTS, services, slack_inbound


@dag(
    schedule=AssetOrTimeSchedule(assets=INCIDENTS, timetable=CronTriggerTimetable("* * * * *", timezone="UTC")),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    doc_md=__doc__,
    tags=["alert", "tier-1"],
)
def deliver_alerts() -> None:
    @task(pool=SLACK_POOL)
    def deliver() -> dict[str, int]:
        from include.stockwatch.workflows.incidents import evidence
        from include.stockwatch.workflows.messages import delivery, presses

        made = services()
        done = delivery.deliver(made)
        more = len(presses.work(made, slack_inbound())) + evidence.attach_evidence(made)
        return delivery.deliver(made) if more else done

    deliver()


deliver_alerts()
