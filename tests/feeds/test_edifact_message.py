"""What INVRPT and SLSRPT say: the place, days, item, price and level of every quantity."""

from __future__ import annotations

import pytest

from include.stockwatch.adapters.feeds.edifact_message import MOST_IN_LINE
from include.stockwatch.adapters.feeds.raw import LOCATION, TOTAL
from tests.feeds.edifact_files import (
    DEPOT,
    NUT,
    OAT,
    OTHER_STORE,
    STORE,
    Read,
    interchange,
    invrpt,
    message,
    read,
    slsrpt,
    written,
)

LIN = f"LIN+1++{OAT}:EN"


def stock(*body: str, una: str = "", **changes: object) -> Read:
    """An inventory report with these segments after its header."""
    return read(written(interchange(invrpt(*body)), una), **changes)


def sales(*body: str) -> Read:
    """A sales report with these segments after its header."""
    return read(written(interchange(slsrpt(*body))))


def report(*body: str) -> Read:
    """An inventory report with these segments and no other."""
    return read(written(interchange(message("INVRPT", *body))))


# Place


def test_a_loc_after_a_quantity_is_the_place_of_that_quantity() -> None:
    found = stock(LIN, "QTY+145:4", f"LOC+14+{STORE}::9", "QTY+145:6", f"LOC+14+{OTHER_STORE}::92")
    assert found.columns("quantity", "location", "location_kind") == [("4", STORE, "9"), ("6", OTHER_STORE, "92")]


def test_quantities_of_different_codes_share_the_loc_after_them() -> None:
    found = stock(LIN, "QTY+145:4", "QTY+51E:1", f"LOC+14+{STORE}::9", "DTM+366:20261107:102")
    assert found.columns("location", "last_date") == [(STORE, "20261107")] * 2


def test_a_loc_before_the_quantities_is_the_place_of_all_of_the_lin_and_no_other() -> None:
    found = stock(LIN, f"LOC+14+{STORE}", "QTY+145:4", "RFF+AEN:2", "QTY+16:0", f"LIN+2++{NUT}:EN", "QTY+145:3")
    assert found.columns("location") == [STORE, STORE, DEPOT]


def test_a_loc_before_each_quantity_holds_from_there_on_and_is_warned_of() -> None:
    first = (f"LOC+14+{STORE}", "DTM+366:20261101:102", "RFF+AEN:1", "QTY+17:2", "RFF+AEN:2", "QTY+16:0")
    second = (f"LOC+14+{OTHER_STORE}", "DTM+366:20261102:102", "RFF+AEN:3", "QTY+17:5", "QTY+16:1")
    found = stock(LIN, *first, *second)
    assert found.columns("quantity", "location", "last_date", "level") == [
        ("2", STORE, "20261101", LOCATION),
        ("0", STORE, "20261101", LOCATION),
        ("5", OTHER_STORE, "20261102", LOCATION),
        ("1", OTHER_STORE, "20261102", LOCATION),
    ]
    assert found.notes.warned == {"LOCATION_ORDER": 1}


def test_places_that_lead_make_no_totals() -> None:
    first = (f"LOC+14+{STORE}", "QTY+17:1", "QTY+17:5", f"LOC+14+{OTHER_STORE}", "QTY+17:3")
    assert stock(LIN, *first).columns("location", "level") == [
        (STORE, LOCATION),
        (STORE, LOCATION),
        (OTHER_STORE, LOCATION),
    ]


def test_groups_that_inv_starts_have_their_own_loc_or_that_of_the_lin() -> None:
    groups = ("INV++++1", "QTY+145:4", f"LOC+14+{OTHER_STORE}", "INV++++1", "QTY+198:6")
    found = stock(LIN, f"LOC+14+{STORE}", *groups)
    assert found.columns("location") == [OTHER_STORE, STORE]
    assert not found.notes.warned


@pytest.mark.parametrize(
    ("header", "place"),
    [
        (["NAD+GY+GY7::9", "NAD+WH+WH7::92"], "WH7"),
        (["NAD+WH+WH7::92", "LOC+11+L11", "LOC+14+L14"], "L14"),
        (["LOC+14+L14", "LOC+11+L11"], "L14"),
        (["NAD+SE+S7::91", "LOC+18+V1::92", "NAD+BY+B7::92"], "V1"),
        (["NAD+BY+B7::92", "NAD+GY+GY7::9"], "GY7"),
        (["NAD+BY+B7::92", "LOC+7+L7", "LOC+14", "NAD+WH"], None),
    ],
)
def test_the_place_of_a_message_is_loc_then_the_warehouse_then_the_reporting_party(
    header: list[str], place: str | None
) -> None:
    assert report("BGM+35+1+9", "DTM+137:20261110:102", *header, LIN, "QTY+145:4").columns("location") == [place]


