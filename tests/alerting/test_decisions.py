"""Incidents over time. Day 1 is Monday 2 November 2026."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given

from include.stockwatch.alerting.actions import FALSE_ALARM_REASONS
from include.stockwatch.alerting.case import Kind, Severity, Standing, Verdict
from include.stockwatch.alerting.decisions import CHANGES, Reason, decide, fingerprint_of, taken_back
from include.stockwatch.alerting.incident import Incident, Lack, MemberState, Picture
from include.stockwatch.alerting.messages.thread import told
from include.stockwatch.alerting.retold import Left
from tests.alerting.stories import Story, shown
from tests.domain.tables import day
from tests.strategies import picture_of, picture_stories


def opened(**told: object) -> Story:
    """An incident that opened on day 2: Reno (0118) is out, Sparks (0204) is not."""
    story = Story()
    assert story.on(2, **({"out": {"0118": 2}, "back": ["0204"]} | told)).reason is Reason.FIRST
    return story


# --- opening ---------------------------------------------------------------------------------------------------------


def test_an_incident_opens_once() -> None:
    story = Story()
    first = story.on(2, out={"0118": 2}, back=["0204"])
    again = story.on(2, out={"0118": 2}, back=["0204"])
    assert (first.reason, first.event_kind) == (Reason.FIRST, "opened")
    assert (again.reason, again.event_kind, again.incident) == (Reason.NOTHING_NEW, None, None)
    assert story.events == ["opened"]


def test_an_incident_opens_with_what_the_picture_shows() -> None:
    story = Story()
    story.on(3, out={"0204": 3, "0118": 1}, back=["0077"], severity=Severity.HIGH)
    incident = story.incident
    assert incident is not None
    assert incident.incident_id == "INC-2026-00001"
    assert (incident.opened_on, incident.detected_on, incident.data_as_of) == (day(1), day(3), day(3))
    assert [member.location_id for member in incident.members] == ["0118", "0204"]
    assert (incident.ranged, incident.known, incident.peak_out, incident.out_before) == (3, 3, 2, None)
    assert (incident.severity, incident.channel, incident.owner) == (Severity.HIGH, "C0NORTHFIELD", "Dana Ruiz")
    assert (incident.previous_id, incident.data_stale, incident.standing) == (None, False, Standing.OPEN)


def test_nothing_opens_while_everything_is_in_stock() -> None:
    assert Story().on(2, back=["0118", "0204"]).reason is Reason.NOTHING_NEW


def test_nothing_opens_before_an_alert_is_due() -> None:
    story = Story()
    assert story.on(2, out={"0118": 2}, due=False).reason is Reason.NOT_DUE
    assert story.on(3, out={"0118": 2}, due=False).reason is Reason.NOT_DUE
    due = story.on(4, out={"0118": 2})
    assert due.reason is Reason.FIRST
    assert due.incident is not None
    assert (due.incident.opened_on, due.incident.detected_on) == (day(2), day(4))
    assert story.events == ["opened"]


@pytest.mark.parametrize("delivered", [True, False], ids=["location left out", "no delivery"])
def test_missing_data_opens_nothing(delivered: bool) -> None:
    assert Story().on(2, unknown=["0118", "0204"], delivered=delivered).reason is Reason.NOTHING_NEW


def test_an_item_that_is_out_again_long_after_the_end_is_a_new_incident_that_knows_the_one_before() -> None:
    story = opened()
    assert story.on(3, back=["0118", "0204"]).reason is Reason.RESTOCKED
    again = story.on(13, out={"0118": 13}, back=["0204"])
    assert again.reason is Reason.FIRST
    assert again.incident is not None
    assert (again.incident.incident_id, again.incident.previous_id) == ("INC-2026-00002", "INC-2026-00001")
    assert again.incident.fingerprint == story.ended[0].fingerprint
    assert again.incident.opened_on == day(13)


def test_an_item_that_is_out_again_soon_goes_on_in_the_same_incident() -> None:
    #
    story = opened()
    story.on(3, back=["0118", "0204"])
    again = story.on(12, out={"0118": 12}, back=["0204"])
    assert (again.reason, again.event_kind) == (Reason.AGAIN, "reopened")
    assert again.incident is not None
    assert (again.incident.incident_id, again.incident.standing) == ("INC-2026-00001", Standing.OPEN)
    assert (again.incident.resolved_on, again.incident.end_reason, again.incident.handling.reopened) == (None, None, 1)
    assert story.states() == {("0118", 2): "back", ("0118", 12): "out"}


def handled(story: Story, standing: Standing, **done: Any) -> None:
    """What a person did with the open incident."""
    assert story.incident is not None
    handling = story.incident.handling.model_copy(update=done)
    after = story.incident.model_copy(update={"standing": standing, "handling": handling})
    story.incident = after
    if standing is Standing.RESOLVED:
        story.ended.append(after.model_copy(update={"resolved_on": after.data_as_of}))
        story.incident = None


def test_what_a_person_ended_too_early_is_reopened_and_says_who_closed_it() -> None:
    #
    story = opened()
    handled(story, Standing.RESOLVED, resolved_by="dana@example.com", resolve_reason="delivered")
    closed = story.ended[-1]
    again = story.on(3, out={"0118": 2, "0204": 2})
    assert again.reason is Reason.AGAIN
    assert again.incident is not None
    line = told(closed, again.incident, "reopened", "check", None)
    assert line is not None
    assert line.words == "Opened again; dana@example.com had closed it."
    assert again.incident.handling.resolved_by is None


def test_what_a_person_ended_is_not_reopened_by_the_data_that_they_saw() -> None:
    """A-06: the next evaluation is that of a later date, not a re-run because another partner delivered."""
    story = opened()
    handled(story, Standing.RESOLVED, resolved_by="dana@example.com", resolve_reason="delivered")
    for _ in range(2):
        assert story.on(2, out={"0118": 2, "0204": 2}).reason is Reason.JUDGED
    assert story.on(3, out={"0118": 2, "0204": 2}).reason is Reason.AGAIN


def test_what_is_back_again_is_as_severe_as_it_is_now() -> None:
    """A-23 slows the fall of one spell, not of the next one."""
    story = opened(severity=Severity.CRITICAL)
    story.on(3, back=["0118", "0204"])
    again = story.on(5, out={"0118": 5}, back=["0204"], severity=Severity.LOW)
    assert again.incident is not None
    assert (again.incident.severity, again.incident.calm_checks) == (Severity.LOW, 0)


def test_an_old_false_alarm_does_not_keep_closed_what_somebody_ended_for_another_reason() -> None:
    """A-06, A-55"""
    story = opened()
    judged = Verdict(person="dana@example.com", is_confirmed=False, at=dt.datetime(2026, 11, 3, tzinfo=dt.UTC))
    handled(story, Standing.RESOLVED, verdicts=(judged,), resolve_reason=FALSE_ALARM_REASONS["other"])
    story.on(4, out={"0118": 2, "0204": 2, "0077": 4})
    handled(story, Standing.RESOLVED, resolved_by="dana@example.com", resolve_reason="delivered")
    assert story.on(5, out={"0118": 2, "0204": 2, "0077": 4}).reason is Reason.AGAIN


def test_what_a_person_called_a_false_alarm_stays_closed_until_something_else_runs_out() -> None:
    #
    story = opened()
    judged = Verdict(person="dana@example.com", is_confirmed=False, at=dt.datetime(2026, 11, 3, tzinfo=dt.UTC))
    handled(story, Standing.RESOLVED, verdicts=(judged,))
    assert story.on(3, out={"0118": 2, "0204": 2}).reason is Reason.JUDGED
    assert story.on(4, out={"0118": 2, "0204": 4}).reason is Reason.AGAIN


def test_severity_falls_by_one_level_on_the_second_date_that_asks_for_less() -> None:
    #
    story = opened(severity=Severity.CRITICAL)
    seen = []
    for number in (3, 3, 4, 4, 5, 6):
        story.on(number, out={"0118": 2, "0204": 2}, severity=Severity.LOW)
        assert story.incident is not None
        seen.append(story.incident.severity.value)
    assert seen == ["critical", "critical", "high", "high", "high", "medium"]


def test_a_date_that_asks_for_as_much_again_starts_the_wait_anew() -> None:
    story = opened(severity=Severity.HIGH)
    for number, severity in ((3, Severity.LOW), (4, Severity.HIGH), (5, Severity.LOW)):
        story.on(number, out={"0118": 2, "0204": 2}, severity=severity)
    assert story.incident is not None
    assert (story.incident.severity, story.incident.calm_checks) == (Severity.HIGH, 1)


@pytest.mark.parametrize(
    ("standing", "severity", "after"),
    [
        (Standing.SNOOZED, Severity.HIGH, Standing.OPEN),
        (Standing.SNOOZED, Severity.MEDIUM, Standing.SNOOZED),
        (Standing.ACKNOWLEDGED, Severity.HIGH, Standing.ACKNOWLEDGED),
        (Standing.ACKNOWLEDGED, Severity.CRITICAL, Standing.OPEN),
    ],
)
def test_what_got_worse_asks_for_attention_again(standing: Standing, severity: Severity, after: Standing) -> None:
    story = opened(severity=Severity.MEDIUM)
    handled(story, standing)
    story.on(3, out={"0118": 2, "0204": 2, "0077": 3}, severity=severity)
    assert story.incident is not None
    assert story.incident.standing is after


def test_a_snooze_ends_when_the_cause_changes() -> None:
    #
    story = opened(out={"0118": (2, {"cause": "not_ordered"})})
    handled(story, Standing.SNOOZED)
    story.on(3, out={"0118": (2, {"cause": "not_ordered"})})
    assert story.incident is not None
    assert story.incident.standing is Standing.SNOOZED
    story.on(4, out={"0118": (2, {"cause": "retailer_dc"})})
    assert story.incident.standing is Standing.OPEN


# --- while it lasts --------------------------------------------------------------------------------------------------


def test_one_more_location_out_is_worse() -> None:
    story = opened()
    decision = story.on(3, out={"0118": 2, "0204": 3})
    assert (decision.reason, decision.event_kind) == (Reason.WORSE, "updated")
    assert story.incident is not None
    assert (story.incident.out_before, story.incident.peak_out) == (1, 2)
    assert story.states() == {("0118", 2): "out", ("0204", 3): "out"}


def test_a_higher_severity_is_worse() -> None:
    story = opened(severity=Severity.MEDIUM)
    assert story.on(3, out={"0118": 2}, back=["0204"], severity=Severity.CRITICAL).reason is Reason.WORSE


def test_a_higher_severity_is_worse_even_with_fewer_locations() -> None:
    story = opened(out={"0118": 2, "0204": 2}, back=[])
    assert story.on(3, out={"0118": 2}, back=["0204"], severity=Severity.HIGH).reason is Reason.WORSE


def test_fewer_locations_out_ease_it() -> None:
    story = opened(out={"0118": 2, "0204": 2}, back=[])
    decision = story.on(3, out={"0118": 2}, back=["0204"])
    assert (decision.reason, decision.event_kind) == (Reason.EASED, "updated")
    assert story.states() == {("0118", 2): "out", ("0204", 2): "back"}
    assert story.incident is not None
    assert (story.incident.out_before, story.incident.peak_out) == (2, 2)


def test_one_back_and_another_out_is_neither_worse_nor_eased() -> None:
    story = opened()
    assert story.on(3, out={"0204": 3}, back=["0118"]).reason is Reason.FIGURES
    assert story.states() == {("0118", 2): "back", ("0204", 3): "out"}


def test_the_same_locations_with_other_figures_are_figures() -> None:
    story = opened(out={"0118": (2, {"lost_units": 4.0})})
    decision = story.on(3, out={"0118": (2, {"lost_units": 8.0})}, back=["0204"])
    assert (decision.reason, decision.event_kind) == (Reason.FIGURES, "updated")
    assert story.incident is not None
    assert story.incident.total("lost_units") == 8
    assert story.incident.members[0].days_out() == 2


def test_a_new_owner_shows_with_the_next_fresh_data() -> None:
    story = opened()
    assert story.on(3, unknown=["0118", "0204"], delivered=False, owner="Priya Nair").incident.owner == "Dana Ruiz"
    assert story.on(4, out={"0118": 2}, back=["0204"], owner="Priya Nair").incident.owner == "Priya Nair"


def test_a_name_that_a_date_does_not_bring_is_kept() -> None:
    story = opened()
    story.on(3, out={"0118": 2}, back=["0204"], item_name=None, currency=None)
    assert story.incident is not None
    assert (story.incident.item_name, story.incident.currency) == ("Oat Bar 6-pack", "USD")


def test_a_date_that_was_decided_before_may_be_restated_without_moving_the_date_before() -> None:
    story = opened()
    story.on(3, out={"0118": 2, "0204": 3})
    restated = story.on(3, out={"0118": 2}, back=["0204"])
    assert restated.reason is Reason.EASED
    assert restated.incident is not None
    assert (restated.incident.out_before, restated.incident.data_as_of) == (1, day(3))


def test_what_was_in_stock_after_all_on_a_restated_date_lost_nothing_by_it() -> None:
    story = opened(out={"0118": (2, {"lost_units": 4.0}), "0204": (1, {"lost_units": 6.0})}, back=[])
    stood = story.incident
    story.on(
        3, out={"0118": (2, {"lost_units": 8.0}), "0204": (1, {"lost_units": 9.0}), "0077": (3, {"lost_units": 5})}
    )
    restated = decide(
        shown(3, back=["0118", "0204", "0077"]),
        story.incident, tenant="stockwatch", new_id="-", previous=None, stood=stood,
    ).incident  # fmt: skip
    assert restated is not None
    assert (restated.end_reason, restated.total("lost_units")) == ("restocked", 10)
    assert {one.location_id: one.last_out for one in restated.members}["0204"] == day(2)


def test_what_only_a_report_that_was_put_right_said_was_never_out() -> None:
    story = Story()
    story.on(3, out={"0118": (3, {"lost_units": 8.0}), "0204": (3, {"lost_units": 5.0})})
    assert story.on(3, back=["0118", "0204"]).reason is Reason.CORRECTED
    (never,) = story.ended
    assert (never.end_reason, never.total("lost_units")) == ("corrected", 0)
    again = story.on(5, out={"0118": 5}, back=["0204"])  # what never was does not come back
    assert (again.reason, again.incident.opened_on) == (Reason.FIRST, day(5))


def test_a_corrected_report_of_a_later_day_does_not_make_the_days_before_it_untrue() -> None:
    story = Story()
    story.on(3, out={"0118": 3, "0204": 2})
    assert story.on(3, back=["0118", "0204"]).reason is Reason.RESTOCKED


def test_a_store_that_only_a_wrong_report_added_is_in_no_figure_of_the_end() -> None:
    story = Story()
    story.on(2, out={"0118": (2, {"lost_units": 4.0})})
    story.on(3, out={"0204": (3, {"lost_units": 5.0})}, back=["0118"])
    ended = story.on(3, back=["0118", "0204"])
    assert (ended.reason, ended.event_kind) == (Reason.CORRECTED, "resolved")
    (real,) = story.ended
    assert (real.end_reason, real.peak_out, real.total("lost_units")) == ("restocked", 1, 4)
    assert {one.location_id: one.state for one in real.members}["0204"] is MemberState.CORRECTED


def test_what_a_correction_takes_back_of_the_day_before_is_no_change_of_the_next() -> None:
    story = Story()
    story.on(2, out={"0118": 2})
    story.on(3, out={"0118": 2, "0204": 3})
    after = decide(
        shown(4, out={"0118": 2}, back=["0204"]),
        story.incident, tenant="stockwatch", new_id="-", previous=None, told={("0204", day(3)): None},
    ).incident  # fmt: skip
    assert after is not None
    assert (after.out_before, after.peak_out, len(after.now_out())) == (1, 1, 1)


def test_what_only_a_wrong_report_opened_again_had_ended_when_it_did() -> None:
    story = Story()
    story.on(2, out={"0118": 2})
    story.on(3, back=["0118"])
    assert story.on(6, out={"0118": 6}).reason is Reason.AGAIN
    assert story.on(6, back=["0118"]).reason is Reason.CORRECTED
    (real,) = story.ended
    assert (real.end_reason, real.resolved_on, real.was_never_out) == ("restocked", day(3), False)


def test_days_that_reports_take_back_later_are_taken_back_of_what_has_ended() -> None:
    story = Story()
    story.on(3, out={"0118": (1, {"lost_units": 9.0}), "0204": (3, {"lost_units": 5.0})})
    story.on(4, back=["0118", "0204"])
    left = {("0118", day(1)): Left(day(1), day(1), day(2)), ("0204", day(3)): None}
    after = taken_back(story.ended[0], left)
    assert (after.reason, after.event_kind) == (Reason.CORRECTED, "updated")
    assert after.incident is not None
    assert (after.incident.end_reason, after.incident.resolved_on) == ("restocked", day(2))
    assert (after.incident.total("lost_units"), after.incident.peak_out) == (3, 1)
    line = told(story.ended[0], after.incident, "updated", "check", None)
    assert line is not None
    assert line.words.startswith("A report was corrected")
    assert taken_back(after.incident, left).reason is Reason.NOTHING_NEW
    never = taken_back(story.ended[0], {("0118", day(1)): None, ("0204", day(3)): None}).incident
    assert never is not None
    assert (never.end_reason, never.was_never_out) == ("corrected", True)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Kind.DC_OUT, Reason.CORRECTED),
        (Kind.WILL_RUN_OUT, Reason.RESTOCKED),
        (Kind.PHANTOM_STOCK, Reason.RESTOCKED),
    ],
)
def test_only_what_reports_say_is_corrected_by_them(kind: Kind, reason: Reason) -> None:
    story = Story()
    story.on(3, kind=kind, out={"0118": 3, "0204": (3, {"lack": Lack.SHORT})})
    assert story.on(3, kind=kind, back=["0118", "0204"]).reason is reason


def test_a_late_file_that_shows_an_earlier_day_out_moves_the_first_day() -> None:
    story = Story()
    story.on(3, out={"0118": 3})
    story.on(4, out={"0118": 2})
    assert story.incident is not None
    assert story.incident.opened_on == day(2)


def test_an_incident_that_opened_on_a_date_taken_back_keeps_the_share_of_its_days_before() -> None:
    story = Story()
    story.on(3, out={"0118": (2, {"lost_units": 8.0}), "0204": (3, {"lost_units": 5.0})})
    assert story.on(3, back=["0118", "0204"]).reason is Reason.RESTOCKED
    assert story.ended[0].total("lost_units") == 4


def test_an_older_date_changes_nothing() -> None:
    story = opened()
    story.on(4, out={"0118": 2, "0204": 4})
    before = story.incident
    for picture in (shown(3, back=["0118", "0204"]), shown(3, out={"0118": 2}), shown(3, unknown=["0118"])):
        decision = story.see(picture)
        assert (decision.reason, decision.event_kind, decision.incident) == (Reason.OLDER_DATE, None, None)
    assert story.incident == before


# --- without fresh data ----------------------------------------------------------------------------------------------


def test_without_a_delivery_the_incident_freezes_and_keeps_its_figures() -> None:
    story = opened(out={"0118": (2, {"lost_units": 4.0})}, severity=Severity.HIGH)
    before = story.incident
    assert before is not None
    frozen = story.on(3, unknown=["0118", "0204"], delivered=False)
    assert (frozen.reason, frozen.event_kind) == (Reason.STALE, "frozen")
    after = frozen.incident
    assert after is not None
    assert (after.standing, after.data_stale, after.severity) == (Standing.OPEN, True, Severity.HIGH)
    assert (after.data_as_of, after.members[0].last_out) == (day(2), day(2))  # the clocks stand still
    assert (after.total("lost_units"), after.ranged, after.known) == (4, before.ranged, before.known)
    assert len(after.now_out()) == 1


def test_a_frozen_incident_is_frozen_once() -> None:
    story = opened()
    reasons = [story.on(n, unknown=["0118", "0204"], delivered=False).reason for n in (3, 4, 5)]
    assert reasons == [Reason.STALE, Reason.NOTHING_NEW, Reason.NOTHING_NEW]
    assert story.events == ["opened", "frozen"]


@pytest.mark.parametrize("delivered", [True, False], ids=["location left out", "no delivery"])
def test_missing_data_resolves_nothing(delivered: bool) -> None:
    story = opened()
    for number in range(3, 12):
        story.on(number, unknown=["0118"], back=["0204"] if delivered else [], delivered=delivered)
    assert story.incident is not None
    assert story.states() == {("0118", 2): "stale"}
    assert "resolved" not in story.events


def test_a_location_without_data_does_not_leave_the_range_while_its_partner_sends_nothing() -> None:
    story = opened()
    story.on(3, delivered=False)
    assert story.states() == {("0118", 2): "stale"}


def test_a_location_does_not_leave_the_range_while_a_feed_of_its_partner_is_missing() -> None:
    story = opened(out={"0118": 2, "0204": 2}, back=[])
    story.on(3, out={"0204": 2}, delivered=False)
    assert story.states() == {("0118", 2): "stale", ("0204", 2): "out"}


def test_one_more_location_without_data_freezes_too() -> None:
    story = opened(out={"0118": 2, "0204": 2}, back=[])
    assert story.on(3, out={"0204": 2}, unknown=["0118"]).reason is Reason.STALE
    assert story.on(4, unknown=["0118", "0204"], delivered=False).reason is Reason.STALE
    assert story.states() == {("0118", 2): "stale", ("0204", 2): "stale"}


def test_a_partly_stale_incident_follows_the_locations_that_are_known() -> None:
    story = opened(out={"0118": 2, "0204": 2, "0077": 2}, back=[])
    frozen = story.on(3, out={"0077": 2}, back=["0204"], unknown=["0118"])
    assert frozen.reason is Reason.STALE
    assert story.states() == {("0118", 2): "stale", ("0204", 2): "back", ("0077", 2): "out"}
    assert story.incident is not None
    assert (story.incident.data_as_of, story.incident.known, story.incident.ranged) == (day(3), 2, 3)
    # the last known one is back too: the stale one still holds the incident open
    held = story.on(4, back=["0204", "0077"], unknown=["0118"])
    assert (held.reason, held.incident.standing) == (Reason.EASED, Standing.OPEN)
    ended = story.on(5, back=["0204", "0077", "0118"])
    assert (ended.reason, ended.event_kind) == (Reason.RESTOCKED, "resolved")


def test_a_partly_stale_incident_keeps_the_severity_of_what_it_still_counts() -> None:
    # partial data freezes severity. Sparks is small; Reno, which made it critical, is only not reported.
    story = opened(
        out={"0118": (2, {"at_risk_money": 2000.0}), "0204": (2, {"at_risk_money": 10.0})},
        back=[],
        severity=Severity.CRITICAL,
    )
    story.on(3, out={"0204": (2, {"at_risk_money": 10.0})}, unknown=["0118"], severity=Severity.LOW)
    assert story.incident is not None
    assert story.incident.total("at_risk_money", now_out_only=True) == 2010
    assert story.incident.severity is Severity.CRITICAL


def test_a_stale_location_that_is_reported_out_again_has_been_out_all_the_time() -> None:
    story = opened()
    story.on(3, unknown=["0118", "0204"], delivered=False)
    thawed = story.on(4, out={"0118": 2}, back=["0204"])
    assert (thawed.reason, thawed.incident.data_stale) == (Reason.FIGURES, False)
    assert story.states() == {("0118", 2): "out"}
    assert thawed.incident.members[0].days_out() == 3


# --- the end ---------------------------------------------------------------------------------------------------------


def test_an_incident_resolves_only_when_every_location_is_known_to_be_back() -> None:
    story = opened(out={"0118": 2, "0204": 2}, back=[])
    assert story.on(3, back=["0118"], out={"0204": 2}).reason is Reason.EASED
    assert story.on(4, back=["0118"], unknown=["0204"]).reason is Reason.STALE
    ended = story.on(5, back=["0118", "0204"])
    assert (ended.reason, ended.event_kind) == (Reason.RESTOCKED, "resolved")
    assert ended.incident is not None
    assert (ended.incident.standing, ended.incident.resolved_on) == (Standing.RESOLVED, day(5))
    assert (ended.incident.end_reason, ended.incident.data_stale) == ("restocked", False)
    assert story.events == ["opened", "updated", "frozen", "resolved"]


def test_deciding_again_on_the_date_of_the_end_gives_nothing_new() -> None:
    story = opened()
    story.on(3, back=["0118", "0204"])
    assert story.on(3, back=["0118", "0204"]).reason is Reason.NOTHING_NEW
    assert story.events == ["opened", "resolved"]


def test_an_incident_whose_locations_all_left_the_range_ends_by_that() -> None:
    story = opened()
    ended = story.on(60, back=["0204"])
    assert (ended.reason, ended.event_kind) == (Reason.LEFT_RANGE, "resolved")
    assert ended.incident is not None
    assert ended.incident.end_reason == "left_range"
    assert ended.incident.members[0].state is MemberState.LEFT_RANGE


def test_where_some_are_back_and_the_others_left_the_range_the_stock_is_back() -> None:
    story = opened(out={"0118": 2, "0204": 2}, back=[])
    assert story.on(60, back=["0118"]).reason is Reason.RESTOCKED


def test_a_location_that_was_back_once_and_left_the_range_later_is_not_back() -> None:
    story = opened()
    story.on(3, back=["0118"], out={"0204": 3})
    story.on(4, out={"0118": 4, "0204": 3})
    story.on(5, out={"0118": 4}, back=["0204"])
    assert story.states() == {("0118", 2): "back", ("0118", 4): "out", ("0204", 3): "back"}
    ended = story.on(62, back=["0204"])  # Sparks is back, Reno was never stocked again
    assert ended.incident is not None
    last = {member.location_id: member.state for member in ended.incident.members}
    assert last == {"0118": MemberState.LEFT_RANGE, "0204": MemberState.BACK}
    assert ended.reason is Reason.RESTOCKED

    alone = opened(out={"0118": 2, "0204": 2}, back=[])
    alone.on(3, out={"0204": 2}, back=["0118"])
    alone.on(4, out={"0118": 4, "0204": 2})
    gone = alone.on(62, back=["0077"])  # neither of them was ever stocked again
    assert gone.reason is Reason.LEFT_RANGE


# --- spells ----------------------------------------------------------------------------------------------------------


def test_a_location_out_again_after_a_pause_is_a_new_spell_and_the_old_loss_stays() -> None:
    story = opened(out={"0118": (2, {"lost_units": 4.0}), "0204": (2, {"lost_units": 1.0})}, back=[])
    story.on(3, out={"0204": (2, {"lost_units": 2.0})}, back=["0118"])
    assert story.incident.total("lost_units") == 6
    worse = story.on(4, out={"0118": (4, {"lost_units": 0.5}), "0204": (2, {"lost_units": 3.0})})
    assert worse.reason is Reason.WORSE
    assert story.states() == {("0118", 2): "back", ("0118", 4): "out", ("0204", 2): "out"}
    # 4 of the first spell, 0.5 of the second, 3 of Sparks
    assert story.incident.total("lost_units") == 7.5
    assert story.incident.total("lost_units", now_out_only=True) == 3.5
    assert story.incident.opened_on == day(2)


def test_a_pause_that_fell_between_two_checks_is_a_pause_all_the_same() -> None:
    story = opened(out={"0118": (2, {"lost_units": 4.0})})
    story.on(5, out={"0118": (5, {"lost_units": 1.0})}, back=["0204"])
    assert story.states() == {("0118", 2): "back", ("0118", 5): "out"}
    assert story.incident.total("lost_units") == 5


def test_a_spell_that_goes_on_is_counted_once() -> None:
    story = opened(out={"0118": (2, {"lost_units": 4.0})})
    for number in (3, 4, 5):
        story.on(number, out={"0118": (2, {"lost_units": 4.0 * (number - 1)})}, back=["0204"])
    assert len(story.incident.members) == 1
    assert story.incident.total("lost_units") == 16


def test_a_pause_that_is_taken_back_by_a_restated_file_makes_one_spell_of_two() -> None:
    story = opened(out={"0118": (2, {"lost_units": 4.0}), "0204": 2}, back=[])
    story.on(3, out={"0204": 2}, back=["0118"])
    story.on(4, out={"0118": (4, {"lost_units": 4.0}), "0204": 2})
    # the file of day 3 is sent again, and Reno was out on it: one spell of four days by day 5
    story.on(5, out={"0118": (2, {"lost_units": 16.0}), "0204": 2})
    assert story.incident.total("lost_units") == 16
    assert story.states() == {("0118", 2): "out", ("0204", 2): "out"}


# --- identity --------------------------------------------------------------------------------------------------------


def test_the_fingerprint_never_changes() -> None:
    # Incidents in the store are found by it: another value would open every incident a second time.
    assert fingerprint_of(picture_of(day(1)), "stockwatch") == "8f58c55da69240056487a0130968d8f7"


@pytest.mark.parametrize(
    "changed",
    [
        {"partner_name": "Northfield Inc."},
        {"item_name": "Oat Bar 6 x 40 g"},
        {"category": "Bars"},
        {"currency": "EUR"},
        {"ranged": 99, "known": 98},
        {"severity": Severity.CRITICAL},
        {"promise": 0.5, "rule": "another rule"},
        {"owner": "Priya Nair", "channel": "C0SOMEWHERE"},
        {"location_type": "dc"},
        {"alert_due": True},
        {"business_date": dt.date(2027, 1, 1)},
    ],
    ids=lambda changed: ", ".join(changed),
)
def test_the_fingerprint_holds_no_number_date_name_or_owner(changed: dict[str, object]) -> None:
    plain = picture_of(day(1))
    assert fingerprint_of(plain.model_copy(update=changed), "stockwatch") == fingerprint_of(plain, "stockwatch")


def test_the_fingerprint_differs_by_tenant_partner_and_item() -> None:
    plain = picture_of(day(1))
    marks = {
        fingerprint_of(plain, "stockwatch"),
        fingerprint_of(plain, "another_tenant"),
        fingerprint_of(plain.model_copy(update={"partner": "westway"}), "stockwatch"),
        fingerprint_of(plain.model_copy(update={"item_id": "00850007123024"}), "stockwatch"),
    }
    assert len(marks) == 4


# --- properties ------------------------------------------------------------------------------------------------------


@given(picture_stories())
def test_deciding_every_date_twice_changes_nothing(pictures: list[Picture]) -> None:
    once, twice = Story(), Story()
    for picture in pictures:
        expected = once.see(picture)
        first = twice.see(picture)
        again = twice.see(picture)
        assert first == expected
        assert again.event_kind is None
        assert again.reason in (Reason.NOTHING_NEW, Reason.NOT_DUE)
        assert twice.incident == once.incident
    assert twice.events == once.events


@given(picture_stories())
def test_an_incident_ends_only_when_nothing_is_out_or_stale(pictures: list[Picture]) -> None:
    story = Story()
    for picture in pictures:
        decision = story.see(picture)
        after = decision.incident
        if after is None:
            continue
        assert (after.standing is Standing.RESOLVED) == (not after.now_out())
        assert after.data_stale == any(m.state is MemberState.STALE for m in after.members)
        assert after.peak_out >= len(after.now_out())
        current = [m.location_id for m in after.now_out()]
        assert len(current) == len(set(current))
        assert decision.event_kind == CHANGES.get(decision.reason)


@given(picture_stories())
def test_a_date_without_fresh_data_opens_nothing_ends_nothing_and_moves_no_figure(pictures: list[Picture]) -> None:
    story = Story()
    for picture in pictures:
        before = story.incident
        decision = story.see(picture)
        if picture.known or picture.partner_is_whole:
            continue
        assert decision.reason in (Reason.STALE, Reason.NOTHING_NEW)
        after = story.incident
        assert (after is None) == (before is None)
        if isinstance(before, Incident) and isinstance(after, Incident):
            still = {"members", "data_stale"}
            assert after.model_dump(exclude=still) == before.model_dump(exclude=still)
            figures = [m.model_dump(exclude={"state"}) for m in after.members]
            assert figures == [m.model_dump(exclude={"state"}) for m in before.members]


@given(picture_stories())
def test_every_location_that_is_seen_out_is_in_the_incident_as_seen(pictures: list[Picture]) -> None:
    story = Story()
    for picture in pictures:
        story.see(picture)
        if story.incident is not None and picture.known:
            out = {m.location_id: m for m in story.incident.members if m.state is MemberState.OUT}
            assert out == {m.location_id: m for m in picture.out}


def test_a_decision_needs_no_clock() -> None:
    picture = shown(2, out={"0118": 2})
    options = {"tenant": "stockwatch", "new_id": "INC-2026-00001", "previous": None}
    assert decide(picture, None, **options) == decide(picture, None, **options)
