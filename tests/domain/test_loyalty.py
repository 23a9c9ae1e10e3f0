"""Measured loyalty: which figure counts, how far it moves a prior, and what is said of it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.domain.customer_signals import Measure
from include.stockwatch.domain.customers import Assumptions, spell_loss
from include.stockwatch.domain.intervals import with_intervals
from include.stockwatch.domain.loyalty import GAP, Figure, context, in_force, measured, shrunk

PUBLISHED = Assumptions()
ON = dt.date(2026, 11, 2)
SHARES = st.floats(0, 1)
SIZES = st.integers(0, 100_000)


def figure(measure: str, value: float, n: int | None = 1000, **more: Any) -> Figure:
    """One figure of September 2026."""
    known = {"measure": measure, "value": value, "sample_size": n, "valid_from": dt.date(2026, 9, 1)}
    return Figure(**(known | more))


def of(*figures: Figure, **about: Any) -> dict[Measure, Figure]:
    """Those in force for items."""
    return in_force(figures, ON, **about)


def test_nothing_measured_leaves_the_published_assumptions_as_they_are() -> None:
    assert measured(PUBLISHED, {}) is PUBLISHED


def test_a_repeat_rate_replaces_the_loyal_share_as_far_as_its_sample_goes() -> None:
    # (10 x 0.50 + 30 x 0.70) / 40
    assert measured(PUBLISHED, of(figure("repeat_purchase_rate", 0.7, 30))).loyal_share == pytest.approx(0.65)


def test_a_loyal_share_comes_before_a_repeat_rate() -> None:
    both = of(figure("repeat_purchase_rate", 0.9), figure("loyal_share", 0.4, 10))
    assert measured(PUBLISHED, both).loyal_share == pytest.approx(0.45)


def test_of_two_measures_of_one_thing_the_more_specific_counts_and_then_the_newer() -> None:
    last_year = {"valid_from": dt.date(2025, 9, 1)}
    everyone, theirs = figure("retention", 0.9, 10**9), figure("churn", 0.6, 10**9, brand="Fell", **last_year)
    older = figure("retention", 0.8, 10**9, brand="Fell", valid_from=dt.date(2024, 9, 1))
    kept = [measured(PUBLISHED, of(*told, brand="Fell")).retention for told in ((everyone, theirs), (older, theirs))]
    assert kept == [pytest.approx(0.4)] * 2
    assert measured(PUBLISHED, of(everyone, theirs, brand="Glen")).retention == pytest.approx(0.9)


def test_what_nobody_was_asked_for_is_not_measured() -> None:
    assert measured(PUBLISHED, of(figure("loyal_share", 0.9, 0))) == PUBLISHED


def test_churn_is_what_retention_leaves() -> None:
    kept, left = (measured(PUBLISHED, of(one)) for one in (figure("retention", 0.8), figure("churn", 0.2)))
    assert kept.retention == pytest.approx(left.retention)


def test_a_months_churn_is_compounded_over_a_year() -> None:
    monthly = figure("churn", 0.05, 10**9, period_days=30)
    assert measured(PUBLISHED, of(monthly)).retention == pytest.approx(0.95 ** (365 / 30))


def test_a_purchase_cycle_is_weighed_like_eleven_intervals() -> None:
    assert measured(PUBLISHED, of(figure("purchase_cycle_days", 14, 11))).purchase_cycle_days == pytest.approx(22)


def test_a_lifetime_value_is_the_value_of_a_customer_whatever_the_price() -> None:
    assumed = measured(PUBLISHED, of(figure("lifetime_value", 41.5, currency="USD"), currency="USD"))
    found = spell_loss(
        demand_a=120, demand_b=30, exposure_days=5, earlier_exposure_days=0, price=[3, 9], assumed=assumed
    )
    assert np.asarray(found.value_per_customer) == pytest.approx([41.5, 41.5])
    spread = with_intervals(assumed)
    assert spread.value_interval == spread.customers_interval, "r and T have no part in a value that was measured"


@pytest.mark.parametrize(
    ("told", "interval"),
    [
        (["loyal_share"], "customers_interval"),
        (["repeat_purchase_rate"], "customers_interval"),
        (["gap_store", "gap_brand", "gap_same_brand", "gap_delay", "gap_cancel"], "customers_interval"),
        (["retention"], "value_interval"),
        (["churn"], "value_interval"),
        (["purchase_cycle_days"], "value_interval"),
    ],
    ids=lambda told: told[0] if isinstance(told, list) else None,
)
def test_what_was_measured_on_more_people_is_less_uncertain(told: list[str], interval: str) -> None:
    values = {"gap_brand": 0.26, "purchase_cycle_days": 30, "churn": 0.33, "retention": 0.67}
    rest = {"gap_store": 0.31, "gap_same_brand": 0.19, "gap_delay": 0.15, "gap_cancel": 0.09}
    few, many = (
        with_intervals(measured(PUBLISHED, of(*(figure(one, (values | rest).get(one, 0.5), n) for one in told))))
        for n in (1, 10_000)
    )
    widths = [getattr(one, interval).high / getattr(one, interval).low for one in (few, many)]
    assert widths[1] < widths[0]


def test_a_lifetime_value_in_another_currency_is_not_taken() -> None:
    assert of(figure("lifetime_value", 41.5, currency="EUR"), currency="USD") == {}


def test_a_lifetime_value_of_a_handful_of_buyers_is_not_taken() -> None:
    few = of(figure("lifetime_value", 41.5, 29, currency="USD"), currency="USD")
    assert measured(PUBLISHED, few) is PUBLISHED


def test_nps_and_csat_are_told_and_change_no_estimate() -> None:
    told = of(figure("nps", 32, 410), figure("csat", 0.81, None))
    assert measured(PUBLISHED, told) is PUBLISHED
    assert context(told) == ("NPS +32 (2026-09-01, n = 410)", "CSAT 81% (2026-09-01, n not said)")


def test_a_strong_promise_moves_the_loyal_share_only_while_no_repeat_rate_is_known() -> None:
    # lost-customer-risk.md, section 8: strong 0.5625, unknown 0.50625, weak 0.45
    assert [measured(PUBLISHED, {}, s).loyal_share for s in (1, 0.5, 0)] == pytest.approx([0.5625, 0.50625, 0.45])
    known = of(figure("repeat_purchase_rate", 0.5))
    assert measured(PUBLISHED, known, 1.0).loyal_share == pytest.approx(0.5)


def test_what_shoppers_do_at_the_gap_counts_only_if_all_five_shares_are_there() -> None:
    shares = dict(zip(GAP, (0.2, 0.4, 0.2, 0.1, 0.1), strict=True))
    all_five = [figure(measure, share, 50) for measure, share in shares.items()]
    assert measured(PUBLISHED, of(*all_five)).response.brand == pytest.approx((0.26 + 0.4) / 2)
    assert measured(PUBLISHED, of(*all_five[:4])) is PUBLISHED


def test_the_name_says_what_was_measured_when_and_on_how_many() -> None:
    told = of(figure("repeat_purchase_rate", 0.7, 1240), figure("retention", 0.7, 800, valid_from=dt.date(2026, 10, 1)))
    each = "repeat purchase rate (2026-09-01, n = 1,240), retention (2026-10-01, n = 800)"
    assert measured(PUBLISHED, told).name == f"measured {each}; else published averages"


def test_a_figure_of_the_brand_comes_before_one_of_the_category_and_of_the_partner() -> None:
    told = [
        figure("retention", 0.1),
        figure("retention", 0.2, partner="northfield"),
        figure("retention", 0.3, category="Snacks"),
        figure("retention", 0.4, brand="Oatworks", valid_from=dt.date(2025, 1, 1)),
    ]
    about = {"partner": "northfield", "category": "Snacks", "brand": "Oatworks"}
    wanted = [0.4, 0.3, 0.2, 0.1]
    assert [of(*told[: 4 - n], **about)[Measure.RETENTION].value for n in range(4)] == wanted
    assert of(*told, partner="westway", brand="Other")[Measure.RETENTION].value == 0.1


def test_the_newest_figure_counts_and_none_before_its_day() -> None:
    told = [figure("nps", n, valid_from=dt.date(2026, n, 1)) for n in (9, 10, 12)]
    assert of(*told)[Measure.NPS].value == 10


def test_segments_are_pooled_by_size_unless_all_buyers_were_measured() -> None:
    card, other = figure("retention", 0.9, 300, segment="card"), figure("retention", 0.5, 100, segment="other")
    assert of(card, other)[Measure.RETENTION].value == pytest.approx(0.8)
    assert of(card, other)[Measure.RETENTION].sample_size == 400
    assert of(card, figure("retention", 0.6), other)[Measure.RETENTION].value == 0.6


def test_a_segment_that_is_measured_again_is_still_not_all_buyers() -> None:
    card, other = figure("retention", 0.9, 300, segment="card"), figure("retention", 0.5, 100, segment="other")
    again = other.model_copy(update={"value": 0.1, "valid_from": dt.date(2026, 10, 1)})
    found = of(card, other, again)[Measure.RETENTION]
    assert (found.value, found.sample_size, found.valid_from) == (pytest.approx(0.7), 400, again.valid_from)
    assert of(figure("retention", 0.6), again)[Measure.RETENTION].value == 0.6


@given(SHARES, SHARES, SIZES)
def test_a_shrunk_share_lies_between_its_prior_and_what_was_measured(prior: float, value: float, n: int) -> None:
    assert min(prior, value) - 1e-9 <= shrunk(prior, 10, value, n) <= max(prior, value) + 1e-9


@given(st.sampled_from(["retention", "churn"]), st.floats(0.001, 0.999), SIZES, st.integers(7, 1100))
def test_retention_stays_below_one_so_that_the_value_stays_finite(kind: str, value: float, n: int, days: int) -> None:
    assumed = measured(PUBLISHED, of(figure(kind, value, n, period_days=days)))
    assert 0 <= assumed.retention < 1
    assert Assumptions.model_validate(assumed.model_dump()) == assumed


def test_a_newer_figure_counts_in_the_place_of_one_that_is_more_specific_and_too_old() -> None:
    theirs = figure("retention", 0.9, brand="Fell", valid_from=ON - dt.timedelta(days=366))
    everyone = figure("retention", 0.6, valid_from=ON - dt.timedelta(days=365))
    kept = [in_force([theirs, everyone], ON, brand="Fell", max_age_days=n)[Measure.RETENTION].value for n in (366, 365)]
    assert kept == [0.9, 0.6]
    assert in_force([theirs, everyone], ON, brand="Fell", max_age_days=364) == {}
