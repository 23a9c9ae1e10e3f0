"""GTINs: the check digit, and what a whole column tells that one number cannot."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.domain.gtin import Verdict, check_digit, cleaned, is_gtin, resolve

BODIES = st.text("0123456789", min_size=11, max_size=11)


def upcs(count: int, seed: int = 1) -> list[str]:
    """Valid UPC-12s of a made-up prefix that begins with a zero."""
    draw = random.Random(seed)
    bodies = {f"0{draw.randrange(10**9, 10**10)}" for _ in range(count)}
    return sorted(body + check_digit(body) for body in bodies)


@pytest.mark.parametrize("number", ["4006381333931", "036000291452", "73513537", "10036000291459"])
def test_printed_gtins_of_every_length_pass(number: str) -> None:
    assert is_gtin(number)


@given(BODIES, st.sampled_from("0123456789"))
def test_exactly_one_last_digit_makes_a_gtin(body: str, digit: str) -> None:
    assert is_gtin(body + digit) is (digit == check_digit(body))


@pytest.mark.parametrize("text", ["", "abc", "12345", "٠٣٦٠٠٠٢٩١٤٥٢", "814014029585003830441685003830441619"])
def test_what_is_no_number_of_a_gtins_length_is_none(text: str) -> None:
    assert not is_gtin(text)


@pytest.mark.parametrize(
    "text", ["0 36000 29145 2", "0-36000-29145-2", "'036000291452", "036000291452.0", " 036000291452 "]
)
def test_what_printing_and_spreadsheets_add_is_taken_away(text: str) -> None:
    assert cleaned(text) == "036000291452"


def test_a_column_with_check_digits_gets_its_lost_zeros_back() -> None:
    whole = upcs(30)
    found = resolve([one.lstrip("0") for one in whole], repair=True)
    assert found.verdict is Verdict.WHOLE
    assert sorted(found.gtins.values()) == [one.zfill(14) for one in whole]
    assert found.repaired == 30


def test_a_column_without_check_digits_gets_them() -> None:
    whole = upcs(30)
    found = resolve([one[:-1].zfill(13) for one in whole], repair=True)
    assert found.verdict is Verdict.NO_CHECK_DIGITS
    assert sorted(found.gtins.values()) == [one.zfill(14) for one in whole]


def test_a_column_in_between_is_not_repaired() -> None:
    whole = upcs(30)
    mixed = whole[:15] + [one[:-1] + str((int(one[-1]) + 1) % 10) for one in whole[15:]]
    found = resolve(mixed, repair=True)
    assert found.verdict is Verdict.UNCLEAR
    assert sorted(found.gtins) == sorted(whole[:15])


def test_a_few_numbers_are_not_repaired() -> None:
    found = resolve([one.lstrip("0") for one in upcs(3)], repair=True)
    assert (found.verdict, found.gtins) == (Verdict.TOO_FEW, {})


def test_a_column_is_left_alone_where_the_profile_says_so() -> None:
    assert resolve([one.lstrip("0") for one in upcs(30)], repair=False).gtins == {}


def test_scientific_notation_is_lossy_even_if_it_looks_complete() -> None:
    found = resolve(["7.2470006431E+10", "7,2E+10"], repair=True)
    assert found.lossy == {"7.2470006431E+10", "7,2E+10"}
    assert found.gtins == {}


@given(st.lists(st.text("0123456789 .E+-x", max_size=16), max_size=30))
def test_what_comes_out_is_always_a_gtin_of_14_digits(texts: list[str]) -> None:
    found = resolve(texts, repair=True)
    assert all(len(one) == 14 and is_gtin(one) for one in found.gtins.values())