def test_a_place_of_sale_holds_until_the_next_one() -> None:
    lines = [f"LIN+1++{OAT}:EN", "QTY+153:1", f"LIN+2++{NUT}:EN", "QTY+153:2"]
    found = sales(f"LOC+162+{STORE}::9:084", *lines, f"LOC+162+{OTHER_STORE}::9:177", *lines[:2])
    assert found.columns("location", "location_kind") == [(STORE, "9"), (STORE, "9"), (OTHER_STORE, "9")]


def test_another_kind_of_loc_adds_to_a_place_of_sale_or_ends_it() -> None:
    found = sales(f"LOC+162+{STORE}::9", "LOC+7+X", LIN, "QTY+153:1", "LOC+7+X", f"LIN+2++{NUT}:EN", "QTY+153:2")
    assert found.columns("location") == [STORE, None]


def test_without_a_place_of_sale_the_store_is_the_party_st() -> None:
    assert sales(f"NAD+ST+{STORE}::9", LIN, "QTY+152:1").columns("location") == [STORE]


# Days


@pytest.mark.parametrize(
    ("dates", "days"),
    [
        (["137:20261110:102"], (None, "20261110")),
        (["137:20261110:102", "366:20261109:102"], (None, "20261109")),
        (["366:20261109:102", "179:20261108:102"], (None, "20261109")),
        (["90:20261101:102", "91:20261107:102", "206:20261106:102"], ("20261101", "20261107")),
        (["194:20261101:102", "206:20261107:102"], ("20261101", "20261107")),
        (["91:202611092359:203"], (None, "20261109")),
        (["366:20261101-20261107:718"], ("20261101", "20261107")),
        (["366:2026110120261107:718"], ("20261101", "20261107")),
        (["366:20261107-20261107:718"], (None, "20261107")),
        (["366:261107:101"], (None, "20261107")),
        (["137:20261110:102", "366:07.11.2026:102"], (None, "07.11.2026")),
        (["137:20261110:102", "366:202645:616"], (None, "202645")),
        (["366:202611079:102"], (None, "202611079")),
        (["366", "137:20261110:102"], (None, None)),
        (["273:20261101-20261107:718"], (None, None)),
        ([], (None, None)),
    ],
)
def test_the_stock_date_comes_before_the_date_of_the_document(dates: list[str], days: tuple[str, str]) -> None:
    found = report("BGM+35+1+9", *(f"DTM+{date}" for date in dates), LIN, "QTY+145:4")
    assert found.columns("first_date", "last_date") == [days]


@pytest.mark.parametrize(
    ("dates", "days"),
    [
        (["356:20261109:102", "90:20261101:102", "91:20261130:102"], (None, "20261109")),
        (["356:2026110120261107:718"], ("20261101", "20261107")),
        (["356:20261101:102", "357:20261130:102"], ("20261101", "20261130")),
        (["90:20261101:102", "357:20261130:102"], ("20261101", "20261130")),
        (["90:20261101:102", "91:20261107:102"], ("20261101", "20261107")),
        (["137:20261110:102"], (None, None)),
    ],
)
def test_sales_have_their_own_dates_and_never_that_of_the_document(dates: list[str], days: tuple[str, str]) -> None:
    found = read(written(interchange(message("SLSRPT", *(f"DTM+{date}" for date in dates), LIN, "QTY+153:4"))))
    assert found.columns("first_date", "last_date") == [days]


def test_the_nearest_date_wins() -> None:
    own = ("QTY+145:4", "DTM+366:20261101:102", "QTY+198:1", "DTM+361:20270101:102")
    found = stock(LIN, "DTM+91:20261105:102", *own, f"LIN+2++{NUT}:EN", "QTY+145:3")
    assert found.columns("last_date") == ["20261101", "20261105", "20261109"]


def test_the_date_of_a_place_of_sale_wins_over_that_of_the_message() -> None:
    place = (f"LOC+162+{STORE}", "DTM+356:20261107:102", LIN, "QTY+153:1")
    found = sales("DTM+356:20261101:102", *place, f"LOC+162+{OTHER_STORE}", f"LIN+2++{NUT}:EN", "QTY+153:2")
    assert found.columns("last_date") == ["20261107", "20261101"]


