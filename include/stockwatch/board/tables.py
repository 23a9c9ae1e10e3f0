"""The plain pages: pending, scorecard, alert quality, messages, routes and owners, silences, thresholds and what-if."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from include.stockwatch.adapters.state import pending, worklist
from include.stockwatch.adapters.state.tables import OUTBOX_OPEN
from include.stockwatch.adapters.state.worklist import Filters
from include.stockwatch.alerting.case import Kind, Severity
from include.stockwatch.alerting.owners import Directory
from include.stockwatch.alerting.routing import Facts, Match
from include.stockwatch.board.access import Desk
from include.stockwatch.board.feeds import DAYS
from include.stockwatch.domain.scorecard import Score
from include.stockwatch.domain.thresholds import LIMITS, Thresholds
from include.stockwatch.errors import ActionRefused
from include.stockwatch.workflows import routing
from include.stockwatch.workflows.checks.idle_rules import idle_now, selectors
from include.stockwatch.workflows.feeds.feed_status import Day, FeedStatus, feed_statuses
from include.stockwatch.workflows.incidents import precision, silences
from include.stockwatch.workflows.messages.delivery_metrics import metrics
from include.stockwatch.workflows.promises import scorecard

WEEKS = 13
NOISE_DAYS, MOST_A_DAY = 28, 5
"""Days over which new messages are counted, and how many an owner can work through on one (A-45)."""
WAITING = (*OUTBOX_OPEN, "dead")
ALL = (*WAITING, "sent", "previewed", "superseded", "lost", "discarded")
MESSAGES = 100
KEPT_BACK = "It names partners that you may not see; the incident's page says what is yours."
SILENCES = 100
PENDING = 500
WHAT_IF_DAYS = 28
CHANGEABLE = tuple(limit for limit in LIMITS if limit != "severity")


def pending_page(desk: Desk) -> dict[str, Any]:
    """What lacks stock and opens no incident yet (A-01); what becomes due first, first."""
    with desk.services.state.read() as tx:
        return {"rows": pending.listed(tx, desk.scope, PENDING), "total": pending.count(tx, desk.scope)}


def scorecard_page(desk: Desk, week: str = "") -> dict[str, Any]:
    """What each partner kept and broke in a week: the numbers that Slack is told."""
    now = desk.services.now()
    latest = scorecard.last_whole_week(now)
    try:
        monday = scorecard.week_of(week) if week else latest
    except ValueError:
        monday = latest
    scores = [one for one in scorecard.scores(desk.services, monday) if one.partner in desk.partners]
    return {
        "monday": monday,
        "week": _week(monday),
        "weeks": [_week(latest - dt.timedelta(weeks=back)) for back in range(WEEKS)],
        "scores": scores,
    }


def _week(monday: dt.date) -> str:
    return "{}-W{:02d}".format(*monday.isocalendar()[:2])


def quality_page(desk: Desk) -> dict[str, Any]:
    """How often people who looked confirmed an alert: the figures that decide which rules go to the digest alone."""
    last = desk.checked[0] if desk.checked else desk.services.now().date()
    rows = [one for one in precision.of_weeks(desk.services, last, WEEKS) if one.partner in desk.partners]
    told = {"weeks": WEEKS, "alerts": sum(one.alerts for one in rows), "last": last}
    return {**told, "rows": rows, "noise": _noise(desk), "noise_days": NOISE_DAYS, "most": MOST_A_DAY}


def _noise(desk: Desk) -> list[dict[str, Any]]:
    """How many new messages each owner had a day, the mean and the most; the noisiest first (A-45)."""
    since = desk.services.now() - dt.timedelta(days=NOISE_DAYS)
    with desk.services.state.read() as tx:
        sent = worklist.new_messages(tx, since, desk.partners)
    days: dict[str, Counter[dt.date]] = defaultdict(Counter)
    for owner, at in sent:
        days[owner][at.date()] += 1
    rows = [
        {"owner": owner, "messages": count.total(), "mean": count.total() / NOISE_DAYS, "worst": max(count.values())}
        for owner, count in days.items()
    ]
    return sorted(rows, key=lambda row: (-row["messages"], row["owner"]))


def deliveries_page(desk: Desk, status: str = "") -> dict[str, Any]:
    """Messages and what became of them; those that were not delivered first."""
    statuses = WAITING if status == "waiting" else (status,) if status in ALL else ALL
    with desk.services.state.read() as tx:
        rows = worklist.messages(tx, statuses, MESSAGES, desk.told_of)
        counts = worklist.message_counts(tx, desk.told_of)
    for row in rows:
        if row["kind"] == Kind.DC_OUT.value and not desk.sees_all:
            row["text"] = row["plain"] = KEPT_BACK
    figures = metrics(desk.services)
    return {"rows": rows, "counts": counts, "wanted": status, "statuses": ALL, "figures": figures}


def routes_page(desk: Desk, query: Mapping[str, str]) -> dict[str, Any]:
    """Routes in order, a dry run that says why each is taken or not, and the accounts with what they have open."""
    routes = desk.services.settings.routes
    with desk.services.state.read() as tx:
        facets = worklist.facets(tx, desk.scope)
        known = routing.directory(desk.services, tx)
        totals = worklist.totals(tx, Filters(desk.scope))
    accounts = [_account(desk, known, one, name, totals) for one, name in desk.partners.items()]
    asked = {name: query[name] for name in ("partner", "category", "kind", "severity") if query.get(name)}
    shown: dict[str, Any] = {
        "accounts": accounts,
        "facets": facets,
        "asked": asked,
        "kinds": list(Kind),
        "severities": list(Severity),
    }
    shown["routes"] = [one for one in routes.routes if _concerns(desk, one.match)]
    return {**shown, "tested": _dry_run(desk, asked)}


def _concerns(desk: Desk, match: Match) -> bool:
    """Whether something is about a partner that the viewer may see."""
    return not match.partner or bool(desk.partners.keys() & set(match.partner))


def _dry_run(desk: Desk, asked: Mapping[str, str]) -> dict[str, Any] | None:
    if asked.get("partner") not in desk.partners:
        return None
    try:
        tested = routing.explain(desk.services, [f"{name}={value}" for name, value in asked.items()])
    except ActionRefused:
        return None
    shown = {one.name for one in desk.services.settings.routes.routes if _concerns(desk, one.match)}
    return {**tested, "passed": [one for one in tested["passed"] if one["route"] in shown]}


def _account(
    desk: Desk, known: Directory, partner: str, name: str, totals: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    mine = [row for row in totals if row["partner"] == partner]
    assigned = known.assign(Facts(partner=partner), desk.services.now())
    money: dict[str | None, float] = defaultdict(float)
    for row in mine:
        money[row["currency"]] += row["money"] or 0.0
    return {
        "partner": partner,
        "name": name,
        "owner": assigned.owner,
        "channel": assigned.route.channel,
        "asked": assigned.asked,
        "has_nobody": assigned.is_unowned,
        "claimed": known.claims.get(partner),
        "money": {currency: value for currency, value in money.items() if value},
        "open": sum(row["incidents"] for row in mine),
    }


def silences_page(desk: Desk) -> dict[str, Any]:
    """What is quiet for a while, silences and single incidents: who said so, why, and until when."""
    with desk.services.state.read() as tx:
        snoozed = worklist.page(tx, Filters(desk.scope, standing="snoozed"), "money", limit=500)
        taken = worklist.page(tx, Filters(desk.scope, standing="acknowledged"), "money", limit=500)
        facets = worklist.facets(tx, desk.scope)
    found = [one for one in silences.listed(desk.services) if _concerns(desk, one.match)][:SILENCES]
    return {
        "snoozed": snoozed,
        "taken": taken,
        "silences": found,
        "now": desk.services.now(),
        "kinds": list(Kind),
        "facets": facets,
    }


def thresholds_page(desk: Desk, query: Mapping[str, str]) -> dict[str, Any]:
    """The rules in force, and the change that is to be replayed, if there is one."""
    asked = {one: query.get(one, "").strip() for one in ("rule", "limit", "value")}
    mine = (None, *desk.partners)
    rules = [one for one in desk.services.settings.thresholds.thresholds if one.match.partner in mine]
    return {"rules": rules, "limits": CHANGEABLE, "days": WHAT_IF_DAYS, "asked": asked}


def idle(desk: Desk, files: Collection[str]) -> dict[str, Any]:
    """The rules of some settings files that change nothing for what was checked last, and why.

    Those of all partners to who sees all.
    """
    meant = selectors(desk.services.settings)
    found = {file: rules for file, rules in idle_now(desk.services).items() if file in files}
    shown = [
        {"file": file, "name": name, "why": why}
        for file, rules in found.items()
        for name, why in rules.items()
        if desk.sees_all or desk.partners.keys() >= set(meant[file][name].get("partner", ("",)))
    ]
    return {"idle": shown, "checked": desk.checked}


def replay(desk: Desk, rule: str, limit: str, value: str) -> dict[str, Any]:
    """What the last four weeks would have been with one limit changed.

    Nothing is changed: the answer is a piece of `thresholds.yaml` for somebody to review.
    """
    rules = desk.services.settings.thresholds
    if not desk.sees_all:
        return {"wrong": "A replay counts every partner, so it takes the right to read all feeds."}
    try:
        proposed = _proposed(rules, rule, limit, value)
    except (ValueError, LookupError) as error:
        return {"wrong": str(error).splitlines()[0]}
    return {"what_if": _what_if(desk, proposed), "diff": _diff(rules, rule, limit, value)}


def _proposed(rules: Thresholds, name: str, limit: str, value: str) -> Thresholds:
    if limit not in CHANGEABLE:
        raise LookupError(f"no limit {limit}; there are {', '.join(CHANGEABLE)}")
    if all(rule.name != name for rule in rules.thresholds):
        raise LookupError(f"no rule {name}; there are {', '.join(rule.name for rule in rules.thresholds)}")
    told = [rule.model_dump(exclude_none=True) for rule in rules.thresholds]
    for rule in told:
        if rule["name"] == name:
            rule[limit] = float(value)
    return Thresholds.model_validate({"thresholds": told})


def _diff(rules: Thresholds, name: str, limit: str, value: str) -> list[tuple[str, str]]:
    rule = next(rule for rule in rules.thresholds if rule.name == name)
    before = getattr(rule, limit)
    lines = [(" ", f"  - name: {name}")]
    if before is not None:
        lines.append(("-", f"    {limit}: {before:g}"))
    return [*lines, ("+", f"    {limit}: {float(value):g}")]


def _what_if(desk: Desk, proposed: Thresholds) -> dict[str, Any] | None:
    from include.stockwatch.workflows.backtest import backtest

    if desk.checked is None:
        return None
    last, _ = desk.checked
    found = backtest(desk.services, last - dt.timedelta(days=WHAT_IF_DAYS - 1), last, proposed=proposed)
    return {name: found[name] for name in ("current", "proposed")}


def exported(desk: Desk, table: str, week: str = "", status: str = "") -> list[dict[str, Any]] | None:
    """The rows of a page's table, for the CSV; none for a table that there is not."""
    match table:
        case "pending":
            with desk.services.state.read() as tx:
                rows = pending.listed(tx, desk.scope)
            return [one.model_dump(mode="json", exclude={"fingerprint", "places"}) for one in rows]
        case "scorecard":
            return [_score(one) for one in scorecard_page(desk, week)["scores"]]
        case "alert-quality":
            return [one.model_dump(mode="json") for one in quality_page(desk)["rows"]]
        case "messages":
            told = (
                "created_at",
                "incident_id",
                "operation",
                "channel",
                "status",
                "attempts",
                "sent_at",
                "error",
                "text",
            )
            return [{name: row[name] for name in told} for row in deliveries_page(desk, status)["rows"]]
        case "feeds":
            return [
                _feed_day(one, day) for one in feed_statuses(desk.services, desk.feeds, days=DAYS) for day in one.days
            ]
    return None


def _score(one: Score) -> dict[str, Any]:
    told: dict[str, Any] = {"week": _week(one.monday), "partner": one.partner, "days": one.week.days}
    for name, promised in one.promises().items():
        told |= {name: promised.value, f"{name}_promise": promised.limit, f"{name}_verdict": promised.verdict.value}
    return told


def _feed_day(one: FeedStatus, day: Day) -> dict[str, Any]:
    told = {"feed_id": one.feed_id, "partner": one.partner_name, "business_date": day.date, "state": day.state.value}
    return {**told, "file_name": day.file_name, "run_id": day.run_id}
