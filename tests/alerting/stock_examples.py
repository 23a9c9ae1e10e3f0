"""Incidents of the other kinds of stock to render: phantom stock, stock that will not last, DCs, mass changes."""

from __future__ import annotations

import datetime as dt
from typing import Any

from include.stockwatch.alerting.case import Handling, Kind, Severity, Standing, Verdict
from include.stockwatch.alerting.incident import Elsewhere, Fed, Incident, Lack, Member, MemberState
from include.stockwatch.alerting.mass_change import MassChange, NewlyOut
from tests.alerting.examples import LONG_150, MALICE, NOT_ESTIMATED, incident, member, resolved
from tests.domain.tables import day

BACK, MOVED, STALE = MemberState.BACK, MemberState.MOVED, MemberState.STALE
PHANTOM: dict[str, Any] = {"kind": Kind.PHANTOM_STOCK, "severity": Severity.MEDIUM, "incident_id": "INC-2026-00425"}
RUN_OUT: dict[str, Any] = {"kind": Kind.WILL_RUN_OUT, "incident_id": "INC-2026-00421"}
PARTNERS = {"northfield": "Northfield Grocers", "harbor": "Harbor Foods", "quickmart": "Quickmart"}


def silent(location: str, days: int, stock: float = 7.0, p: float = 0.97, **told: Any) -> Member:
    """A store that shows stock and has sold nothing since some days."""
    figures = {"lack": Lack.DOUBTFUL, "on_hand_units": stock, "silent_days": days, "p_phantom": p, "units_per_day": 1.6}
    return member(location, 4 - days, 3, **(figures | told))


def short(location: str, gone: int | None = 8, **told: Any) -> Member:
    """A store whose stock will not last until the next receipt."""
    figures = {"lack": Lack.SHORT, "on_hand_units": 12.0, "units_per_day": 4.0, "days_of_supply": 3.0}
    figures |= {
        "p_runs_out": 0.82,
        "runs_out_on": day(gone) if gone else None,
        "short_units": 9.5,
        "at_risk_units": 9.5,
    }
    figures |= {"next_receipt_on": day(10), "inbound_units": 48.0, "lost_units": None, "lost_money": None}
    figures |= {"customers_lost": None, "cause": "not_delivered", "has_open_order": True}
    return member(location, 3, 3, **(figures | told))


def empty_dc(**told: Any) -> Member:
    """DC 07 of Westway without a unit."""
    figures: dict[str, Any] = {"lost_units": 2760.0, "lost_money": 16008.0, "at_risk_units": 6440.0}
    figures |= {"at_risk_money": 37352.0, "shoppers_exposed": 5120.4, "customers_lost": 11.2, "customers_at_risk": 26.0}
    figures |= {"inbound_units": 1200.0, "next_receipt_on": day(6), "cause": "not_delivered"}
    return member("07", 1, 3, location_name=None, **(figures | told))


def dc_incident(*members: Member, **told: Any) -> Incident:
    """Westway DC 07 without the Nut Mix on day 3."""
    known: dict[str, Any] = {"kind": Kind.DC_OUT, "scope": "07", "incident_id": "INC-2026-00430"}
    known |= {"partner": "westway", "partner_name": "Westway", "item_name": "Nut Mix 200 g", "owner": "Priya Nair"}
    known |= {"severity": Severity.CRITICAL, "transit_days": 2.0, "opened_on": day(1)}
    return incident(*members, **(known | told))


def stores(counts: dict[str, int], **told: Any) -> tuple[Member, ...]:
    """Empty stores of some partners that a DC has left without."""
    figures = {"cause": "distributor_dc", "cause_place": "07", "location_name": None} | told
    return tuple(
        member(f"{n:04d}", 2, 3, partner=partner, **figures) for partner, count in counts.items() for n in range(count)
    )


