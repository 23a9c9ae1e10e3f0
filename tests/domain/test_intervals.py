"""The spread of the lost-customer model's figures, against its documented constants and against drawn priors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.domain.customers import Assumptions, Priors, Response
from include.stockwatch.domain.intervals import multiplier_quantiles, with_intervals

TEN_FIFTY_NINETY = (0.1, 0.5, 0.9)


def test_the_default_priors_give_the_documented_multipliers() -> None:
    found = with_intervals(Assumptions())
    for computed, printed in ((found.customers_interval, Assumptions().customers_interval),
                              (found.value_interval, Assumptions().value_interval)):  # fmt: skip
        assert computed.low == pytest.approx(printed.low, abs=0.005)
        assert computed.median == pytest.approx(printed.median, abs=0.01)  # N: 0.647, which is printed as 0.64
        assert computed.high == pytest.approx(printed.high, abs=0.005)


def test_everything_but_the_intervals_stays_as_it_was() -> None:
    assumed = Assumptions(first_persistence=0.1, name="own panel")
    kept = {"customers_interval", "value_interval"}
    assert with_intervals(assumed).model_dump(exclude=kept) == assumed.model_dump(exclude=kept)


ASSUMED = (
    Assumptions(first_persistence=0.2),
    Assumptions(loyal_share=0.9, retention=0.9),
    Assumptions(first_persistence=0.005),
    Assumptions(response=Response(store=0.43, brand=0.08, same_brand=0.12, delay=0.22, cancel=0.15)),
)


@pytest.mark.parametrize("assumed", ASSUMED, ids=("persistent", "loyal", "forgiving", "cosmetics"))
def test_other_assumptions_give_the_quantiles_of_their_drawn_priors(assumed: Assumptions) -> None:
    rng, count = np.random.default_rng(7), 400_000

    def share(mean: float, weight: float) -> np.ndarray:
        return rng.beta(mean * weight, (1 - mean) * weight, count)

    drawn = share(assumed.loyal_share, 10) * share(assumed.response.brand, 50) * share(assumed.first_persistence, 20)
    point = assumed.loyal_share * assumed.response.brand * assumed.first_persistence
    retained, sigma = share(assumed.retention, 20), np.sqrt(np.log(1.09))
    worth = retained / (1.1 - retained) / np.exp(rng.normal(-(sigma**2) / 2, sigma, count))
    each = assumed.retention / (1.1 - assumed.retention)
    customers, value = multiplier_quantiles(assumed, TEN_FIFTY_NINETY)
    # the lowest tail of a tiny rho_1 spans decades: nothing there matters below a thousandth of the point
    assert customers == pytest.approx(np.quantile(drawn / point, TEN_FIFTY_NINETY), rel=0.02, abs=1e-3)
    assert value == pytest.approx(np.quantile(drawn * worth / (point * each), TEN_FIFTY_NINETY), rel=0.02, abs=1e-3)


SHARES = st.floats(0.01, 0.99)
WEIGHTS = st.floats(1, 5_000)


@given(SHARES, SHARES, SHARES, WEIGHTS, WEIGHTS, WEIGHTS)
def test_an_interval_is_ordered_and_above_zero(
    loyal: float, persistence: float, retention: float, firm: float, firmer: float, firmest: float
) -> None:
    priors = Priors(loyal_share_weight=firm, persistence_weight=firmer, retention_weight=firmest)
    assumed = Assumptions(loyal_share=loyal, first_persistence=persistence, retention=retention, priors=priors)
    for quantiles in multiplier_quantiles(assumed, TEN_FIFTY_NINETY):
        assert 0 < quantiles[0] <= quantiles[1] <= quantiles[2] < np.inf


@given(SHARES, st.floats(2, 200))
def test_measuring_persistence_on_more_people_narrows_the_interval(persistence: float, weight: float) -> None:
    held = [
        Assumptions(first_persistence=persistence, priors=Priors(persistence_weight=w)) for w in (weight, 10 * weight)
    ]
    vague, firm = (multiplier_quantiles(assumed, TEN_FIFTY_NINETY)[0] for assumed in held)
    assert firm[2] / firm[0] <= vague[2] / vague[0] * 1.0101  # two steps of the grid


def test_priors_that_are_firm_leave_nothing_but_the_point() -> None:
    firm = Priors(
        loyal_share_weight=1e7,
        response_weight=1e7,
        persistence_weight=1e7,
        retention_weight=1e7,
        cycle_variation=0,
    )
    for quantiles in multiplier_quantiles(Assumptions(priors=firm), TEN_FIFTY_NINETY):
        assert quantiles == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("certain", [{"loyal_share": 1.0}, {"first_persistence": 0.0}, {"retention": 0.0}])
def test_a_share_of_all_or_nothing_has_no_spread(certain: dict[str, float]) -> None:
    with_it = with_intervals(Assumptions(**certain))
    assert with_it.customers_interval.low > 0
    assert np.isfinite(with_it.value_interval.high)
