"""People act on stored incidents: one event, one line in the thread, and nothing at the second press."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from include.stockwatch.adapters.state import incidents, outbox
from include.stockwatch.alerting.actions import Act, Action
from include.stockwatch.alerting.case import Decision, Standing
from include.stockwatch.alerting.decisions import Reason
from include.stockwatch.errors import ActionRefused
from include.stockwatch.workflows.incidents.act import act, wake
from include.stockwatch.workflows.incidents.precision import post_audit, precision
from include.stockwatch.workflows.incidents.record import record
from include.stockwatch.workflows.messages.delivery import deliver
from include.stockwatch.workflows.services import Services
from tests.alerting.examples import incident, member
from tests.domain.tables import day
from tests.workflows.days import IN, ITEM, OUT, row, table

ID = "INC-2026-00418"
FRIDAY = dt.datetime(2026, 11, 6, 9, tzinfo=dt.UTC)


@pytest.fixture
def stored(services: Services) -> Services:
    """A store with one open incident."""
    with services.state.begin() as tx:
        record(
            tx,
            Decision(Reason.FIRST, "opened", incident(member("0118", 1, 3))),
            at=FRIDAY,
            actor="check",
            business_date=FRIDAY.date(),
        )
    return services


def sent(services: Services) -> list[tuple[str, str]]:
    """What is queued for Slack: operation and text."""
    with services.state.begin() as tx:
        return [(row["operation"], row["text"]) for row in outbox.messages(tx) if row["status"] == "pending"]


def test_an_acknowledgement_is_stored_told_and_counts_once(stored: Services) -> None:
    taken = act(stored, ID, Action(act=Act.ACKNOWLEDGE, person="dana@example.com", at=FRIDAY))
    assert taken.has_changed
    assert taken.said == "INC-2026-00418: acknowledged, now acknowledged by dana@example.com."
    assert taken.case.handling.acknowledged_until == dt.datetime(2026, 11, 11, 9, tzinfo=dt.UTC)
    again = act(stored, ID, Action(act=Act.ACKNOWLEDGE, person="dana@example.com", at=FRIDAY))
    assert (again.has_changed, again.said) == (
        False,
        "INC-2026-00418 was acknowledged by dana@example.com already.",
    )
    with stored.state.begin() as tx:
        history = [(event["kind"], event["actor"], event["note"]) for event in incidents.events(tx, ID)]
        found = incidents.find(tx, ID)
    assert history == [("opened", "check", None), ("acknowledged", "dana@example.com", None)]
    assert found == taken.case
    assert [operation for operation, _ in sent(stored)] == ["post", "reply"]
    assert "Acknowledged by dana@example.com" in sent(stored)[1][1]


def test_an_incident_ended_by_a_person_is_told_as_ended(stored: Services) -> None:
    stored.now = lambda: FRIDAY
    deliver(stored)
    act(stored, ID, Action(act=Act.FALSE_ALARM, person="dana@example.com", at=FRIDAY, reason="closed"))
    assert act(stored, ID, Action(act=Act.ACKNOWLEDGE, person="sam@example.com", at=FRIDAY)).said == (
        "INC-2026-00418 is resolved by now: nothing was changed."
    )
    operations = sent(stored)
    assert operations[-1][0] == "reply"
    assert operations[-1][1].startswith("RESOLVED")


def test_a_snooze_that_is_over_is_opened_by_the_clock(stored: Services) -> None:
    until = FRIDAY + dt.timedelta(hours=4)
    act(stored, ID, Action(act=Act.SNOOZE, person="dana@example.com", at=FRIDAY, until=until, reason="on its way"))
    stored.now = lambda: until - dt.timedelta(minutes=1)
    assert wake(stored) == []
    stored.now = lambda: until
    assert wake(stored) == [ID]
    assert wake(stored) == []
    with stored.state.begin() as tx:
        found = incidents.find(tx, ID)
        assert found is not None
        assert found.standing is Standing.OPEN
        assert incidents.events(tx, ID)[-1]["actor"] == "clock"


def test_an_unknown_incident_is_refused_by_its_name(stored: Services) -> None:
    with pytest.raises(ActionRefused, match="no incident INC-2026-00419"):
        act(stored, "INC-2026-00419", Action(act=Act.ACKNOWLEDGE, person="dana@example.com", at=FRIDAY))


def test_an_acknowledgement_holds_for_business_days_of_the_routes_calendar(stored: Services, config: Path) -> None:
    """A-03, A-41: Thanksgiving does not count."""
    routes = config / "routes.yaml"
    told = "    channel: C0NORTHFIELD\n    time_zone: America/New_York\n    calendar: US\n"
    routes.write_text(routes.read_text("utf-8").replace("    channel: C0NORTHFIELD\n", told), "utf-8")
    wednesday = dt.datetime(2026, 11, 25, 15, tzinfo=dt.UTC)
    taken = act(stored, ID, Action(act=Act.ACKNOWLEDGE, person="dana@example.com", at=wednesday))
    assert taken.case.handling.acknowledged_until == dt.datetime(2026, 12, 1, 15, tzinfo=dt.UTC)


def test_verdicts_become_the_precision_of_the_rule(stored: Services) -> None:
    with stored.state.begin() as tx:
        other = incident(member("0204", 1, 3), incident_id="INC-2026-00419", fingerprint="f2", item_id="1")
        record(tx, Decision(Reason.FIRST, "opened", other), at=FRIDAY, actor="check", business_date=FRIDAY.date())
    act(stored, "INC-2026-00419", Action(act=Act.CONFIRM, person="dana@example.com", at=FRIDAY))
    found = precision(stored, FRIDAY.date())
    (rule,) = found["rules"]
    assert (rule["rule"], rule["alerts"], rule["precision"], rule["answered"]) == ("core bars", 2, 1.0, 0.5)
    assert found["audit"] == {"alerts": ["INC-2026-00418", "INC-2026-00419"], "near_misses": {}}
    assert found["digest_only"] == []
    assert precision(stored, FRIDAY.date() - dt.timedelta(days=7))["rules"] == []


def test_the_audit_of_a_week_is_asked_once_of_the_channels_that_answer_for_it(stored: Services, config: Path) -> None:
    """A-56; near is what comes near to the limit of its own rule."""
    thresholds = config / "thresholds.yaml"
    rule = "  - name: bars\n    match: {item_class: bars}\n    phantom_probability: 0.9\n"
    thresholds.write_text(thresholds.read_text("utf-8") + rule, "utf-8")
    near = row("0204", IN, p_phantom=0.4), row("0077", IN, p_phantom=0.1), row("0118", OUT, p_phantom=0.4)
    near = *near, row("0301", IN, p_phantom=0.4, item_class="bars"), row("07", IN, p_phantom=0.4, location_type="dc")
    near = *near, row("08", IN, p_phantom=0.4, partner="westway")  # a DC, checked before tables told so
    stored.lake.replace_dates("availability", table(5, near), [day(5)])
    with stored.state.read() as tx:
        channel = incidents.find(tx, ID).channel
    assert post_audit(stored, day(1)) == [channel]
    assert post_audit(stored, day(1)) == []
    with stored.state.read() as tx:
        (message,) = outbox.of_incident(tx, "AUDIT-2026-W45")
    assert message["text"] == "AUDIT of the week from Mon 2 Nov: please look at 1 alert and 1 shelf without an alert."
    assert ID in message["plain"]
    assert (
        f"Nut Mix at Northfield Grocers, 0204: empty with a chance of 40% - northfield/0204/{ITEM}" in message["plain"]
    )
