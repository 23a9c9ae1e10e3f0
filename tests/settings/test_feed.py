"""Feed definitions: when a date is due, and which columns a file must have."""

from __future__ import annotations

import datetime as dt

import pytest

from include.stockwatch.settings.feed import BusinessDate, Columns, Expected, Feed, ItemId, LocationId


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("expected", "business_date", "cut_off"),
    [
        (Expected(), dt.date(2026, 11, 22), utc(2026, 11, 23, 12)),
        (Expected(by="09:00", time_zone="America/Los_Angeles"), dt.date(2026, 11, 22), utc(2026, 11, 23, 17)),
        # the clocks of Berlin went back on 25 October 2026 and go forward on 28 March 2027
        (Expected(by="10:00", time_zone="Europe/Berlin"), dt.date(2026, 10, 23), utc(2026, 10, 24, 8)),
        (Expected(by="10:00", time_zone="Europe/Berlin"), dt.date(2026, 10, 24), utc(2026, 10, 25, 9)),
        (Expected(by="10:00", time_zone="Europe/Berlin"), dt.date(2027, 3, 27), utc(2027, 3, 28, 8)),
        (Expected(by="23:59", days_after=0, time_zone="Asia/Tokyo"), dt.date(2026, 11, 22), utc(2026, 11, 22, 14, 59)),
        (Expected(days_after=3), dt.date(2026, 12, 30), utc(2027, 1, 2, 12)),
    ],
)
def test_a_date_waits_until_its_file_is_due_by_the_partners_clock(
    expected: Expected, business_date: dt.date, cut_off: dt.datetime
) -> None:
    assert expected.cut_off(business_date) == cut_off


@pytest.mark.parametrize("by", ["24:00", "9:00", "12:60", "noon", ""])
def test_a_time_of_day_has_four_digits(by: str) -> None:
    with pytest.raises(ValueError, match="by"):
        Expected(by=by)


@pytest.mark.parametrize(
    "written", ["%Y-%m-%d", "%d.%m.%Y", "%Y%m%d", "%m/%d/%y", "%d %b %Y", "%Y-%j", "%Y-%m-%d %H:%M"]
)
def test_a_date_format_that_names_a_day_is_taken(written: str) -> None:
    assert BusinessDate(column="date", format=written).format == written


@pytest.mark.parametrize("written", ["%Y-%m", "%d.%m.", "YYYY-MM-DD", "", "%H:%M", "%Q", "%Y-%m-%"])
def test_a_date_format_that_names_no_day_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="format"):
        BusinessDate(column="date", format=written)


def test_a_file_must_have_the_keys_and_every_bound_column() -> None:
    feed = Feed(
        partner="northfield",
        partner_name="Northfield Grocers",
        date=BusinessDate(column="day", format="%Y-%m-%d"),
        location_id=LocationId(column="store"),
        item_id=ItemId(column="upc"),
        columns=Columns(on_hand_units="on_hand", price="price"),
        currency="USD",
    )
    assert feed.file_columns() == ("day", "store", "upc", "on_hand", "price")
    assert feed.columns.units() == {"on_hand_units": "on_hand"}