def fed(counts: dict[str, int | None]) -> tuple[Fed, ...]:
    """What the supply links say of the DC."""
    return tuple(Fed(partner=one, partner_name=PARTNERS[one], locations=n) for one, n in counts.items())


def apart(partner: str, count: int, dc_id: str | None = None) -> Elsewhere:
    """Stores of a partner that are out and in another incident."""
    return Elsewhere(partner=partner, dc_id=dc_id, locations=count)


FED = fed({"northfield": 180, "harbor": 150, "quickmart": 70})


def mass(**told: Any) -> MassChange:
    """Half of Lakeside's file is missing on day 3."""
    known: dict[str, Any] = {
        "incident_id": "DATA-2026-00012",
        "fingerprint": "0123456789abcdef0123456789abcdef",
        "partner": "lakeside",
        "partner_name": "Lakeside Stores",
        "channel": "C0LAKESIDE",
        "owner": "data-ops duty",
        "business_date": day(3),
        "dates": (day(3),),
        "newly_out": 1204,
        "series": 6134,
        "items": (
            NewlyOut(item_id="1", item_name="Oat Bar 6-pack", locations=88, of_locations=90),
            NewlyOut(item_id="2", locations=61, of_locations=90),
        ),
        "currency": "USD",
        "money_at_risk": 88123.4,
        "feeds": ("lakeside_stores",),
        "why": "1,204 series ran out at once, the limit is 307",
    }
    return MassChange(**(known | told))


def judged(is_true: bool) -> dict[str, Any]:
    """What somebody said of a mass change."""
    at = dt.datetime(2026, 11, 5, 9, tzinfo=dt.UTC)
    reason = None if is_true else "the file was cut"
    verdict = Verdict(person="dana@example.com", is_confirmed=is_true, reason=reason, at=at)
    done = Handling(verdicts=(verdict,), resolved_by="dana@example.com", resolve_reason=reason)
    return {"standing": Standing.RESOLVED, "handling": done}


def gone_to(location: str, where: str, **told: Any) -> Member:
    """A store that is a member of another incident now."""
    return member(location, 1, 4, state=MOVED, moved_to=where, **told)