def test_a_period_that_starts_after_its_end_is_its_last_day() -> None:
    found = sales("DTM+90:20261110:102", "DTM+91:20261109:102", LIN, "QTY+153:1")
    assert found.columns("first_date", "last_date") == [(None, "20261109")]
    assert found.notes.warned == {"PERIOD": 1}


# Totals and parts


def test_a_quantity_by_status_is_a_part_of_the_one_without() -> None:
    found = stock(
        LIN,
        "QTY+145:10",
        f"LOC+14+{STORE}",
        "QTY+145:7",
        f"LOC+14+{STORE}",
        "STS+7",
        "QTY+145:3",
        f"LOC+14+{STORE}",
        "STS+8",
    )
    assert found.columns("quantity", "level") == [("10", TOTAL), ("7", LOCATION), ("3", LOCATION)]
    assert not found.notes.warned


def test_a_quantity_without_place_is_the_total_of_those_with_one() -> None:
    parts = ("QTY+145:7", f"LOC+14+{STORE}", "QTY+145:2", f"LOC+14+{OTHER_STORE}")
    found = stock(LIN, "QTY+145:10", *parts)
    assert found.columns("quantity", "level") == [("10", TOTAL), ("7", LOCATION), ("2", LOCATION)]
    assert [(warn.code, warn.line) for warn in found.notes.warnings] == [("LOCATION_SUM_DIFFERS", 8)]
    assert "10 in all, its parts add up to 9" in found.notes.warnings[0].what


def test_only_a_total_of_the_same_code_day_and_place_has_parts() -> None:
    about = ("QTY+145:7", f"LOC+14+{STORE}", "STS+7")
    other_code = stock(LIN, "QTY+198:7", f"LOC+14+{STORE}", *about)
    other_day = stock(LIN, "QTY+145:7", f"LOC+14+{STORE}", "DTM+366:20261101:102", *about)
    other_place = stock(LIN, "QTY+145:7", f"LOC+14+{OTHER_STORE}", *about)
    other_item = stock(LIN, "QTY+145:7", f"LIN+2++{NUT}:EN", *about)
    for found in (other_code, other_day, other_place, other_item):
        assert found.columns("level") == [LOCATION, LOCATION]


def test_a_total_of_totals_counts_each_part_once() -> None:
    inner = (
        "QTY+145:6",
        f"LOC+14+{STORE}",
        "QTY+145:4",
        f"LOC+14+{STORE}",
        "STS+7",
        "QTY+145:2",
        f"LOC+14+{STORE}",
        "STS+8",
    )
    found = stock(LIN, "QTY+145:11", *inner, "QTY+145:5", f"LOC+14+{OTHER_STORE}")
    assert found.columns("level") == [TOTAL, TOTAL, LOCATION, LOCATION, LOCATION]
    assert not found.notes.warned


def test_a_total_stands_before_its_parts() -> None:
    found = stock(LIN, "QTY+145:7", f"LOC+14+{STORE}", "QTY+145:2", "RFF+BT:1", "QTY+145:9")
    assert found.columns("level") == [LOCATION, LOCATION, LOCATION]
    assert not found.notes.warned


def test_a_total_is_not_compared_where_a_part_is_no_number() -> None:
    found = stock(LIN, "QTY+145:9", "QTY+145:few", "STS+7", "QTY+145:2", "STS+8")
    assert found.columns("level") == [TOTAL, LOCATION, LOCATION]
    assert not found.notes.warned


def test_repeated_quantities_that_say_no_more_are_no_parts() -> None:
    assert stock(LIN, "QTY+145:3", "QTY+145:2", "QTY+145:1").columns("level") == [LOCATION] * 3


def test_sales_have_no_parts() -> None:
    found = sales(f"LOC+162+{STORE}", LIN, "QTY+153:3", "QTY+153:2", "NAD+SA+7")
    assert found.columns("level") == [LOCATION, LOCATION]


# Items, names, prices, units, numbers


