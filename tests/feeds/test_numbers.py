"""Numbers as partners write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.adapters.feeds.numbers import parser

NBSP = "\u00a0"


@pytest.mark.parametrize(
    ("text", "decimal", "thousands", "number"),
    [
        ("12", ".", "", 12.0),
        ("+12", ".", "", 12.0),
        ("-12.5", ".", "", -12.5),
        ("12.00-", ".", "", -12.0),
        ("(1)", ".", "", -1.0),
        ("( 1,205.50 )", ".", ",", -1205.5),
        ("\u22123", ".", "", -3.0),
        (".5", ".", "", 0.5),
        ("1.205", ",", ".", 1205.0),
        ("1.205,75", ",", ".", 1205.75),
        (f"1{NBSP}205", ",", " ", 1205.0),
        ("1\u202f205", ",", " ", 1205.0),
        ("1'205", ".", "'", 1205.0),
        ("1\u2019205", ".", "'", 1205.0),
    ],
)
def test_a_number_is_read_as_the_partner_writes_it(text: str, decimal: str, thousands: str, number: float) -> None:
    assert parser(decimal, thousands)(text) == number


@pytest.mark.parametrize(
    "text",
    ["", "-", "N/A", "1,5", "#DIV/0!", "1e9", "1E+09", "nan", "inf", "=1+1", "@1", "12%", "٣", "1 2", "--1", "(1", "$5", "1.2.3", "9" * 400],
)  # fmt: skip
def test_what_is_no_number_is_none(text: str) -> None:
    assert parser(".", "")(text) is None


@pytest.mark.parametrize("text", ["$432.00", "432.00 €", "€ 432.00", "USD 432.00", "432.00 EUR", "£432.00"])
def test_money_may_carry_its_sign(text: str) -> None:
    assert parser(".", "", money=True)(text) == 432.0


@pytest.mark.parametrize(
    ("text", "currency", "number"),
    [
        *(
            ("US$5", "USD", 5.0),
            ("5.00 kr", "SEK", 5.0),
            ("CHF 5", "CHF", 5.0),
            ("KWD5", "KWD", 5.0),
            ("5", "KWD", 5.0),
        ),
        *(("€5", "USD", None), ("EUR 5", "GBP", None), ("$5", "KWD", None)),
    ],
)
def test_money_of_another_currency_is_no_number(text: str, currency: str, number: float | None) -> None:
    assert parser(".", "", money=True, currency=currency)(text) == number


@pytest.mark.parametrize("text", ["-$5.00", "$-5.00", "($5.00)"])
def test_negative_money_is_negative_wherever_the_sign_stands(text: str) -> None:
    assert parser(".", "", money=True)(text) == -5.0


def test_thousands_must_stand_in_groups_of_three() -> None:
    parse = parser(".", ",")
    assert (parse("1,205"), parse("12,05"), parse("1,2055")) == (1205.0, None, None)


@given(st.decimals(-(10**9), 10**9, places=3, allow_nan=False))
def test_every_plain_number_comes_back(number: object) -> None:
    text = f"{number:f}"
    assert parser(".", "")(text) == float(text)
    assert parser(",", "")(text.replace(".", ",")) == float(text)
