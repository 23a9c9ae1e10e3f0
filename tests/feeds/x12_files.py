"""X12 files of our own making: each does what a file seen in the wild does, with ids, names and numbers of ours."""

from __future__ import annotations

from collections.abc import Sequence

from include.stockwatch.domain.gtin import check_digit

GROUPS = {"852": "PD", "846": "IB", "867": "PT"}


def upc(number: int) -> str:
    """A UPC-12 with its check digit."""
    digits = f"85000712{number:03d}"
    return digits + check_digit(digits)


OAT, NUT, RYE, FIG = (upc(number) for number in range(301, 305))


def set_of(kind: str, *body: str, number: str = "0001") -> list[str]:
    """One transaction set with right counts, a segment each."""
    return [f"ST*{kind}*{number}", *body, f"SE*{len(body) + 2}*{number}"]


def group_of(*sets: Sequence[str], code: str | None = None, version: str = "004010", number: str = "71") -> list[str]:
    """One functional group with right counts."""
    code = code or GROUPS.get(sets[0][0].split("*")[1], "FA")
    head = f"GS*{code}*NORTHFIELD*OATWORKS*20260105*0600*{number}*X*{version}"
    return [head, *(segment for one in sets for segment in one), f"GE*{len(sets)}*{number}"]


def interchange(
    *groups: Sequence[str],
    sender: str = "NORTHFIELD",
    receiver: str = "OATWORKS",
    number: str = "000000417",
    usage: str = "P",
    padded: bool = True,
    repetition: str = "U",
    version: str = "00401",
) -> list[str]:
    """One interchange with right counts."""
    ids = [f"{name:<15}" if padded else name for name in (sender, receiver)]
    blank = " " * 10 if padded else ""
    head = f"ISA*00*{blank}*00*{blank}*ZZ*{ids[0]}*ZZ*{ids[1]}*260105*0600*{repetition}*{version}*{number}*0*{usage}*>"
    return [head, *(segment for group in groups for segment in group), f"IEA*{len(groups)}*{number}"]


def file_of(*sets: Sequence[str]) -> list[str]:
    """The segments of the plainest file: one interchange with one group."""
    return interchange(group_of(*sets))


def written(segments: Sequence[str], element: str = "*", terminator: str = "~", after: str = "\n") -> str:
    """Segments as a text, with other separators where asked for."""
    return "".join(segment.replace("*", element) + terminator + after for segment in segments)


def recounted(segments: Sequence[str], replaced: dict[str, str]) -> list[str]:
    """Segments, some of them replaced: for counts that are wrong."""
    missing = set(replaced) - set(segments)
    assert not missing, missing
    return [replaced.get(segment, segment) for segment in segments]


# 852, scan-based trading: one LIN per store and invoice, the price behind the ZA, a cut excerpt with wrong counts

SCANNED = [
    3,
    7,
    13,
    17,
    14,
    14,
    23,
    3,
    8,
    21,
    6,
    7,
    5,
    11,
    26,
    9,
    2,
    12,
    4,
    10,
    5,
    8,
    6,
    7,
    9,
    3,
    11,
    4,
    17,
    2,
    4,
    3,
    2,
]
SCANNED_ITEMS = [OAT] * 29 + [NUT, RYE, FIG, upc(305)]


def scan_based() -> str:
    """33 sold quantities of 30 stores that add up to 296; SE, ST/SE, GE and CTT do not add up, the ISA is unpadded."""
    body = ["XQ*H*20260103", "N9*IA*55501", "N1*FR*NORTHFIELD CLUB*UL*8500071000008", "DTM*097*20260104"]
    for place, (sold, item) in enumerate(zip(SCANNED, SCANNED_ITEMS, strict=True)):
        store = f"85000712{place if place < 30 else 29:04d}1"
        price = "13.74" if place == 10 else "3.44" if place == 32 else "12.29"
        zone = "VN*Zone 1***" if place > 28 else "****"
        body += [
            f"LIN*{7000 + place}*IN*9904{place:03d}*UP*{item}*{zone}UK*00{item}",
            "PO4*1",
            f"N9*IK*2532{place:05d}",
        ]
        body += ["ZA*QS", f"CTP**UCP*{price}", f"SDQ*EA*UL*{store}*{sold}"]
    one = set_of("852", *body, "CTT*20", number="2677001")
    counted = interchange(group_of(one, version="005010"), padded=False, repetition=":", version="00501")
    wrong = {one[-1]: "SE*129*2678002", "GE*1*71": "GE*1096*71"}
    return written(recounted(counted, wrong)).rstrip("\n")


def store_in_header() -> str:
    """Two items of one store, sold over a week and on hand at its end; both UPC have wrong check digits."""
    body = ["XQ*H*20260105*20260111", "N1*ST*NORTHFIELD #118*92*STR0118"]
    body += [f"LIN*1*VN*OW-A1*UP*{OAT[:-1]}0", "ZA*QS*48*EA", "ZA*QA*120*EA"]
    body += [f"LIN*2*VN*OW-B2*UP*{NUT[:-1]}0", "ZA*QS*22*EA", "ZA*QA*40*EA", "CTT*2"]
    return written(file_of(set_of("852", *body))).rstrip("\n")


