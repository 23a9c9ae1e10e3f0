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


def test_a_message_that_its_unb_swallowed_is_held_and_not_left_out() -> None:
    whole = (
        "UNB+UNOC:3+H+B+261102:0600+17\nUNH+1+INVRPT:D:96A:UN\nBGM+35+1+9\nLIN+1++7:BP\nQTY+145:5\nUNT+5+1\nUNZ+1+17\n"
    )
    cut = whole.replace("UNH+1", "0+1").replace("UNZ+1+17", "UNZ+0'UNZ+1+7'")
    found = edifact_files.read((whole + cut).encode(), wrong_counts="take")
    assert found.holds == ["WRONG_FORMAT"]
