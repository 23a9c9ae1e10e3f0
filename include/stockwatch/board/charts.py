"""What the charts show, as options of Apache ECharts. Colours are names that the page looks up in its own style.

A day without data is a null, which is drawn as a gap: never as zero, and no line runs across it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

SERIES = ("$s1", "$s2", "$s3", "$s4", "$s5", "$s6", "$s7", "$s8")
DASHES: tuple[Any, ...] = ("solid", [6, 3], [2, 3], [10, 3, 2, 3])
"""Lines differ in their dashes too: colour is never alone (A-86)."""
Points = Sequence[float | None]


def trend(
    dates: Sequence[dt.date],
    partners: Mapping[str, Points],
    promises: Sequence[float],
    due: Mapping[str, Sequence[bool]] | None = None,
) -> dict[str, Any]:
    """In-stock rate by day and partner in percent, with a line for each promise.

    A line runs across days on which nothing was `due` of its partner; without it, all are.
    """
    shown = [value for points in partners.values() for value in points if value is not None]
    floor = max(0, int(min([*shown, *promises, 1.0]) * 20) * 5 - 5)
    lines = [
        _line(name, [None if one is None else round(100 * one, 2) for one in points], place)
        for place, (name, points) in enumerate(partners.items())
    ]
    for line in lines:
        line["data"] = _across(line["data"], dates, (due or {}).get(line["name"], [True] * len(dates)))
    if lines:
        lines[0]["markLine"] = _promise(promises)
    return {
        **_frame(dates, "Available, %"),
        "legend": _legend(),
        "yAxis": _axis("Available, %", min=floor, max=100),
        "series": lines,
        "aria": _aria("Share of products with stock in their stores, by day and partner, against what was promised."),
    }


def timeline(days: Mapping[str, Sequence[Any]], span: tuple[str, str] | None, floor: float | None) -> dict[str, Any]:
    """Stock above, sales with the expected demand and receipts below, for the days of one item.

    `days` has `date`, whether it is `missing`, and, for each date or null: on_hand, sold, expected, low, high,
    received, ordered. On a date without data that is not missing nothing was due: lines of stock run across it.
    """
    dates = [date.isoformat() for date in days["date"]]
    gaps = _runs([None if is_missing else 1.0 for is_missing in days["missing"]], dates)
    named = max(gaps, key=lambda gap: dates.index(gap[1]) - dates.index(gap[0]), default=None)  # names would overlap
    marks: list[Any] = [
        [_area("no data" if gap == named else "", "$hatch", gap[0], "insideBottom"), {"xAxis": gap[1]}] for gap in gaps
    ]
    if span:
        marks.append([_area("incident", "$span", span[0], "insideTopLeft"), {"xAxis": span[1]}])
    stock = _line("Stock on hand", days["on_hand"], 0, area=True)
    ordered = _line("On order or in transit", days["ordered"], 3)
    ordered["lineStyle"] = {"width": 1.5, "type": "dotted"}
    for line in (stock, ordered):
        line["data"] = _across(line["data"], days["date"], days["missing"])
    stock["markArea"] = {"silent": True, "data": marks, "label": {"color": "$dim", "fontSize": 10}}
    if floor is not None:
        stock["markLine"] = _level(floor, f"out at or below {floor:g}")
    band = [
        {**_line("low", days["low"], 1), "stack": "band", "lineStyle": {"opacity": 0}, "tooltip": {"show": False}},
        {
            **_line("Expected, 80% band", _less(days["high"], days["low"]), 1),
            "stack": "band", "color": "$band", "areaStyle": {"color": "$band", "opacity": 1},
            "lineStyle": {"opacity": 0}, "tooltip": {"show": False},
        },
    ]  # fmt: skip
    lower: list[dict[str, Any]] = [
        *band,
        _line("Expected demand", days["expected"], 1),
        _bar("Sold", days["sold"], "$s1"),
        _marks("Received", days["received"], "triangle", "$s3"),
    ]
    for one in lower:
        one |= {"xAxisIndex": 1, "yAxisIndex": 1}
    shown = ["Stock on hand", "On order or in transit", "Sold", "Expected demand", "Expected, 80% band", "Received"]
    return {
        "grid": [
            {"left": 52, "right": 16, "top": 56, "height": 120},
            {"left": 52, "right": 16, "top": 216, "height": 120},
        ],
        "legend": _legend(data=shown, icon="roundRect", itemHeight=12),
        "tooltip": _tooltip(),
        "axisPointer": {"link": [{"xAxisIndex": "all"}]},
        "xAxis": [_days(dates, 0, labels=False), _days(dates, 1)],
        "yAxis": [_axis("Units on hand"), {**_axis("Units a day"), "gridIndex": 1}],
        "series": [stock, ordered, *lower],
        "aria": _aria("Stock, sales, expected demand, receipts and orders by day; shaded where the incident lasts."),
    }


def _line(name: str, points: Points, place: int, *, area: bool = False) -> dict[str, Any]:
    colour = SERIES[place % len(SERIES)]
    line = {
        "type": "line", "name": name, "data": _dotted(points), "connectNulls": False, "showSymbol": True,
        "symbolSize": 0, "symbol": "circle", "color": colour,
        "lineStyle": {"width": 2, "type": DASHES[place % len(DASHES)]},
    }  # fmt: skip
    return line | ({"areaStyle": {"color": colour, "opacity": 0.12}} if area else {})


def _bar(name: str, points: Points, colour: str) -> dict[str, Any]:
    return {"type": "bar", "name": name, "data": list(points), "itemStyle": {"color": colour, "opacity": 0.55}}


def _marks(name: str, points: Points, symbol: str, colour: str) -> dict[str, Any]:
    found = [one if one else None for one in points]
    return {"type": "scatter", "name": name, "data": found, "symbol": symbol, "symbolSize": 8, "color": colour}


def _dotted(points: Points) -> list[Any]:
    """Points of a line; one that stands alone between gaps has no line, so it gets a dot."""
    padded = [None, *points, None]
    return [
        {"value": value, "symbolSize": 5} if value is not None and before is None and after is None else value
        for before, value, after in zip(padded, padded[1:], padded[2:], strict=False)
    ]


def _across(points: list[Any], dates: Sequence[dt.date], due: Sequence[bool]) -> list[Any]:
    """Points of a line without the days on which nothing was due and nothing is known: it runs across them."""
    values = [_value(point) for point in points]
    kept = [place for place, value in enumerate(values) if value is not None or due[place]]
    if len(kept) == len(points):
        return points
    dotted = zip(kept, _dotted([values[place] for place in kept]), strict=True)
    return [_on(dates[place].isoformat(), point) for place, point in dotted]


def _value(point: Any) -> Any:
    return point["value"] if isinstance(point, dict) else point


def _on(date: str, point: Any) -> Any:
    return {**point, "value": [date, point["value"]]} if isinstance(point, dict) else [date, point]


def _less(high: Points, low: Points) -> list[float | None]:
    return [None if a is None or b is None else round(a - b, 4) for a, b in zip(high, low, strict=True)]


def _runs(points: Points, dates: Sequence[str]) -> list[tuple[str, str]]:
    """First and last date of every run of days without data, widened to the days around it."""
    lost = [place for place, value in enumerate(points) if value is None]
    if not lost:
        return []
    starts = [lost[0], *(b for a, b in pairwise(lost) if b - a > 1)]
    ends = [*(a for a, b in pairwise(lost) if b - a > 1), lost[-1]]
    last = len(dates) - 1
    return [(dates[max(a - 1, 0)], dates[min(b + 1, last)]) for a, b in zip(starts, ends, strict=True)]


def _area(name: str, colour: str, start: str, label: str) -> dict[str, Any]:
    return {"name": name, "xAxis": start, "itemStyle": {"color": colour}, "label": {"position": label}}


def _promise(promises: Sequence[float]) -> dict[str, Any]:
    lines = [
        {"yAxis": round(100 * one, 2), "label": {"formatter": f"promise {100 * one:g}%", "position": "insideStartTop"}}
        for one in sorted(set(promises))
    ]
    return {
        "silent": True, "symbol": "none", "data": lines, "label": {"color": "$dim"},
        "lineStyle": {"color": "$dim", "type": "dashed", "width": 1.5},
    }  # fmt: skip


def _level(value: float, words: str) -> dict[str, Any]:
    return {
        "silent": True, "symbol": "none", "data": [{"yAxis": value}],
        "label": {"formatter": words, "position": "insideEndTop", "color": "$dim"},
        "lineStyle": {"color": "$bad", "type": "dashed"},
    }  # fmt: skip


def _frame(dates: Sequence[dt.date], name: str) -> dict[str, Any]:
    return {
        "grid": {"left": 44, "right": 16, "top": 48, "bottom": 28},
        "tooltip": _tooltip(),
        "xAxis": _days([date.isoformat() for date in dates], 0),
        "title": {"show": False, "text": name},
    }


def _legend(**more: Any) -> dict[str, Any]:
    # one line at any width: what does not fit is paged through, and covers no axis
    paged = {"type": "scroll", "pageTextStyle": {"color": "$text"}, "pageIconColor": "$text"}
    return {"top": 0, "left": 0, "right": 0, "textStyle": {"color": "$text"}, **paged, **more}


def _tooltip() -> dict[str, Any]:
    return {
        "trigger": "axis", "renderMode": "richText", "backgroundColor": "$box", "borderColor": "$line",
        "textStyle": {"color": "$text", "fontSize": 12}, "confine": True,
    }  # fmt: skip


def _days(dates: Sequence[str], place: int, *, labels: bool = True) -> dict[str, Any]:
    return {
        "type": "category", "gridIndex": place, "data": list(dates), "boundaryGap": False,
        "axisLine": {"lineStyle": {"color": "$line"}}, "axisTick": {"show": False},
        "axisLabel": {"show": labels, "color": "$dim", "hideOverlap": True, "alignMinLabel": "left"},
    }  # fmt: skip


def _axis(name: str, **limits: float) -> dict[str, Any]:
    return {
        "type": "value", "name": name, "nameTextStyle": {"color": "$dim", "align": "left", "padding": [0, 0, 0, -36]},
        "axisLabel": {"color": "$dim"}, "splitLine": {"lineStyle": {"color": "$grid"}}, "splitNumber": 3, **limits,
    }  # fmt: skip


def _aria(words: str) -> dict[str, Any]:
    return {"enabled": True, "label": {"enabled": True, "description": words}}
