"""What a backtest found, as a table for a terminal: one column for each set of thresholds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Replay = Mapping[str, Any]

ROWS: tuple[tuple[str, Callable[[Replay], str]], ...] = (
    ("dates", lambda found: f"{found['dates']:,}"),
    ("incidents opened", lambda found: f"{found['opened']:,}"),
    ("  a day", lambda found: _number(found["opened_per_day"])),
    ("  on the worst day", lambda found: f"{found['opened_on_the_worst_day']:,}"),
    ("  still open at the end", lambda found: f"{found['still_open']:,}"),
    ("  by severity", lambda found: ", ".join(f"{n:,} {name}" for name, n in found["opened_by_severity"].items())),
    ("messages a day", lambda found: _number(found["messages_per_day"])),
    ("dates held as mass changes", lambda found: f"{found['mass_changes']:,}"),
    ("money lost in an incident", lambda found: _amounts(found["money_caught"])),
    ("money lost in none", lambda found: _amounts(found["money_missed"])),
    ("share caught", lambda found: ", ".join(f"{c} {share:.1%}" for c, share in found["money_caught_share"].items())),
)
TRUTH_ROWS: tuple[tuple[str, Callable[[Replay], str]], ...] = (
    ("precision", lambda found: _number(found["precision"])),
    ("recall", lambda found: _number(found["recall"])),
    ("false alarms per 1,000 series-days", lambda found: _number(found["false_alarms_per_1000"])),
)
VERDICT_ROWS: tuple[tuple[str, Callable[[Replay], str]], ...] = (
    ("alerts judged by people", lambda found: f"{found['verdicts']['judged']:,}"),
    ("  told of them", lambda found: f"{found['verdicts']['told']:,}"),
    ("  precision of these", lambda found: _number(found["verdicts"]["precision"])),
    ("  share of the confirmed alerts", lambda found: _number(found["verdicts"]["recall"])),
)


def as_text(replays: Mapping[str, Replay]) -> str:
    """The figures of one or two replays side by side, then incidents and messages a day by kind and by owner."""
    rows = ROWS
    for name, more in (("precision", TRUTH_ROWS), ("verdicts", VERDICT_ROWS)):
        rows += more if all(name in found for found in replays.values()) else ()
    lines = [("", *replays)]
    lines += [(label, *(shown(found) or "-" for found in replays.values())) for label, shown in rows]
    for title, figures in (("kind", "by_kind"), ("owner", "per_owner")):
        lines += [("", *("" for _ in replays)), (f"incidents, messages a day by {title}", *replays)]
        for name in sorted({name for found in replays.values() for name in found[figures]}):
            shown = name.replace("_", " ") if figures == "by_kind" else name
            lines.append((f"  {shown}", *(_a_day(found[figures].get(name)) for found in replays.values())))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _a_day(counts: Mapping[str, float] | None) -> str:
    if counts is None:
        return "-"
    return f"{_number(counts['opened_per_day'])}, {_number(counts['messages_per_day'])}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.2f}"


def _amounts(amounts: Mapping[str, float]) -> str:
    return ", ".join(f"{currency} {amount:,.0f}".strip() for currency, amount in amounts.items())
