"""Scores of detection on a few days that can be counted by hand."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from include.stockwatch.validation import detection

TRUTH = np.array([True, False, True, False])


def test_a_score_that_ranks_all_empty_days_first_is_perfect() -> None:
    assert detection.average_precision(np.array([0.9, 0.2, 0.8, 0.1]), TRUTH) == 1


def test_average_precision_weighs_each_precision_with_the_recall_it_adds() -> None:
    # found in order: hit (1/1), miss, hit (2/3), miss
    assert detection.average_precision(np.array([0.9, 0.8, 0.7, 0.1]), TRUTH) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_days_of_the_same_score_are_one_step() -> None:
    assert detection.average_precision(np.zeros(4), TRUTH) == 0.5


def test_precision_at_a_recall_is_the_best_that_reaches_it() -> None:
    score = np.array([0.9, 0.8, 0.7, 0.1])
    assert detection.precision_at_recall(score, TRUTH, 0.5) == 1
    assert detection.precision_at_recall(score, TRUTH, 0.9) == pytest.approx(2 / 3)


def test_reliability_sets_what_was_predicted_beside_what_was_seen() -> None:
    (low, high) = detection.reliability(np.array([0.05, 0.05, 0.8, 0.9]), TRUTH, (0, 0.5, 1.01))
    assert (low.days, low.observed) == (high.days, high.observed) == (2, 0.5)
    assert (low.predicted, high.predicted) == pytest.approx((0.05, 0.85))


def test_alarms_count_empty_days_found_and_false_ones_in_a_thousand() -> None:
    found = detection.alarms(np.array([True, True, False, False]), TRUTH)
    assert (found.recall, found.false_per_thousand) == (0.5, 250)


def world(sold: list[float], record: list[float], received: list[float]) -> detection.Panel:
    def grid(values: list[float]) -> detection.Array:
        return np.array([values], float)

    nothing = np.zeros((1, len(sold)), bool)
    dates = [dt.date(2026, 1, 1) + dt.timedelta(days=n) for n in range(len(sold))]
    return detection.Panel(
        dates, [("p", "l", "i")], grid(record), grid(sold), grid(received), grid(sold), grid(sold), nothing, nothing
    )


def test_the_public_rule_is_the_share_of_silent_days_to_the_power_of_the_run() -> None:
    score = detection.run_rule(world([1, 0, 0, 1], [5, 5, 5, 5], [0] * 4))
    assert score.tolist() == [[-1, -0.5, -0.25, -1]]
    # a day without stock on record ends the run
    assert detection.run_rule(world([1, 0, 0, 0], [5, 5, 0, 5], [0] * 4)).tolist() == [[-1, -0.75, -1, -0.75]]


def test_a_sale_or_a_receipt_resets_the_filter() -> None:
    quiet = world([1, 0, 0, 0, 1], [5] * 5, [0, 0, 0, 9, 0])
    score = detection.filtered(quiet, np.full((1, 5), 0.1), 0.01, 0.0)[0]
    assert score[1] == pytest.approx(0.01 / (0.01 + 0.99 * 0.1))
    assert score[2] > score[1]
    assert score[[0, 3, 4]].tolist() == [0, 0, 0]
