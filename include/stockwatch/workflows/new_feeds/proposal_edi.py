"""A feed definition for an EDI file that nobody has described."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from include.stockwatch.adapters.feeds.sniff import shown
from include.stockwatch.adapters.feeds.sniff_edi import Edi, Ids
from include.stockwatch.domain import gtin
from include.stockwatch.domain.reported import FLOWS
from include.stockwatch.errors import HoldCode
from include.stockwatch.settings.draft import Draft, listed, scalar
from include.stockwatch.settings.feed import EDIFACT_QUALIFIERS, PIECES, X12_QUALIFIERS
from include.stockwatch.settings.qualifiers import CODES
from include.stockwatch.workflows.new_feeds.proposal import (
    Partner,
    Proposal,
    code_lines,
    counted,
    finish,
    landing,
    rhythm,
    start,
)

CHECKED = ("UP", "EN", "SRV", "UK")
"""Qualifiers of ids with a check digit."""

OF_WAREHOUSES = ("846", "INVRPT")


def of_edi(edi: Edi, file_name: str, partner: Partner, dates: Iterable[dt.date] = ()) -> Proposal:
    """A definition of an EDI file; `dates` are those of other files of the feed."""
    draft = start(file_name, partner)
    place = "dc" if edi.message in OF_WAREHOUSES else "store"
    draft.say(f"location_type: {place}", f"as is usual for {edi.message}: store, or dc for warehouses", sure=False)
    _format(draft, edi)
    draft.say(f"landing: {{pattern: {scalar(landing(file_name))}}}", "as this file is called", sure=False)
    _location(draft, edi)
    _items(draft, edi)
    _codes(draft, edi)
    _units(draft, edi)
    _repeats(draft, edi)
    if edi.prices:
        note = (
            f"{counted(edi.prices, 'value')} with a price, loaded once the currency is set: is it what consumers pay?"
        )
        draft.remark(note, sure=False)
        draft.suggest("currency: USD")
    if edi.days:
        covers = "".join(f"; {counted(values, 'value')} of {days} days" for days, values in edi.periods.items())
        draft.remark(f"the dates are the message's own: {edi.days[0]} to {edi.days[1]}{covers}")
    if edi.undated:
        draft.remark(f"{counted(edi.undated, 'value')} without date, rejected", sure=False)
    length = max(edi.periods, key=edi.periods.__getitem__, default=1)
    finish(draft, length, rhythm([*edi.dates, *dates], length))
    return Proposal(partner.feed_id(place), str(draft), draft.guesses)


def _format(draft: Draft, edi: Edi) -> None:
    envelope = edi.envelope
    draft.say("format:")
    draft.say(f"  kind: {edi.kind}")
    if envelope.messages:
        draft.say(f"  messages: {listed(dict.fromkeys(kind for kind, _ in envelope.messages))}")
    for name, found in (("senders", envelope.senders), ("receivers", envelope.receivers)):
        if found and all(found):
            draft.say(f"  {name}: {listed(found)}", "as in this file; other ones are held")
    if edi.bare_terminator:
        draft.say(
            "  bare_sets: true",
            "the file has no ISA..IEA envelope: is that what they send, or a part of a file?",
            sure=False,
        )
        draft.say(f"  bare_terminator: {scalar(edi.bare_terminator)}")
    if edi.warned.get(HoldCode.WRONG_COUNTS) or any(hold.code is HoldCode.WRONG_COUNTS for hold in edi.holds):
        draft.say(
            "  wrong_counts: hold", "this file's counts are wrong; `take` once the partner says it is whole", sure=False
        )
    if edi.warned.get(HoldCode.TEST_DATA):
        draft.say("  test_data: hold", "this file is marked as test data", sure=False)
    levels = {level for _, level, _ in edi.values}
    if len(levels) > 1:
        differ = edi.warned.get("LOCATION_SUM_DIFFERS", 0)
        note = "totals stand beside their parts; the parts are loaded" + (
            f", and {differ} totals differ" if differ else ""
        )
        draft.say("  level: location", note, sure=False)


def _location(draft: Draft, edi: Edi) -> None:
    if edi.without_location and not edi.locations:
        draft.say("location_id: {constant: all}", "no value names a location", sure=False)
    elif edi.without_location:
        note = f"{counted(edi.without_location, 'value')} without location, rejected unless a constant stands in:"
        draft.remark(note, sure=False)
        draft.suggest("location_id: {constant: all}")


def _items(draft: Draft, edi: Edi) -> None:
    order = X12_QUALIFIERS if edi.kind == "x12" else EDIFACT_QUALIFIERS
    known = {one.qualifier: one for one in edi.ids}
    ranked = [known[name] for name in order if name in known]
    ranked += [one for one in edi.ids if one not in ranked]
    gtins = [one for one in ranked if one.qualifier in CHECKED and one.pass_share >= gtin.HAS_CHECK_DIGITS]
    every = edi.envelope.items
    whole = next(([one] for one in gtins if one.items >= every), [])
    own = next(([one] for one in ranked if one.items >= every and one.qualifier not in (*CHECKED, "MF")), [])
    chosen, kind = (whole, "gtin") if whole else (own, "partner") if own else _together(ranked, gtins, every)
    draft.say("item_id:")
    draft.say(
        f"  kind: {kind}", "; ".join(_about(one, every) for one in ranked) or "no item has an id", sure=bool(whole)
    )
    if chosen:
        draft.say(
            f"  qualifiers: {listed(one.qualifier for one in chosen)}",
            "ids that are taken, in this order",
            sure=bool(whole),
        )


def _together(ranked: list[Ids], gtins: list[Ids], every: int) -> tuple[list[Ids], str]:
    """Several kinds of ids, where none stands at every item: GTINs only if they are enough."""
    if gtins and sum(one.items for one in gtins) >= every:
        return gtins, "gtin"
    chosen: list[Ids] = []
    for one in sorted(ranked, key=lambda one: -one.items):
        if sum(other.items for other in chosen) < every:
            chosen.append(one)
    return [one for one in ranked if one in chosen], "partner"


def _about(one: Ids, every: int) -> str:
    checked = f", {one.pass_share:.0%} of {len(one.texts)} pass the check" if one.qualifier in CHECKED else ""
    name, first = shown(one.qualifier, 10) or "no qualifier", shown(one.texts[0], 24)
    return f"{name} in {one.items} of {every} items{checked} (`{first}`)"


def _codes(draft: Draft, edi: Edi) -> None:
    found: dict[str, tuple[int, float]] = {}
    levels = {level for _, level, _ in edi.values}
    for (code, level, _), values in edi.values.items():
        if level == "total" and len(levels) > 1:
            continue
        count, total = found.get(code, (0, 0.0))
        found[code] = count + values.count, total + values.total
    draft.say("codes:")
    code_lines(draft, found, edi.message)


def _units(draft: Draft, edi: Edi) -> None:
    units: dict[str, int] = {}
    for (_, _, unit), values in edi.values.items():
        units[unit] = units.get(unit, 0) + values.count
    packs = [unit for unit in units if unit and unit.upper() not in PIECES]
    if packs and not edi.packs:
        names = ", ".join(f"{scalar(unit)}: 12" for unit in packs)
        draft.remark(
            "how many pieces has each unit? Until it is said, in place of any other `units`, they are rejected:",
            sure=False,
        )
        draft.suggest(f"units: {{packs: {{{names}}}}}")
    elif packs:
        draft.remark(f"units {listed(packs)} have the pack size of the file (PO4)", sure=False)
    if units.get(""):
        draft.say("units: {default: EA}", f"{counted(units[''], 'value')} without unit", sure=False)


def _repeats(draft: Draft, edi: Edi) -> None:
    if not edi.repeated:
        draft.say("repeats: reject", "no date, location, item and code stands twice in this file")
        return
    known = CODES.get(edi.message, {})
    flows = all(code in known and known[code].measure in FLOWS for code in edi.repeated)
    codes = ", ".join(f"{shown(code)} x{count}" for code, count in edi.repeated.items())
    note = f"values of one date, location and item again: {codes}; single transactions (sum), or the same twice?"
    draft.say(f"repeats: {'sum' if flows else 'reject'}", note, sure=False)