@pytest.mark.parametrize(
    ("segments", "wanted", "item"),
    [
        (["LIN+1++4711:SA", f"PIA+1+{OAT}:EN"], [], (OAT, "EN")),
        (["LIN+1++4711:SA", f"PIA+1+{OAT}:EN"], ["SA", "EN"], ("4711", "SA")),
        (["LIN+1", "PIA+5+4711:SA"], [], ("4711", "SA")),
        (["LIN+1++0000000000000:EN", "PIA+5+177:IN", "PIA+5+RUN 31:SA"], [], ("177", "IN")),
        (["LIN+1++0000000000000:EN"], [], (None, None)),
        ([f"LIN+1++{OAT}:EN", f"PIA+1+{NUT}:EN"], [], (OAT, "EN")),
        (["LIN+1++4711:SA", f"PIA+4+{NUT}:EN"], [], ("4711", "SA")),
        (["LIN+1++4711:ZZZ"], [], ("4711", "ZZZ")),
        (["LIN+1++4711"], [], ("4711", None)),
        (["LIN+1++4711:ZZZ"], ["EN"], (None, None)),
        (["LIN+1"], [], (None, None)),
        (["LIN"], [], (None, None)),
    ],
)
def test_the_feed_says_which_id_of_an_item_is_taken(
    segments: list[str], wanted: list[str], item: tuple[str, str]
) -> None:
    found = stock(*segments, "QTY+145:1", item_id={"qualifiers": wanted})
    assert found.columns("item", "item_kind") == [item]


def test_an_item_without_any_wanted_id_is_warned_of() -> None:
    found = stock("LIN+1++4711:ZZZ", "PIA+1+X:YY", "QTY+145:1")
    assert [warn.what for warn in found.notes.warnings] == [
        "ids of `ZZZ`, `YY`, none of `EN`, `SRV`, `UP`, `IN`, `BP`, `SA`, `VN`, `VP`, `MF`"
    ]


@pytest.mark.parametrize(
    ("item", "warned"), [(f"{OAT}:EN", 0), ("4399902003010:EN", 1), ("4711:SRV", 1), ("4711:SA", 0)]
)
def test_a_wrong_check_digit_is_warned_of_and_kept(item: str, warned: int) -> None:
    found = stock(f"LIN+1++{item}", "QTY+145:1")
    assert found.columns("item") == [item.split(":")[0]]
    assert found.notes.warned["GTIN_CHECK"] == warned


def test_a_name_is_the_free_text_of_imd() -> None:
    found = stock(LIN, "IMD+C++CU::9", "IMD+F++:::OAT BAR:6 PACK", "IMD+F++:::OTHER", "QTY+145:1")
    assert found.columns("item_name") == ["OAT BAR 6 PACK"]


def test_of_prices_alike_the_first_of_its_group_or_lin_counts() -> None:
    found = sales(
        f"LOC+162+{STORE}",
        *(LIN, "PRI+AAA::DIS", "PRI+AAA:2.49", "PRI+AAB:2.99", "QTY+153:1", "QTY+77E:1"),
        *(f"LIN+2++{NUT}:EN", "MOA+203:9.98", "QTY+153:2"),
        *(f"LIN+3++{NUT}:EN", "QTY+153:2", "PRI+AAA:1.10", "QTY+61:1", "PRI+AAA:1.20", "PRI+AAB:9"),
    )
    assert found.columns("code", "price") == [
        ("153", "2.49"),
        ("77E", "2.49"),
        ("153", None),
        ("153", "1.10"),
        ("61", "1.20"),
    ]


@pytest.mark.parametrize(
    ("prices", "taken", "warned"),
    [
        (("AAA:1.10", "AAE:2.49::RTP"), "2.49", 1),
        (("AAE:2.49::RTP", "AAA:1.10"), "2.49", 1),
        (("AAB:2.09::RTP", "AAE:2.49::RTP"), "2.49", 1),  # what shoppers pay has taxes in it
        (("AAE:2.99", "AAF:2.09::RTP"), "2.09", 1),
        (("AAA:1.10", "RTP:2.49"), "2.49", 1),
        (("AAE:2.99::SRP", "AAD:2.49"), "2.49", 1),
        (("AAA:1.10", "AAB:2.99::SRP"), "2.99", 1),
        (("AAA:1.10", "AAB:1.20"), "1.10", 1),
        (("AAA:1.10", "AAA:1.10"), "1.10", 0),
    ],
)
def test_of_several_prices_the_one_that_shoppers_pay_counts(prices: tuple[str, ...], taken: str, warned: int) -> None:
    """Codes 5125 and 5387 of the directory; EANCOM INVRPT has AAB, AAE and AAF, with RTP or SRP."""
    said = [f"PRI+{price}" for price in prices]
    for found in (stock(LIN, *said, "QTY+145:1"), stock(LIN, "QTY+145:1", *said)):
        assert found.columns("price") == [taken]
        assert found.notes.warned["SEVERAL_PRICES"] == warned


