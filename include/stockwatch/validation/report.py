"""`docs/validation.md`: what was measured in worlds with known truth, beside what was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from include.stockwatch.validation.worlds import EVERY

Row = Mapping[str, Any]

GOALS = (
    "phantom stock: average precision at least 1.3 times that of the run rule `p0^run`, and precision at recall 0.5 at "
    "least 1.8 times",
    "empty days found: recall at least 0.95 at no more than 3 false alarms per 1,000 series-days",
    "lost units: bias within 5 % in the plain world, within 15 % under promotions and with 60 % wrong records",
    "causes: 90 % right for DC outages, 80 % over all",
    "at risk: Brier score better than that of the days-of-supply rule; 70 % of run-outs announced two days ahead at "
    "a precision of 0.5",
)
ORACLE_OF_RUN_OUTS = (
    "The oracle knows the true demand, the promotions that are planned, how stores order, and what is truly on "
    "shelves and under way, but nothing that is yet to be drawn: from every evening it lives the world on 50 times "
    "(`include/stockwatch/validation/run_out_oracle.py`). What it has over the check is replenishment, above all: "
    "order points, order days and how long delays last, which the check can only infer from 56 days of receipts; and "
    "promotions to come, which no feed announces. Little is lost on demand."
)


def as_markdown(worlds: Sequence[Row], other_seeds: Sequence[Row], customers: Row) -> str:
    """The whole page; `other_seeds` are worlds as `phantom_validation` judges them."""
    suspected, known = (sum(row[name] for row in worlds) for name in ("dc_days_suspected", "dc_days"))
    parts = [
        "# Validation",
        "",
        "Written by `make validate`; do not edit. Worlds are simulated (`simulate`, parameters in "
        "`include/stockwatch/simulation/parameters.py`); the check sees what partners would report and the master "
        "data, never the truth. Every day after eight weeks of warm-up is judged. Where a goal is missed, the figure "
        "of the oracle, which knows the true demand, hazard and recovery, says about how far one could come.",
        "",
        "## Goals",
        "",
        *(f"- {goal}" for goal in GOALS),
        "",
        "## Phantom stock",
        "",
        "A phantom day: stock on record, nothing sellable at close.",
        "",
        *_table(
            ("world", "series-days", "phantom", "AP ours", "run rule", "filter", "oracle", "AP ratio", "P@R.5 ours",
             "run rule", "filter", "oracle", "ratio", "Brier"),
            [_phantom(row) for row in worlds],
        ),
        "",
        "`run rule` is the public accelerator's `p0^run`; `filter` a filter with a frozen rate and no learning. The "
        "oracle takes every record as equally doubtful; the check learns that small ones are wrong more often, and "
        "passes it in some worlds.",
        "",
        *_other_seeds(other_seeds),
        f"DCs of these worlds have no phantom stock. It is suspected on {suspected:,} of {known:,} of their days, "
        f"{suspected / max(known, 1):.2%}.",
        "",
        "How often the shelf was empty where the check said so with some probability, all worlds together:",
        "",
        *_table(("said", "series-days", "mean said", "observed"), _reliability(worlds)),
        "",
        "![Said against observed](validation/phantom.png)",
        "",
        "## Empty days found",
        "",
        *_table(
            ("world", "empty", "recall", "by records alone", "false alarms per 1,000", "oracle's recall at 3"),
            [
                (row["world"], _share(row["empty_share"]), _share(row["recall"]), _share(row["records_alone_recall"]),
                 f"{row['false_per_thousand']:.2f}", _share(row["oracle_recall"]))
                for row in worlds
            ],
        ),
        "",
        "## Lost units and demand",
        "",
        "Masked days: days with full stock, shown to the check as a stock-out of three days; what sold is known.",
        "",
        *_table(
            ("world", "lost units", "bias, days called", "bias, all days", "masked days", "WAPE", "WAPE oracle", "WPE"),
            [
                (row["world"], f"{row['lost_units']:,.0f}", _signed(row["lost_units_bias_called"]),
                 _signed(row["lost_units_bias"]), f"{row['demand']['days']:,}", _share(row["demand"]["wape"]),
                 _share(row["demand"]["wape_oracle"]), _signed(row["demand"]["wpe"]))
                for row in worlds
            ],
        ),
        "",
        "## Causes",
        "",
        *_table(
            ("world", "right", "right of DC outages"),
            [(row["world"], _share(row["causes_right"]), _share(row["dc_causes_right"])) for row in worlds],
        ),
        "",
        "True cause against named cause, all worlds together:",
        "",
        *_confusion(worlds),
        "",
        "## At risk",
        "",
        *_table(
            ("world", "run-outs", "announced 2 to 7 days ahead", "precision", "oracle's at this precision",
             "announced at 50 %", "oracle's at 50 %", "Brier", "oracle", "days of supply"),
            [
                (row["world"], f"{row['run_outs']:,}", _share(row["run_outs_announced"]),
                 _share(row["announcements_right"]), _share(row["oracle_announced"]),
                 _share(row["announced_at_half"]), _share(row["oracle_announced_at_half"]),
                 f"{row['run_out_brier']:.4f}", f"{row['oracle_run_out_brier']:.4f}", f"{row['rule_brier']:.4f}")
                for row in worlds
            ],
        ),
        "",
        ORACLE_OF_RUN_OUTS,
        "",
        *_customers(customers),
    ]  # fmt: skip
    return "\n".join(parts) + "\n"


def _phantom(row: Row) -> tuple[str, ...]:
    ap, at_half = row["average_precision"], row["precision_at_half"]
    figures = [
        *(f"{ap[name]:.3f}" for name in ("ours", "run_rule", "plain_filter", "oracle")),
        f"{ap['ours'] / ap['run_rule']:.2f}",
        *(f"{at_half[name]:.2f}" for name in ("ours", "run_rule", "plain_filter", "oracle")),
        f"{at_half['ours'] / at_half['run_rule']:.2f}",
    ]
    brier = f"{row['phantom_brier']:.5f}"
    return (row["world"], f"{row['series_days']:,}", _share(row["phantom_share"]), *figures, brier)


def _other_seeds(rows: Sequence[Row]) -> list[str]:
    if not rows:
        return []
    head = ("world", "seed", "phantom", "AP ratio", "oracle's", "ratio of P@R.5", "oracle's")
    return [
        "Seeds differ, as the phantoms of a world are few. The same ratios to the run rule on others, one day in "
        f"{EVERY} judged:",
        "",
        *_table(head, [(row["world"], str(row["seed"]), _share(row["phantom_share"]), *_ratios(row)) for row in rows]),
        "",
    ]


def _ratios(row: Row) -> list[str]:
    scores = (row["average_precision"], row["precision_at_half"])
    return [f"{score[name] / score['run_rule']:.2f}" for score in scores for name in ("ours", "oracle")]


def pooled_reliability(worlds: Sequence[Row]) -> list[tuple[float, float, int, float, float]]:
    """Bins of all worlds together: low, high, days, mean said, share observed."""
    found: dict[tuple[float, float], list[float]] = {}
    for row in worlds:
        for one in row["reliability"]:
            sums = found.setdefault((one["low"], one["high"]), [0.0, 0.0, 0.0])
            sums[0] += one["days"]
            sums[1] += one["days"] * one["predicted"]
            sums[2] += one["days"] * one["observed"]
    return [
        (low, min(high, 1.0), int(days), said / days, seen / days)
        for (low, high), (days, said, seen) in sorted(found.items())
    ]


def _reliability(worlds: Sequence[Row]) -> list[tuple[str, ...]]:
    return [
        (f"{low:.2f} to {high:.2f}", f"{days:,}", f"{said:.3f}", f"{seen:.3f}")
        for low, high, days, said, seen in pooled_reliability(worlds)
    ]


def _confusion(worlds: Sequence[Row]) -> list[str]:
    sums: dict[str, dict[str, int]] = {}
    for row in worlds:
        for true, named in row["confusion"].items():
            for name, count in named.items():
                of_true = sums.setdefault(true, {})
                of_true[name] = of_true.get(name, 0) + count
    names = sorted({name for named in sums.values() for name in named})
    return _table(
        ("true", *names),
        [(true, *(f"{named.get(name, 0):,}" for name in names)) for true, named in sorted(sums.items())],
    )


def _customers(found: Row) -> list[str]:
    gates = [
        (gate["gate"], f"{gate['value']:.3f}", _range(gate), "yes" if gate["holds"] else "**no**")
        for gate in found["gates"]
    ]
    worlds = [
        (row["world"], row["what"], f"{row['customers_lost']:.2f}", f"{row['customers_said']:.2f}",
         _signed(row["bias"]), _signed(row["oracle_bias"]), _signed(row["lost_units_bias"]))
        for row in found["worlds"]
    ]  # fmt: skip
    return [
        "## Customers lost",
        "",
        f"Paired runs of the same shoppers with and without the gap, {found['replications']} replications, seed "
        f"{found['seed']}. The model knows only what a feed shows and the published defaults.",
        "",
        *_table(("gate", "measured", "asked for", "holds"), gates),
        "",
        *_table(("world", "what", "lost", "said", "bias", "bias, parameters known", "bias of lost units"), worlds),
        "",
        "![Customers lost, said against true](validation/customers.png)",
    ]


def _range(gate: Row) -> str:
    low, high = gate["at_least"], gate["at_most"]
    return f"at least {low:g}" if high is None else f"{low:g} to {high:g}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.1%}"
