"""Promises at the shelf: prices in their band, packs that stay, items that vanish, complaints that rise."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from include.stockwatch.domain.columns import ASSORTMENT, COMPLAINTS, IDENTITIES, ITEMS
from include.stockwatch.domain.complaint_rates import quality_counts, tail, unusual
from include.stockwatch.domain.packs import identities, pack_changes, remembered
from include.stockwatch.domain.promise import (
    PriceBand,
    PromiseRule,
    Promises,
    Unusual,
    Vanishing,
    banded,
    price_findings,
    with_reference,
)
from include.stockwatch.domain.thresholds import Match
from include.stockwatch.domain.vanishing import newest_dates, planned_ends, presence, vanished
from tests.domain.tables import ITEM, PARTNER, day, observation, observations, rows_of, table

OLD, NEW = "00850007123017", "00850007123024"


def item(item_id: str = ITEM, **more: Any) -> dict[str, Any]:
    """One row of an item master, of the partner's own by default."""
    row: dict[str, Any] = dict.fromkeys(ITEMS.names)
    row |= {"feed_id": "northfield_items", "partner": PARTNER, "item_id": item_id, "currency": "USD"}
    return row | more


def masters(rows: Iterable[dict[str, Any]]) -> ir.Table:
    """Rows as `master.per_partner` gives them."""
    listed = list(rows)
    own = [one.pop("is_own", False) for one in listed]
    found = table(listed, ITEMS)
    return found.mutate(
        is_own=found.feed_id.isin([r["feed_id"] for r, is_own in zip(listed, own, strict=True) if is_own])
    )


# --- price -----------------------------------------------------------------------------------------------------------


def priced(price: float | None, store: str = "0118", **more: Any) -> dict[str, Any]:
    """A shelf price of day 1."""
    return observation(1, 5, 1, location_id=store, price=price, **({"currency": "USD"} | more))


def bands(rows: Sequence[dict[str, Any]], *rules: PromiseRule, master: float | None = 6.0) -> list[dict[str, Any]]:
    """Prices with their bands, by location."""
    promises = Promises(promises=rules) if rules else Promises()
    known = with_reference(observations(rows), masters([item(price=master)]))
    return sorted(rows_of(banded(known, promises)), key=lambda row: str(row["location_id"]))


def test_a_price_is_outside_when_it_is_more_than_the_shares_away_from_the_master() -> None:
    prices = (4.19, 4.20, 6.60, 6.61)
    found = bands([priced(price, f"{n:04d}") for n, price in enumerate(prices)])
    assert [row["is_outside"] for row in found] == [True, False, False, True]
    assert (found[0]["band_low"], found[0]["band_high"]) == (pytest.approx(4.2), pytest.approx(6.6))


@pytest.mark.parametrize("missing", [{"price": None}, {"price": 99.0, "currency": "EUR"}])
def test_a_price_without_a_band_breaks_no_promise(missing: dict[str, Any]) -> None:
    (found,) = bands([priced(**missing)] if "currency" in missing else [priced(None)])
    assert found["is_outside"] is False


def test_without_a_master_price_no_price_is_outside() -> None:
    (found,) = bands([priced(99.0)], master=None)
    assert (found["is_outside"], found["has_band"]) == (False, False)


def test_the_most_specific_band_counts() -> None:
    rules = (
        PromiseRule(name="all", price=PriceBand(above=0.5, below=0.5)),
        PromiseRule(name="oat", match=Match(item_id=ITEM), price=PriceBand(lowest=5, highest=5.5, currency="USD")),
        PromiseRule(name="partner", match=Match(partner=PARTNER), price=PriceBand(above=0, below=0)),
    )
    (found,) = bands([priced(6.0)], *rules)
    assert (found["promise_rule"], found["band_low"], found["band_high"]) == ("oat", 5.0, 5.5)