def test_a_price_of_the_item_counts_for_a_quantity_that_has_only_what_companies_pay() -> None:
    found = stock(LIN, "PRI+AAE:2.49::RTP", "QTY+145:1", "PRI+AAA:1.10", "QTY+145:1", "PRI+AAE:2.29::RTP")
    assert found.columns("price") == ["2.49", "2.29"]


@pytest.mark.parametrize(
    ("price", "code"), [("249:CA:RTP:100", "PRICE_BASIS"), ("29,88:::1:CT", "PRICE_BASIS"), ("2.49", "BAD_PRICE")]
)
def test_a_price_that_is_not_for_one_unit_or_no_number_is_left_out(price: str, code: str) -> None:
    found = stock(LIN, "QTY+145:1", f"PRI+AAA:{price}", una="UNA:+,? '")
    assert found.columns("price") == [None]
    assert found.notes.warned == {code: 1}


def test_a_quantity_keeps_its_sign_and_its_blanks_are_no_data() -> None:
    found = stock(LIN, "QTY+145:-3:PCE", "QTY+146", "QTY+147::EA", "QTY")
    assert found.columns("code", "quantity", "unit") == [
        ("145", "-3", "PCE"),
        ("146", None, None),
        ("147", None, "EA"),
        (None, None, None),
    ]


def test_the_decimal_mark_is_that_of_una() -> None:
    found = stock(LIN, "QTY+145:1,5", "QTY+198:1250", "PRI+AAA:2,49", una="UNA:+,? '")
    assert found.columns("quantity", "price") == [("1.5", "2.49"), ("1250", "2.49")]
    assert stock(LIN, "QTY+145:1,5").columns("quantity") == ["1,5"]


def test_a_dot_where_una_names_a_comma_is_rejected() -> None:
    found = stock(LIN, "QTY+145:1.205", "QTY+198:4", "LOC+14+X", una="UNA:+,? '")
    assert found.columns("quantity", "location") == [("4", "X")]
    reject = found.rejects[0]
    assert (reject.line, reject.code, reject.raw) == (9, "BAD_QUANTITY", '["QTY", "145:1.205"]')
    assert (reject.field, reject.value) == ("quantity", "145:1.205")


def test_a_quantity_in_another_element_is_rejected_and_not_taken_for_none() -> None:
    found = stock(LIN, "QTY+1+5:PCE", "QTY+145:4+")
    assert (found.columns("quantity"), [reject.raw for reject in found.rejects]) == (["4"], ['["QTY", "1", "5:PCE"]'])


def test_a_lin_without_quantity_is_warned_of_and_no_zero() -> None:
    found = stock(LIN, f"LIN+2++{NUT}:EN", "QTY+145:4")
    assert found.columns("item") == [NUT]
    assert [(warn.code, warn.line) for warn in found.notes.warnings] == [("NO_QUANTITY", 7)]


def test_a_quantity_without_lin_is_a_row_without_item() -> None:
    assert sales(f"LOC+162+{STORE}", "QTY+153:7", LIN, "QTY+153:1").columns("item", "location") == [
        (None, STORE),
        (OAT, STORE),
    ]


def test_a_direction_in_inv_is_warned_of() -> None:
    found = stock(LIN, "INV+2++1", "QTY+156:10", "INV+1++11", "QTY+156:2", "QTY+145:8", f"LOC+18+{STORE}")
    assert found.columns("code", "location") == [("156", DEPOT), ("156", STORE), ("145", STORE)]
    assert found.columns("level") == [LOCATION] * 3
    assert found.notes.warned == {"MOVEMENT": 2}


def test_inv_after_its_quantity_starts_no_group() -> None:
    found = stock(LIN, "QTY+145:4", "INV++1", f"LOC+14+{STORE}", "QTY+145:6", f"LOC+14+{OTHER_STORE}")
    assert found.columns("location") == [STORE, OTHER_STORE]


def test_what_follows_the_summary_belongs_to_no_lin() -> None:
    found = stock(LIN, "QTY+145:4", "UNS+S", "LOC+14+X", "MOA+79:3", "CNT+2:1")
    assert found.columns("location") == [DEPOT]


def test_the_quantities_of_one_lin_are_bounded() -> None:
    found = stock(LIN, *["QTY+145:1"] * (MOST_IN_LINE + 1))
    assert (found.holds, found.rows) == (["TOO_LARGE"], [])