STOCK_EXAMPLES: dict[str, Incident] = {
    "phantom_in_some_stores": incident(
        silent("0118", 9, 11.0, 0.99997), silent("0204", 5, 3.0, 0.93), silent("0077", 4, 4.0, 0.61), **PHANTOM
    ),
    "phantom_of_low_records": incident(
        silent("0118", 3, 1.0, 0.92, p_phantom_before=0.22),
        silent("0204", 2, 2.0, 0.71, p_phantom_before=0.11),
        **PHANTOM,
    ),
    "phantom_of_a_low_record_among_others": incident(
        silent("0118", 9), silent("0204", 2, 2.0, 0.71, p_phantom_before=0.11), **PHANTOM
    ),
    "phantom_in_one_store": incident(silent("0118", 9), **PHANTOM, ranged=6, known=6),
    "phantom_in_one_dc": incident(
        silent("07", 12, location_name="Fresno"), **PHANTOM, location_type="dc", scope="dcs", ranged=2, known=2
    ),
    "phantom_without_figures": incident(
        silent("0118", 9, units_per_day=None, on_hand_units=None, p_phantom=None, silent_days=None, **NOT_ESTIMATED),
        **PHANTOM,
        currency=None,
    ),
    "phantom_in_very_many_stores": incident(
        *(silent(f"{1000 + n}", 3 + n % 9, location_name=None) for n in range(4000)), **PHANTOM, ranged=4100, known=4000
    ),
    "phantom_names_that_mean_harm": incident(
        silent("0118", 9, location_name="<!here> & <https://evil.example>"), **PHANTOM, **MALICE
    ),
    "phantom_resolved": resolved(
        silent("0118", 9, state=BACK), silent("0204", 5, state=BACK), **PHANTOM, peak_out=2, opened_on=day(1)
    ),
    "phantom_is_part_of_another": resolved(
        gone_to("0118", "INC-2026-00430"), **PHANTOM, end_reason="part_of", opened_on=day(1)
    ),
    "run_out_in_some_stores": incident(
        short("0118", 5), short("0204", 7, p_runs_out=0.55), **RUN_OUT, ranged=6, known=6
    ),
    "run_out_in_a_promotion": incident(
        short("0118", 5, promoted_units_per_day=7.2, promoted_until=day(7)),
        short("0204", 7),
        **RUN_OUT,
        ranged=6,
        known=6,
    ),
    "run_out_with_nothing_on_order": incident(
        short("0118", 5, inbound_units=0.0, cause="not_ordered", has_open_order=False), **RUN_OUT
    ),
    "run_out_without_figures": incident(
        short(
            "0118",
            None,
            **dict.fromkeys(("p_runs_out", "short_units", "next_receipt_on", "inbound_units", "has_open_order")),
            **dict.fromkeys(("days_of_supply", "on_hand_units", "units_per_day", "cause")),
            **{name: None for name in NOT_ESTIMATED if name not in ("lost_units", "lost_money", "customers_lost")},
        ),
        **RUN_OUT,
        currency=None,
        severity=Severity.LOW,
    ),
    "run_out_in_very_many_stores": incident(
        *(short(f"{1000 + n}", 5 + n % 5, location_name=None) for n in range(4000)), **RUN_OUT, ranged=4100, known=4000
    ),
    "run_out_with_a_name_of_150_letters": incident(
        short("0118", 5, location_name=LONG_150), **RUN_OUT, item_name=LONG_150, partner_name=LONG_150[:80]
    ),
    "run_out_resolved": resolved(short("0118", 5, state=BACK), **RUN_OUT, peak_out=1, ranged=6, opened_on=day(3)),
    "run_out_came_true": resolved(
        gone_to("0118", "INC-2026-00418", lack=Lack.SHORT),
        **RUN_OUT,
        end_reason="part_of",
        ranged=6,
        opened_on=day(3),
    ),
    "dc_out_and_no_store_empty_yet": dc_incident(empty_dc(), fed=FED, ranged=400, known=400),
    "dc_out_and_stores_of_three_partners": dc_incident(
        empty_dc(),
        *stores({"northfield": 61, "harbor": 38, "quickmart": 13}),
        short("0901", 5, partner="harbor"),
        short("0902", 6, partner="harbor"),
        member("DC11", 1, 3, partner="northfield", is_dc=True, cause="distributor_dc", location_name="Sparks depot"),
        fed=FED,
        ranged=400,
        known=398,
        copies=("C0HARBOR", "C0NORTHFIELD", "C0QUICK"),
        out_before=100,
    ),
    "dc_out_of_a_retailer": dc_incident(
        empty_dc(inbound_units=None, next_receipt_on=None, cause=None),
        *(member(f"{n:04d}", 2, 3, cause="retailer_dc", cause_place="07", location_name=None) for n in range(4)),
        partner="northfield",
        partner_name="Northfield Grocers",
        scope_name="Fresno",
        fed=fed({"northfield": 6}),
        ranged=6,
        known=6,
        notes=("one level up: the promise of 95% is broken",),
    ),
    "dc_without_supply_links": dc_incident(empty_dc(inbound_units=0.0), ranged=0, known=0),
    "dc_whose_restock_is_confirmed": dc_incident(
        empty_dc(),
        fed=FED,
        ranged=400,
        known=400,
        handling=Handling(restock_on=day(5), restock_units=1200.0),
    ),
    "dc_that_has_stock_again": dc_incident(
        empty_dc(state=BACK, back_on=day(3)), *stores({"northfield": 2}), fed=FED, ranged=400, known=400
    ),
    "dc_that_was_never_seen_out": dc_incident(*stores({"northfield": 2}), fed=FED, ranged=400, known=400),
    "dc_whose_stores_are_empty_for_other_reasons_too": dc_incident(
        empty_dc(),
        *stores({"northfield": 2}),
        fed=FED,
        elsewhere=(apart("harbor", 1, "W2"), apart("northfield", 5)),
        ranged=400,
        known=400,
        out_before=7,
    ),
    "dc_in_euro_with_stores_in_dollars": dc_incident(
        empty_dc(lost_money=None, at_risk_money=None, other_currency="EUR"),
        *stores({"northfield": 2}),
        *stores({"harbor": 1}, lost_money=None, at_risk_money=None, other_currency="EUR"),
        fed=FED,
        ranged=400,
        known=400,
        notes=("without money in another currency than USD (2 locations)",),
    ),
    "dc_of_very_many_stores": dc_incident(
        empty_dc(),
        *stores({"northfield": 1500, "harbor": 1500, "quickmart": 1000}),
        fed=fed({"northfield": 1500, "harbor": 1500, "quickmart": 1000}),
        ranged=4000,
        known=4000,
    ),
    "dc_right_to_left_and_frozen": dc_incident(
        empty_dc(state=STALE), partner_name="שופרסל", item_name="燕麦棒 6 支装", data_stale=True, fed=FED, ranged=400
    ),
    "dc_names_that_mean_harm": dc_incident(empty_dc(), **MALICE, scope_name="<!here> & <https://evil.example>"),
    "dc_resolved": dc_incident(
        empty_dc(state=BACK, back_on=day(4)),
        *stores({"northfield": 2}, state=BACK),
        *stores({"harbor": 1}, state=MOVED, moved_to="INC-2026-00466"),
        fed=FED,
        ranged=400,
        peak_out=3,
        standing=Standing.RESOLVED,
        resolved_on=day(6),
        data_as_of=day(6),
        end_reason="restocked",
    ),
    "out_of_stock_is_part_of_a_dc": resolved(
        gone_to("0118", "INC-2026-00430"), gone_to("0204", "INC-2026-00430"), end_reason="part_of", opened_on=day(1)
    ),
    "out_of_stock_goes_on_elsewhere_in_part": resolved(
        member("0118", 1, 4, state=BACK), gone_to("0204", "INC-2026-00466"), opened_on=day(1), ranged=6
    ),
    "out_of_stock_and_more_of_it_because_of_a_dc": incident(
        member("0118", 1, 3), ranged=6, known=6, known_out=4, elsewhere=(apart("northfield", 3, "07"),)
    ),
    "out_of_stock_in_doubt": incident(
        member("0118", 1, 3),
        ranged=6,
        known=2,
        severity=Severity.MEDIUM,
        notes=("confidence low, so medium at most: data of 2 of 6 locations",),
    ),
}
MASS_EXAMPLES: dict[str, MassChange] = {
    "mass_change": mass(),
    "mass_change_of_one_item": mass(
        newly_out=31,
        items=(NewlyOut(item_id="1", item_name="Oat Bar 6-pack", locations=31, of_locations=90),),
        why="one item ran out in 31 of its 90 locations at once, 34%, the limit is 30%",
        currency=None,
        money_at_risk=None,
    ),
    "mass_change_on_two_dates": mass(business_date=day(4), dates=(day(3), day(4))),
    "mass_change_names_that_mean_harm": mass(
        partner_name=MALICE["partner_name"],
        items=(NewlyOut(item_id="1", item_name=MALICE["item_name"], locations=88, of_locations=90),),
    ),
    "mass_change_long_names": mass(
        partner_name=LONG_150,
        items=tuple(NewlyOut(item_id=f"{n}", item_name=LONG_150, locations=9, of_locations=9) for n in range(5)),
    ),
    "mass_change_approved": mass(**judged(True)),
    "mass_change_discarded": mass(**judged(False)),
    "mass_change_settled": mass(standing=Standing.RESOLVED, settled_by=day(4)),
}