def test_amounts_in_another_currency_leave_the_next_band() -> None:
    rules = (
        PromiseRule(name="all", price=PriceBand(above=0.1, below=0.1)),
        PromiseRule(name="oat", match=Match(item_id=ITEM), price=PriceBand(lowest=5, highest=5.5, currency="EUR")),
    )
    (found,) = bands([priced(6.0)], *rules)
    assert found["promise_rule"] == "all"


def test_our_own_master_promises_before_the_partners() -> None:
    both = masters([item(price=9.0), item(price=6.0, feed_id="our_items", is_own=True)])
    (found,) = rows_of(with_reference(observations([priced(6.0)]), both))
    assert found["reference_price"] == 6.0


def test_a_master_that_says_0_has_no_price() -> None:
    (found,) = bands([priced(5.0)], master=0.0)
    assert found["is_outside"] is False


def test_a_price_is_held_against_the_master_that_speaks_its_currency() -> None:
    both = masters([item(price=9.0, currency="CAD"), item(price=6.0, feed_id="our_items", is_own=True)])
    rows = observations([priced(9.0, "0001", currency="CAD"), priced(6.0, "0002"), priced(5.0, "0003", currency="EUR")])
    found = sorted(rows_of(with_reference(rows, both)), key=lambda row: row["location_id"])
    assert [row["reference_price"] for row in found] == [9.0, 6.0, None]


def test_a_price_finding_counts_stores_and_names_the_farthest_prices() -> None:
    rows = [priced(p, f"{n:04d}") for n, p in enumerate((6.0, 7.5, 9.0, 3.0))] + [priced(1.0, "0009", item_id="nut")]
    known = with_reference(observations(rows), masters([item(price=6.0)]))
    (found,) = rows_of(price_findings(banded(known, Promises())))
    assert (found["item_id"], found["priced"], sorted(found["outside"])) == (ITEM, 4, ["0001", "0002", "0003"])
    assert (found["lowest_outside"], found["highest_outside"]) == (3.0, 9.0)


def test_a_watched_item_is_given_even_when_its_prices_keep_the_promise() -> None:
    known = banded(with_reference(observations([priced(6.0)]), masters([item(price=6.0)])), Promises())
    assert rows_of(price_findings(known)) == []
    (found,) = rows_of(price_findings(known, [ITEM]))
    assert (found["number_outside"], found["inside"]) == (0, ["0118"])


@given(st.floats(0.5, 50), st.floats(0, 1), st.floats(0, 0.9))
def test_the_masters_own_price_always_keeps_the_promise(price: float, above: float, below: float) -> None:
    rule = PromiseRule(name="all", price=PriceBand(above=above, below=below))
    (found,) = bands([priced(price)], rule, master=price)
    assert found["is_outside"] is False