def bare_set() -> str:
    """A set without an envelope, and QTY beside the ZA; the second item has no unit and a wrong check digit."""
    body = ["XQ*F*20260101", "N9*PO*55", "N1*ST*NORTHFIELD*9*STORE01", "N3*1 MILL LANE", "N4*SALEM*OR*97301"]
    body += [f"LIN*1*UP*{OAT}", "QTY*38*500", "ZA*QS*100*EA", "QTY*17*50", "G95*PA*PR", "DTM*008*20260101"]
    return written(set_of("852", *body, f"LIN*2*UP*{NUT[:-1]}0", "ZA*QS*50", "CTT*2"))


def warehouse_beside_total() -> str:
    """An SDQ of one warehouse and another QTY beside it, an empty UP, and an item without any quantity."""
    body = ["BIA*00*DD*2999*20260103", "CUR*BY*USD", "N1*SF*WEST DEPOT*91*UNKNOWN", "N3*5 PIER", "N4*SALEM*OR*97301*US"]
    body += [f"LIN*1*VP*OW301*MF*OATW*MG*OW301*UP*{OAT}", "PID*F*08***Oat bar, 6-pack", "CTP*WH*WHL*28.99"]
    body += ["SDQ*EA*54*MEL*50", "QTY*33*7*EA"]
    body += ["LIN*2*VP*OW302*MF*OATW*MG*OW302*UP*", "PID*F*08***Nut bar, 6-pack", "CTP*WH*WHL*55.0"]
    body += ["SDQ*EA*54*MEL*7", "QTY*33*0*EA"]
    body += [f"LIN*3*VP*OW303*MF*OATW*MG*OW303*UP*{RYE}", "PID*F*08***Rye bar, 6-pack", "CTP*WH*WHL*47.13"]
    return written(file_of(set_of("846", *body, "CTT*3*3214", number="0967")), after="\r\n")


def stock_of(number: int) -> int:
    """On hand of item `number` of the catalogue: 0 for the first two, 58 of 80 above 0, 1036 in all."""
    return 0 if number < 22 else 39 if number == 79 else 30 if number == 78 else 17 + number % 2 if number < 76 else 11


def catalogue() -> str:
    """Two sets of 2 and 78 items with the same figure in SDQ and QTY, and SE counts that are wrong."""
    sets = []
    for count, numbers in ((8, range(2)), (403, range(2, 80))):
        body = [f"BIA*00*SI*202601{count}*20260103"]
        for n in numbers:
            body += [f"LIN**VP*OW/{n}.5-{n}*UP*{upc(n)}*MF*OATW", f"PID*F*08***BAR {n}", f"CTP***{299 + n}"]
            body += [f"SDQ*EA*54*100*{stock_of(n)}", f"QTY*33*{stock_of(n)}*EA"]
        one = set_of("846", *body, number=f"8467{count:04d}")
        sets.append([*one[:-1], f"SE*{count}*8467{count:04d}"])
    return written(file_of(*sets))


def cases() -> str:
    """One warehouse in the header, quantities in cases."""
    body = ["BIA*00*MB*STK-1*20260104", "N1*WH*CENTRAL STOCK*91*STK01"]
    body += [f"LIN*1*VN*OW-A1*UP*{OAT[:-1]}0", "QTY*33*850*CA", "UIT*CA"]
    body += [f"LIN*2*VN*OW-B2*UP*{NUT[:-1]}0", "QTY*33*320*CA", "UIT*CA", "CTT*2"]
    return written(file_of(set_of("846", *body)))


def overlong_header() -> str:
    """Sender and receiver ids longer than an ISA has room for; the warehouse in a REF, codes `1` and `QA`."""
    body = ["BIA*00*SR*INV-1*20260103"]
    body += ["LIN*1*UK*10085000712301", "QTY*1*250", "QTY*QA*198", "REF*ZZ*WH-NORTH"]
    body += ["LIN*2*EN*5901234123457", "QTY*1*0", "QTY*QA*0", "REF*ZZ*WH-NORTH"]
    one = set_of("846", *body)
    sender, receiver = "NORTHFIELD-DEPOT1", "OATWORKS-PLANT-2"
    file = interchange(group_of(one, version="005010"), sender=sender, receiver=receiver, repetition="^")
    return written(recounted(file, {one[-1]: "SE*9*0001"}))


def warehouse_behind_item() -> str:
    """An N1*WH that is for the first of two items only; GS01 IQ, no BIA, everything on one line."""
    body = [f"LIN*1*UP*{OAT[:-1]}0*IN*000{OAT}", "QTY*33*500*EA", "QTY*02*120*EA", "DTM*405*20260102"]
    body += ["N1*WH*Main Warehouse*92*WH001", f"LIN*2*UP*{NUT[:-1]}0*IN*000{NUT}", "QTY*33*250"]
    one = set_of("846", *body)
    file = interchange(group_of(one, code="IQ"))
    return written(recounted(file, {one[-1]: "SE*10*0001"}), after="")


def resale() -> str:
    """An 867 with LIN before QTY, ISA12 of three characters, and a wrong SE count."""
    body = ["BPT*00*RPT1*20260105*RS", "N1*SU*OATWORKS*91*1", "N1*BY*WESTWAY*91*WW", "PTD*SR**1"]
    body += ["LIN**N4*55512345678", "QTY*39*10*EA", "CTP**WAC*100", "DTM*011*20260102", "REF*IV*INV1"]
    body += ["N1*ST*CORNER SHOP*ZI*AB7654321", "N3*1 MILL LANE", "N4*SALEM*OR*97301", "CTT*1"]
    one = set_of("867", *body)
    return written(recounted(interchange(group_of(one), version="004"), {one[-1]: "SE*14*0001"}), after="")
