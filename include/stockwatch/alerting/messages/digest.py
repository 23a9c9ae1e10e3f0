"""Messages about many incidents: what is too much for a run, a day of a channel, what somebody takes over (A-44, A-57).

Lists are cut to what Slack shows well; totals count everything, and the board lists it.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence

from pydantic import Field

from include.stockwatch.alerting.case import SEVERITY_ORDER, Case, Kind, Severity, Standing
from include.stockwatch.alerting.incident import Incident
from include.stockwatch.alerting.messages.message import FALLBACK_LIMIT, Message
from include.stockwatch.alerting.messages.out_of_stock_message import partner_words
from include.stockwatch.alerting.messages.tables import as_csv
from include.stockwatch.alerting.messages.words import clip, day_words, moment_words, one_line
from include.stockwatch.domain.value import Value

SHOWN, NAMED = 10, 3
ON_THE_BOARD, AT_RISK = "the board lists all of them", " at risk"
IN_HAND = "Everything that is open is in somebody's hands."
KIND_WORDS = {
    Kind.DC_OUT: "DC out",
    Kind.PROMISE_PRICE: "price outside its band",
    Kind.PROMISE_PACK: "pack or GTIN changed",
    Kind.PROMISE_VANISHED: "item vanished",
    Kind.PROMISE_QUALITY: "complaints about quality",
}
"""Kinds that a line calls otherwise than by their names."""
AFFECTED = {
    Kind.OUT_OF_STOCK: " out",
    Kind.PHANTOM_STOCK: " doubtful",
    Kind.WILL_RUN_OUT: " running out",
    Kind.DC_OUT: " left empty",
    Kind.MASS_CHANGE: " out at once",
}
"""What locations of a kind are; of a promise, those where it is broken."""
COLUMNS = (
    "incident_id",
    "kind",
    "severity",
    "partner",
    "item_id",
    "item_name",
    "cause",
    "owner",
    "locations_out",
    "locations",
    "currency",
    "money_at_risk",
    "money_lost",
    "customers_at_risk",
    "opened_on",
    "data_as_of",
)


def ranked(cases: Iterable[Case]) -> list[Case]:
    """Cases by severity, then money at risk, then id."""
    return sorted(cases, key=_rank)


def _rank(case: Case) -> tuple[int, float, str]:
    listed = case.listed()
    severity = SEVERITY_ORDER.index(listed.severity) if listed.severity else len(SEVERITY_ORDER)
    return severity, -(listed.money_at_risk or 0.0), case.incident_id


def overflow(cases: Sequence[Case], at: dt.datetime) -> Message:
    """One message for the incidents of a run that get none of their own, in a channel.

    `at` is when they were decided on, in UTC. All critical ones are a roll-up, all others a digest.
    """
    first = ranked(cases)
    are_critical = all(case.listed().severity is Severity.CRITICAL for case in cases)
    count = _incidents(cases, "critical" if are_critical else "more")
    money = money_words(cases)
    why = (
        "So many at once usually have one cause: look for it before you take them one by one."
        if are_critical
        else "Smaller than those with a message of their own. One gets its own as soon as its severity rises."
    )
    return Message(
        fallback=clip(f"{_shout(are_critical)}: {count}, {money}, {_partners(cases)}.", FALLBACK_LIMIT),
        header=f"{'Critical' if are_critical else 'Digest'} - {count}",
        fields=(
            ("Incidents", _by_severity(cases)),
            ("At risk", money.removesuffix(AT_RISK)),
            ("Partners", _partners(cases)),
        ),
        body=(*_lines(first), why),
        context=(f"decided {moment_words(at)}", "all rows in the thread (CSV)", ON_THE_BOARD),
    )


def _shout(are_critical: bool) -> str:
    return "CRITICAL" if are_critical else "DIGEST"


def handed_over(cases: Sequence[Case], owner: str, at: dt.datetime) -> Message:
    """What a new owner takes over in a channel: open incidents, what was said last, and promised dates (A-34)."""
    first, name = ranked(cases), one_line(owner)
    count = _incidents(cases)
    promised = [case for case in first if case.handling.restock_on]
    notes = [f"{case.incident_id}: stock promised for {_day(case.handling.restock_on)}" for case in promised[:NAMED]]
    return Message(
        fallback=clip(f"HANDED OVER: {count} to {name}, {money_words(cases)}, {_partners(cases)}.", FALLBACK_LIMIT),
        header=f"Handed over - {count} to {clip(name, 60)}",
        fields=(
            ("Owner", name),
            ("Incidents", _by_severity(cases)),
            ("At risk", money_words(cases).removesuffix(AT_RISK)),
            ("Partners", _partners(cases)),
        ),
        body=(*_lines(first), *notes, "Acknowledgements and snoozes of the owner before have ended."),
        context=(f"handed over {moment_words(at)}", ON_THE_BOARD),
    )


class Feed(Value):
    """A feed whose figures stand still."""

    feed_id: str
    partner_name: str
    trouble: str
    newest: dt.date = Field(description="last good day")


class Day(Value):
    """What a channel's digest of a day says. `open_now` is everything that goes on, whether it has a message or not."""

    on: dt.date
    since: dt.datetime = Field(description="opened and resolved count from here on")
    open_now: tuple[Case, ...]
    opened: int
    resolved: int
    unseen: tuple[str, ...] = Field(default=(), description="came and went before anybody was told, a line each")
    without_message: int = Field(default=0, description="of those open, told here alone")
    silenced: int = Field(default=0, description="of those open")
    feeds: tuple[Feed, ...] = ()

    def is_worth_telling(self) -> bool:
        """Whether anything goes on, or has."""
        return bool(self.open_now or self.opened or self.resolved or self.unseen or self.feeds)