@pytest.mark.parametrize(
    "band",
    [{}, {"above": 0.1, "lowest": 1, "currency": "USD"}, {"lowest": 1}, {"lowest": 2, "highest": 1, "currency": "USD"}],
)
def test_a_band_is_shares_or_amounts_with_their_currency(band: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PriceBand(**band)


def test_limits_of_a_partner_fall_back_to_the_less_specific_rule() -> None:
    promises = Promises(
        promises=(
            PromiseRule(name="default", min_price_kept=0.9, max_complaints=1.0),
            PromiseRule(name="northfield", match=Match(partner=PARTNER), max_complaints=0.5),
        )
    )
    assert [promises.limit("max_complaints", p) for p in (PARTNER, "westway")] == [0.5, 1.0]
    assert promises.limit("min_price_kept", PARTNER) == 0.9


# --- packs and GTINs -------------------------------------------------------------------------------------------------


Lists = Sequence[tuple[int, list[dict[str, Any]]]]


def seen(lists: Lists) -> tuple[ir.Table, ir.Table]:
    """What is remembered of lists that came on some days, and what the last of them says."""
    known = now = table([], IDENTITIES)
    for number, rows in lists:
        at = dt.datetime.combine(day(number), dt.time(6), dt.UTC)
        now = identities(table([row | {"received_at": at} for row in rows], ITEMS))
        known = remembered(known, now)
    return known, now


def numbered(gtin: str = OLD, pieces: float | None = 12, **more: Any) -> dict[str, Any]:
    """An item under the own number 014101."""
    packs = None if pieces is None else [("CA", pieces)]
    return item(gtin, gtin=gtin, partner_item_id="014101", item_name="Oat Bar", packs=packs, **more)


def changes(
    lists: dict[int, list[dict[str, Any]]], on: int, *more: tuple[int, list[dict[str, Any]]]
) -> list[tuple[str, str, str, dt.date]]:
    """What changed, from what to what, since when; `more` are lists that came later, or on the same day."""
    found = rows_of(pack_changes(*seen([*lists.items(), *more]), day(on), 28))
    return sorted((row["fact"], row["before"], row["after"], row["since"]) for row in found)


def test_the_first_list_changes_nothing() -> None:
    assert changes({1: [numbered()]}, 1) == []


def test_the_same_list_again_changes_nothing() -> None:
    assert changes({1: [numbered()], 8: [numbered()]}, 8) == []


def test_another_gtin_under_the_same_own_number_is_told() -> None:
    assert changes({1: [numbered()], 8: [numbered(NEW)]}, 10) == [("gtin", OLD, NEW, day(8))]


@pytest.mark.parametrize("announced_on", [1, 8])
def test_a_gtin_with_a_successor_is_no_surprise(announced_on: int) -> None:
    lists = {1: [numbered()], 8: [numbered(NEW)]}
    told = numbered(successor_gtin=NEW)
    lists[announced_on] = [told] if announced_on == 1 else [told, numbered(NEW)]
    assert changes(lists, 10) == []


def test_another_number_of_pieces_under_the_same_gtin_is_told() -> None:
    assert changes({1: [numbered()], 8: [numbered(pieces=10)]}, 10) == [("CA", "12", "10", day(8))]


def test_a_change_that_is_taken_back_is_told_no_more() -> None:
    assert changes({1: [numbered()], 8: [numbered(pieces=10)], 9: [numbered()]}, 10) == []


def test_a_mistake_that_is_put_right_on_its_day_is_told_no_more() -> None:
    assert changes({1: [numbered()], 8: [numbered(pieces=10)]}, 10, (8, [numbered()])) == []


def test_a_change_is_told_for_its_days_and_not_before_it_came() -> None:
    lists = {1: [numbered()], 8: [numbered(pieces=10)]}
    assert [len(changes(lists, on)) for on in (7, 8, 35, 36)] == [0, 1, 1, 0]


def test_a_pack_that_was_not_known_before_is_no_change() -> None:
    assert changes({1: [numbered(pieces=None)], 8: [numbered()]}, 10) == []


def test_lists_of_two_feeds_are_not_mixed_up() -> None:
    assert (
        changes(
            {
                1: [numbered(), numbered(pieces=6, feed_id="other")],
                8: [numbered(), numbered(pieces=6, feed_id="other")],
            },
            9,
        )
        == []
    )


# --- vanishing -------------------------------------------------------------------------------------------------------

FEW = Vanishing(gone_days=3, within_days=5, min_locations=3, look_back_days=28)


def stocked(days: Iterable[int], store: str, units: float = 4, **more: Any) -> list[dict[str, Any]]:
    """Rows of a store with the item on the shelf."""
    return [observation(number, units, 1, location_id=store, on_order_units=0.0, **more) for number in days]


def others(last: int) -> list[dict[str, Any]]:
    """Two other items that stay."""
    return [one for name in ("nut", "mix") for one in stocked(range(1, last + 1), "0001", item_id=name)]


def gone(
    rows: Iterable[dict[str, Any]], on: int, planned: Sequence[dict[str, Any]] = (), newest: int | None = None
) -> list[str]:
    """Items that vanished."""
    ends = (
        planned_ends(masters(planned), None, day(on))
        if planned
        else planned_ends(masters([item("none")]), None, day(on))
    )
    came = observations(rows)
    newest_of = newest_dates(came.filter(came.business_date <= day(newest or on)))
    known = presence(came, day(on), FEW)
    return sorted(row["item_id"] for row in rows_of(vanished(known, newest_of, ends, day(on), FEW)))


def three_stores(last: int) -> list[dict[str, Any]]:
    """The item at three stores until about a day, then nowhere."""
    return stocked(range(1, last + 1), "0001") + stocked(range(1, last), "0002") + stocked(range(1, last + 1), "0003")


def test_an_item_that_no_store_lists_any_more_has_vanished() -> None:
    assert gone(three_stores(10) + others(13), 13) == [ITEM]


def test_an_item_of_a_few_locations_is_nothing_to_tell() -> None:
    rows = stocked(range(1, 11), "0001") + stocked(range(1, 11), "0002")
    assert gone(rows + others(13), 13) == []


def test_it_has_not_before_its_days_are_over() -> None:
    assert gone(three_stores(10) + others(12), 12) == []


def test_an_item_that_left_stores_one_by_one_over_weeks_has_not_vanished_at_once() -> None:
    rows = stocked(range(1, 3), "0001") + stocked(range(1, 5), "0002") + stocked(range(1, 16), "0003") + others(18)
    assert gone(rows, 18) == []


def test_a_planned_end_is_no_surprise() -> None:
    rows = three_stores(10) + others(13)
    assert gone(rows, 13, [item(active_to=day(11))]) == []
    assert gone(rows, 13, [item(successor_gtin=NEW)]) == []
    assert gone(rows, 13, [item(active_to=day(20))]) == [ITEM]


def test_an_item_that_is_out_with_an_order_open_is_out_of_stock_and_has_not_vanished() -> None:
    empty = [observation(n, 0, 0, location_id="0001", on_order_units=12.0) for n in (11, 12, 13)]
    assert gone(three_stores(10) + others(13) + empty, 13) == []


def test_an_item_that_is_listed_without_stock_has_not_vanished_while_orders_are_not_known() -> None:
    empty = [observation(n, 0, 0, location_id="0001") for n in (11, 12, 13)]
    assert gone(three_stores(10) + others(13) + empty, 13) == []


def test_a_feed_that_lost_most_of_its_items_lost_none_of_them_alone() -> None:
    assert gone(three_stores(10) + stocked(range(1, 11), "0001", item_id="nut"), 13) == []


def test_one_report_without_an_item_is_not_enough_however_long_the_silence_before_it() -> None:
    silent = [one for one in others(13) if one["business_date"] not in (day(11), day(12))]
    assert gone(three_stores(10) + silent, 13) == []
    assert gone(three_stores(10) + silent + stocked([14], "0001", item_id="nut"), 14) == [ITEM]


def test_nothing_vanishes_while_the_partner_delivers_nothing() -> None:
    assert gone(three_stores(10) + others(13), 13, newest=12) == []


def test_an_assortment_that_goes_on_at_one_location_announces_no_end() -> None:
    row: dict[str, Any] = dict.fromkeys(ASSORTMENT.names)
    row |= {"partner": PARTNER, "item_id": ITEM}
    listed = [row | {"location_id": "0001", "ranged_to": day(5)}, row | {"location_id": "0002"}]
    assert rows_of(planned_ends(masters([item("x")]), table(listed, ASSORTMENT), day(10))) == []


def test_an_assortment_that_ends_announces_it() -> None:
    row: dict[str, Any] = dict.fromkeys(ASSORTMENT.names)
    row |= {"partner": PARTNER, "item_id": ITEM, "location_id": "0001"}
    for last, announced in ((day(5), True), (day(20), False), (None, False)):
        found = rows_of(planned_ends(masters([item("x")]), table([row | {"ranged_to": last}], ASSORTMENT), day(10)))
        assert (found == [{"partner": PARTNER, "item_id": ITEM}]) is announced


# --- complaints about quality ----------------------------------------------------------------------------------------


def counts(
    recent: int, before: int, units: tuple[float | None, float | None] = (700.0, 5600.0), name: str = ITEM
) -> dict[str, Any]:
    """One item's complaints, and the units sold in the same days."""
    return {"item_id": name, "recent": recent, "before": before, "recent_units": units[0], "before_units": units[1]}


def test_complaints_and_sales_are_counted_in_the_recent_days_and_before() -> None:
    base: dict[str, Any] = dict.fromkeys(COMPLAINTS.names) | {"item_id": ITEM, "kind": "quality", "partner": ""}
    said = [
        base | {"business_date": day(n), "complaints": k} for n, k in ((-49, 9), (-42, 1), (13, 2), (14, 3), (20, 4))
    ]
    said.append(base | {"business_date": day(20), "complaints": 50, "kind": "price"})
    sold = observations([observation(14, 5, 10.0), observation(13, 5, 7.0)])
    (found,) = rows_of(quality_counts(table(said, COMPLAINTS), sold, day(20), Unusual()))
    assert found == {
        "item_id": ITEM, "recent": 7, "before": 3, "since": day(14), "recent_units": 10.0, "before_units": 7.0
    }  # fmt: skip


def test_days_whose_sales_are_missing_count_as_the_days_before_them() -> None:
    """Eight weeks of 10 units a day; of the last week one day has come, and of the other partner none."""
    base: dict[str, Any] = dict.fromkeys(COMPLAINTS.names) | {"item_id": ITEM, "kind": "quality", "partner": ""}
    said = [base | {"business_date": day(20), "complaints": 1}]
    sold = [observation(n, 5, 10.0) for n in range(-42, 15)]
    sold += [observation(n, 5, 20.0, partner="westway") for n in range(-42, 14)]
    (found,) = rows_of(quality_counts(table(said, COMPLAINTS), observations(sold), day(20), Unusual()))
    assert (found["recent_units"], found["before_units"]) == (7 * (10.0 + 20.0), 56 * (10.0 + 20.0))


def test_as_many_complaints_as_ever_are_not_unusual() -> None:
    assert unusual([counts(4, 32)], Unusual()) == []


def test_ten_times_as_many_are() -> None:
    (found,) = unusual([counts(12, 8), counts(1, 9, name="nut")], Unusual())
    assert found["item_id"] == ITEM
    assert found["expected"] == pytest.approx(9 / (1 / (17 / 11200) + 5600) * 700)
    assert found["chance"] < 1e-4


def test_a_promotion_that_sells_ten_times_as_much_may_bring_ten_times_the_complaints() -> None:
    assert unusual([counts(12, 8, (7000.0, 5600.0))], Unusual()) == []


def test_items_without_known_sales_are_compared_by_days() -> None:
    assert [row["item_id"] for row in unusual([counts(12, 8, (None, None))], Unusual())] == [ITEM]


def test_two_complaints_are_never_told() -> None:
    assert unusual([counts(2, 0), counts(0, 0, name="nut")], Unusual(probability=0.09, least=3)) == []


def test_the_tail_is_that_of_the_negative_binomial() -> None:
    # size 1: geometric, P(X >= k) = (mean / (1 + mean)) ** k
    assert tail(4, 1.0, 2.0) == pytest.approx((2 / 3) ** 4)
    assert tail(0, 3.0, 2.0) == 1.0
    assert tail(1, 3.0, 0.0) == 0.0


@given(st.integers(0, 60), st.floats(0.1, 200), st.floats(1e-12, 50))
def test_a_tail_is_a_probability_that_falls_with_the_count(count: int, size: float, mean: float) -> None:
    assert 0 <= tail(count + 1, size, mean) <= tail(count, size, mean) <= 1


def test_steady_items_give_fewer_false_alarms_than_the_probability_allows() -> None:
    random = np.random.default_rng(4)
    rates = random.gamma(0.5, 4.0, 20_000)  # complaints a week: most items have few, some have many
    rows = [
        counts(int(r), int(b), (100.0, 800.0))
        for r, b in zip(random.poisson(rates), random.poisson(8 * rates), strict=True)
    ]
    assert len(unusual(rows, Unusual(probability=0.001))) <= 20
