"""Inputs that the fuzzer found, and what they must give."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.stockwatch.adapters.feeds import csv
from tests.feeds import edifact_files
from tests.feeds.reading import feed, read


@pytest.mark.parametrize("head_bytes", [16, 64 * 1024])
def test_a_row_of_empty_formulas_is_no_row_whichever_way_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head_bytes: int
) -> None:
    monkeypatch.setattr(csv, "HEAD_BYTES", head_bytes)
    path = tmp_path / "stock.csv"
    path.write_text('date,store,item,stock\n2026-11-01,12,A1,4\n="",="",="",=""\n2026-11-01,13,A1,5\n', "utf-8")
    assert read(path, feed("csv")).lines == [2, 4]


WRAPPED = '"date,store,item,stock,note"\n"2026-11-01,12,A1,4,""two"\n'


def test_a_cell_goes_on_in_the_next_of_lines_that_are_quoted_as_one_field_each(tmp_path: Path) -> None:
    path = tmp_path / "stock.csv"
    path.write_text(WRAPPED + '"lines"""\n"2026-11-01,13,A1,5,"\n', "utf-8")
    found = read(path, feed("csv"))
    assert (found.column("note"), found.lines, found.rejects) == (["two\nlines", ""], [2, 4], [])


def test_a_quote_that_stays_open_within_lines_quoted_as_one_field_holds_the_file(tmp_path: Path) -> None:
    path = tmp_path / "stock.csv"
    path.write_text(WRAPPED + '"2026-11-01,13,A1,5,"\n', "utf-8")
    assert read(path, feed("csv")).why.startswith("a quote opens on line 2 and swallows the lines up to 3")


def test_a_message_that_its_unb_swallowed_is_held_and_not_left_out() -> None:
    whole = (
        "UNB+UNOC:3+H+B+261102:0600+17\nUNH+1+INVRPT:D:96A:UN\nBGM+35+1+9\nLIN+1++7:BP\nQTY+145:5\nUNT+5+1\nUNZ+1+17\n"
    )
    cut = whole.replace("UNH+1", "0+1").replace("UNZ+1+17", "UNZ+0'UNZ+1+7'")
    found = edifact_files.read((whole + cut).encode(), wrong_counts="take")
    assert found.holds == ["WRONG_FORMAT"]
