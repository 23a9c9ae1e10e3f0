"""How counts, days and names are said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.alerting.messages.words import clip, day_words, escape, number, spoken_dates
from tests.domain.tables import day


@given(st.text(max_size=300), st.integers(1, 60))
def test_a_clipped_text_is_never_too_long_and_says_that_it_was_clipped(text: str, limit: int) -> None:
    clipped = clip(text, limit)
    assert len(clipped) <= limit
    assert clipped == text or (clipped.endswith("…") and text.startswith(clipped[:-1]))


def test_escaping_leaves_what_is_harmless() -> None:
    assert escape("Müller & Söhne <!channel>") == "Müller &amp; Söhne &lt;!channel&gt;"
    assert escape("#118 Reno *bold* @here") == "#118 Reno *bold* @here"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1234567.8, "1,234,568"),
        (10, "10"),
        (9.94, "9.9"),
        (1, "1"),
        (6.04, "6"),
        (0, "0"),
        (-7.25, "-7.2"),
        (0.25, "0.25"),
    ],
)
def test_numbers_read_as_people_write_them(value: float, words: str) -> None:
    assert number(value) == words


@pytest.mark.parametrize(
    ("number_of_day", "words"), [(1, "Mon 2 Nov"), (7, "Sun 8 Nov"), (30, "Tue 1 Dec"), (91, "Sun 31 Jan")]
)
def test_days_carry_their_weekday(number_of_day: int, words: str) -> None:
    assert day_words(day(number_of_day)) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "retailer_dc: D4 was out on 2 days, 2026-11-16 to 2026-11-17",
            "D4 was out on 2 days, Mon 16 Nov to Tue 17 Nov",
        ),
        ("not_ordered: nothing is on order, last receipt 2026-11-16", "last receipt Mon 16 Nov"),
        ("not_delivered: an order is overdue since 2026-11-16", "since Mon 16 Nov"),
        ("phantom: the record lost stock without a sale by 2026-11-16", "by Mon 16 Nov"),
        ("feed: no report of its stock, the last of 2026-11-16", "the last of Mon 16 Nov"),
        ("planned: it is ranged from 2026-11-16", "it is ranged from Mon 16 Nov"),
        ("retailer_dc: 2026-01-02 was out on 1 days, 2026-11-16 to 2026-11-16", "retailer_dc: 2026-01-02 was out on"),
        ("planned: its successor 2026-01-02 is ranged here", "its successor 2026-01-02 is ranged here"),
        ("distributor_dc: DC-2026-01-02 of west was out on 20260102", "DC-2026-01-02 of west was out on 20260102"),
        ("planned: the item ended on 2026-99-99", "ended on 2026-99-99"),
    ],
)
def test_dates_of_our_own_words_are_said_as_in_messages_and_ids_that_look_like_one_stay(text: str, words: str) -> None:
    assert words in spoken_dates(text)
