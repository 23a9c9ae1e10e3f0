"""EDIFACT files of our own making: each does what a file seen in the wild does, with ids, names and numbers of ours."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from include.stockwatch.adapters.feeds import edifact
from include.stockwatch.adapters.feeds.raw import Notes, Reject
from include.stockwatch.domain.gtin import check_digit
from include.stockwatch.settings.feed import Feed

UNA = "UNA:+.? '"


@dataclass
class Read:
    """What a reader gave for a file."""

    notes: Notes = field(default_factory=Notes)
    rows: list[dict[str, Any]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)  # rows of each

    def columns(self, *names: str) -> list[tuple[Any, ...]]:
        """Some columns of the rows; without the tuple if it is one."""
        return [tuple(row[name] for name in names) if len(names) > 1 else row[names[0]] for row in self.rows]

    @property
    def holds(self) -> list[str]:
        """Codes of the holds."""
        return [hold.code.value for hold in self.notes.holds]


def profile(*, item_id: dict[str, Any] | None = None, **form: Any) -> Feed:
    """A feed definition for EDIFACT."""
    return Feed.model_validate(
        {
            "partner": "harbor",
            "partner_name": "Harbor Foods",
            "format": {"kind": "edifact", **form},
            "item_id": item_id or {},
            "codes": {"measures": {"145": "on_hand_units", "153": "units_sold"}},
        }
    )


def read(content: bytes, **changes: Any) -> Read:
    """Read a file with these bytes."""
    found = Read()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.edi"
        path.write_bytes(content)
        for batch in edifact.read(path, path.name, profile(**changes), found.notes):
            found.rows += batch.rows.to_pylist()
            found.rejects += batch.rejects
            found.batches.append(batch.rows.num_rows)
    return found


def ean(number: int) -> str:
    """An EAN-13 with its check digit."""
    digits = f"4399902{number:05d}"
    return digits + check_digit(digits)


def gln(number: int) -> str:
    """A GLN with its check digit."""
    return ean(90_000 + number)


OAT, NUT, RYE, FIG, TEA = (ean(number) for number in range(301, 306))
RETAILER, US, DEPOT = gln(1), gln(2), gln(10)
STORE, OTHER_STORE = gln(21), gln(22)


def message(kind: str, *body: str, number: str = "1", version: str = "D:96A:UN:EAN004") -> list[str]:
    """One message with a right count, a segment each."""
    return [f"UNH+{number}+{kind}:{version}", *body, f"UNT+{len(body) + 2}+{number}"]


def invrpt(*body: str, number: str = "1", version: str = "D:96A:UN:EAN004") -> list[str]:
    """An inventory report of 9 November, written on the 10th, from one depot."""
    head = ("BGM+35+INV7001+9", "DTM+137:20261110:102", "DTM+366:20261109:102", f"NAD+GY+{DEPOT}::9")
    return message("INVRPT", *head, *body, number=number, version=version)


def slsrpt(*body: str, number: str = "1", version: str = "D:96A:UN:EAN004") -> list[str]:
    """A sales report of 9 November, written on the 10th."""
    head = ("BGM+73E::9+SLS7001+9", "DTM+137:20261110:102", f"NAD+SE+{RETAILER}::9", f"NAD+SU+{US}::9")
    return message("SLSRPT", *head, *body, number=number, version=version)


def interchange(
    *messages: Sequence[str], number: str = "417", sender: str = RETAILER, test: str = "", syntax: str = "UNOC:3"
) -> list[str]:
    """One interchange with right counts."""
    tail = f"++++++{test}" if test else ""
    head = f"UNB+{syntax}+{sender}:14+{US}:14+261110:0215+{number}{tail}"
    return [head, *(segment for one in messages for segment in one), f"UNZ+{len(messages)}+{number}"]


def written(segments: Sequence[str], una: str = "", end: str = "'\n") -> bytes:
    """Segments as bytes."""
    return (una + "".join(segment + end for segment in segments)).encode("latin-1")


def sold(line: int, item: str, *rest: str) -> list[str]:
    """A LIN of a sales report: one piece, with the references that tills add."""
    price = {OAT: "3.95", NUT: "4.95", RYE: "6.45", FIG: "1.95", TEA: "2.95"}[item]
    return [f"LIN+{line}++{item}:EN", "RFF+SA:76", f"RFF+SP:{rest[0]}", f"PRI+AAE:{price}::RTP", "QTY+153:1:PCE"]


def warehouse_only() -> bytes:
    """D.96A without UNA: vendor codes, a depot in NAD+WH, no stock date, no newline at the end."""
    body = (
        "BGM+35+STOCK-2026-45+9",
        "DTM+137:20261104:102",
        "NAD+WH+MAIN_DEPOT::92",
        "LIN+1++OAT-12:VN",
        "QTY+145:640:EA",
        "LIN+2++NUT-06:VN",
        "QTY+145:215:EA",
    )
    return written(interchange(message("INVRPT", *body, version="D:96A:UN"), number="00000009")).rstrip(b"\n")


def lines_without_una() -> bytes:
    """D.97A: no UNA, and a line feed alone ends each segment; LOC and references stand before the quantities."""
    body = (
        "BGM+35::6+20261111021500.118+9",
        "DTM+91:20261109:102",
        "NAD+DS+700081::90",
        "NAD+MF+OATWORKS::90",
        "LIN+1++OW500081:MF",
        "LOC+14+3140NL02",
        "RFF+AEN:1",
        "QTY+17:7:EA",
        "RFF+AEN:2",
        "QTY+16:0:EA",
    )
    head = "UNB+UNOA:2+WIDENET:ZZ+700081OW:ZZ+261111:0215+57++INVRPT"
    return written([head, *message("INVRPT", *body, version="D:97A:UN"), "UNZ+1+57"], end="\n")


def till_transactions() -> bytes:
    """SLSRPT on one line: single till transactions, some of them alike to the last letter but for the line number."""
    items = [OAT, OAT, OAT, NUT, NUT, RYE, FIG, FIG, TEA, TEA, TEA, TEA]
    tills = [108, 108, 118, 118, 118, 118, 108, 108, 118, 118, 119, 119]
    lines = [sold(at, item, str(till)) for at, (item, till) in enumerate(zip(items, tills, strict=True), 1)]
    body = (
        "DTM+90:20261109:102",
        "DTM+91:20261109:102",
        f"NAD+BY+{STORE}::9",
        "CUX+2:EUR:10",
        f"LOC+162+{STORE}::9",
        "DTM+90:20261109:102",
        "DTM+91:20261109:102",
        "DTM+356:20261109:102",
        *(segment for line in lines for segment in line),
    )
    return written(interchange(slsrpt(*body)), UNA, end="'")


def store_stock() -> bytes:
    """INVRPT whose UNA ends in CR: several quantities share the LOC and the status after them; one is below zero."""
    about = (f"LOC+14+{STORE}::9", "DTM+273:2026070120261231:718", "STS+7::9+45E::9")
    body = (
        f"LIN+1++{OAT}:EN",
        *("QTY+145:4", "QTY+51E:1", *about),
        f"LIN+2++{NUT}:EN",
        *("QTY+145:0", "QTY+61:1", "QTY+34E:2", *about),
        f"LIN+3++{RYE}:EN",
        *("QTY+145:-1", *about),
    )
    return written(interchange(invrpt(*body)), "UNA:+.? \r\n", end="\r\n")


def concatenated_sales() -> bytes:
    """Three interchanges after one UNA that ends in CR: departments, returns, and a sale without an item number."""
    first = slsrpt(
        f"LOC+162+{STORE}::9:084",
        "DTM+356:20261109:102",
        *(f"LIN+1++{OAT}:EN", "MOA+203:7.90", "QTY+153:2", "NAD+SA+0010097::9"),
        f"LOC+162+{STORE}::9:177",
        "DTM+356:20261109:102",
        *(f"LIN+2++{OAT}:EN", "MOA+203:3.95", "QTY+153:1", "NAD+SA+0010043::9"),
        *(f"LIN+3++{NUT}:EN", "MOA+203:-4.95", "QTY+153:0", "QTY+77E:1", "NAD+SA+0010043::9"),
        number="EW44",
    )
    second = slsrpt(
        f"LOC+162+{OTHER_STORE}::9:994",
        "DTM+356:20261109:102",
        *("LIN+1++0000000000000:EN", "PIA+5+17729719:IN", "PIA+5+RUNNER  31 WHT:SA", "QTY+153:1", "NAD+SA+7::9"),
        number="EW45",
    )
    third = slsrpt(
        f"LOC+162+{OTHER_STORE}::9:994",
        "DTM+356:20261110:102",
        *(f"LIN+1++{TEA}:EN", "QTY+153:5", "NAD+SA+7::9"),
        number="EW46",
    )
    files = (interchange(one, number=f"EW{at}") for at, one in enumerate((first, second, third), 7001))
    return written([segment for one in files for segment in one], "UNA:+.? \r\n", end="\r\n")


def totals_and_parts() -> bytes:
    """Actual stock as a total and again by container, as in the example of GS1."""
    body = (
        f"LIN+1++{OAT}:EN",
        "QTY+145:300",
        *("QTY+145:180", "CPS+1", "PAC+3++201::9", "GIN+BJ+343999020000001018", "DTM+361:20270217:102"),
        *("QTY+145:120", "CPS+2", "PAC+2++201::9", "GIN+BJ+343999020000001025", "DTM+361:20270407:102"),
        f"LIN+2++{NUT}:EN",
        "QTY+145:55",
    )
    return written(interchange(invrpt(*body)))


def grouped_by_inv() -> bytes:
    """D.01B: INV starts each group; two best-before dates of one item and no total."""
    body = (
        f"LIN+1++{OAT}:SRV",
        *("INV++++1", "QTY+145:55", "DTM+361:20270125:102", "PRI+AAB:8.90:CA:RTP"),
        *("INV++++1", "QTY+145:185", "DTM+361:20270129:102", "PRI+AAB:8.90:CA:RTP"),
        f"LIN+2++{NUT}:SRV",
        *("INV++++1", "QTY+145:325", f"LOC+14+{STORE}::9", "PRI+AAB:5.40:CA:RTP"),
    )
    return written(interchange(invrpt(*body, version="D:01B:UN:EAN007")), UNA)