def daily(day: Day) -> Message:
    """The digest of a day for one channel (A-57)."""
    first = ranked(day.open_now)
    untaken = [case for case in first if case.standing is Standing.OPEN]
    money = money_words(day.open_now) if day.open_now else f"nothing{AT_RISK}"
    fields = [
        ("Open", _by_severity(day.open_now)),
        ("At risk", money.removesuffix(AT_RISK)),
        ("Since the last digest", f"{day.opened:,} opened, {day.resolved:,} resolved"),
        ("Nobody has taken", f"{len(untaken):,}"),
        ("Snoozes that end", _snoozes(day)),
        ("Feeds that stand still", _feeds(day.feeds)),
    ]
    apart = [
        f"{count:,} {words}"
        for count, words in (
            (day.without_message, "are told here alone"),
            (day.silenced, "are silenced"),
        )
        if count
    ]
    unseen = [f"Came and went before it was told: {'; '.join(map(one_line, day.unseen[:NAMED]))}{_more(day.unseen)}."]
    return Message(
        fallback=clip(
            f"DAILY {day_words(day.on)}: {len(day.open_now):,} open ({_by_severity(day.open_now)}), {money}; "
            f"{day.opened:,} opened, {day.resolved:,} resolved.",
            FALLBACK_LIMIT,
        ),
        header=f"Daily digest - {day_words(day.on)}",
        fields=tuple(fields),
        body=(
            *(_lines(untaken) or ([IN_HAND] if day.open_now else [])),
            *(unseen if day.unseen else ()),
        ),
        context=(f"since {moment_words(day.since)}", *apart, ON_THE_BOARD),
    )


def line(case: Case) -> str:
    """A case in one line of a list."""
    listed = case.listed()
    what = one_line(listed.item_name or (f"item {listed.item_id}" if listed.item_id else ""))
    where = partner_words(case) if isinstance(case, Incident) else one_line(case.partner_name)
    subject = f"{what} at {where}" if what else where
    figures = [
        f"{listed.currency or ''} {listed.money_at_risk:,.0f} at risk".strip() if listed.money_at_risk else "",
        f"{listed.locations_out:,} of {listed.locations:,}{AFFECTED.get(case.kind, '')}"
        if listed.locations_out and listed.locations
        else "",
    ]
    severity = f"{listed.severity.capitalize()} " if listed.severity else ""
    words = KIND_WORDS.get(case.kind, case.kind.replace("_", " "))
    words = words if severity else f"{words[0].upper()}{words[1:]}"
    told = [
        f"{severity}{words}: {subject}",
        *filter(None, figures),
        f"owner {one_line(case.owner)}",
    ]
    return f"{', '.join(told)}. {case.incident_id}"


def csv_of(cases: Iterable[Case], most_bytes: int | None = None) -> bytes:
    """Every case as a row: UTF-8, ISO dates, raw numbers; no cell that a spreadsheet would compute.

    A table that gets larger than it may be ends earlier: the worst come first.
    """
    rows = ({**case.listed().model_dump(), **case.model_dump(include=set(COLUMNS))} for case in ranked(cases))
    content = as_csv(COLUMNS, rows)
    if most_bytes is None or len(content) <= most_bytes:
        return content
    return content[: content.rindex(b"\r\n", 0, most_bytes - 1) + 2]


def money_words(cases: Iterable[Case]) -> str:
    """Money at risk of some cases, a sum for each currency."""
    sums: Counter[str] = Counter()
    for case in cases:
        listed = case.listed()
        if listed.money_at_risk:
            sums[listed.currency or ""] += listed.money_at_risk  # type: ignore[assignment]
    told = [f"{currency} {amount:,.0f}".strip() for currency, amount in sorted(sums.items(), key=lambda one: -one[1])]
    return f"{' + '.join(told)}{AT_RISK}" if told else "cost not estimated"


def _incidents(cases: Sequence[Case], of: str = "") -> str:
    words = (f"{len(cases):,}", of, "incident" if len(cases) == 1 else "incidents")
    return " ".join(filter(None, words))


def _by_severity(cases: Iterable[Case]) -> str:
    counts = Counter(case.listed().severity for case in cases)
    told = [f"{counts[severity]:,} {severity.value}" for severity in SEVERITY_ORDER if counts[severity]]
    return ", ".join(told + ([f"{counts[None]:,} of data or promises"] if counts[None] else [])) or "none"


def _partners(cases: Iterable[Case]) -> str:
    names = [name for name, _ in Counter(one_line(case.partner_name) for case in cases).most_common()]
    return f"{', '.join(names[:NAMED])}{_more(names)}"


def _lines(first: Sequence[Case]) -> list[str]:
    return [line(case) for case in first[:SHOWN]] + ([f"{len(first) - SHOWN:,} more."] if len(first) > SHOWN else [])


def _more(names: Sequence[str]) -> str:
    return f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""


def _snoozes(day: Day) -> str:
    ends = sorted(
        (case.handling.snoozed_until, case.incident_id)
        for case in day.open_now
        if case.standing is Standing.SNOOZED
        and case.handling.snoozed_until
        and case.handling.snoozed_until.date() <= day.on + dt.timedelta(days=1)
    )
    told = [f"{incident_id} {moment_words(until)}" for until, incident_id in ends]
    return f"{', '.join(told[:NAMED])}{_more(told)}" if told else "none by tomorrow"


def _feeds(feeds: Sequence[Feed]) -> str:
    told = [
        f"{one_line(feed.feed_id)} of {one_line(feed.partner_name)} {feed.trouble}, as of {day_words(feed.newest)}"
        for feed in feeds
    ]
    return f"{', '.join(told[:NAMED])}{_more(told)}" if told else "none"


def _day(date: dt.date | None) -> str:
    return day_words(date) if date else "no date"
