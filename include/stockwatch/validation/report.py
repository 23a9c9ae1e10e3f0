"""`docs/validation.md`: what was measured in worlds with known truth, beside what was asked for."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from include.stockwatch.simulation.world import PLAIN, WORLDS
from include.stockwatch.validation.customers import BEYOND
from include.stockwatch.validation.dcs import AHEAD_DAYS, MOST_SUPPLY_DAYS
from include.stockwatch.validation.worlds import EVERY

Row = Mapping[str, Any]

ORACLE_OF_RUN_OUTS = (
    "The oracle knows the true demand, the promotions that are planned, how stores and DCs order, and what is truly on "
    "shelves, on order, stopped and under way, but nothing that is yet to be drawn: from every evening it lives the "
    "world on 50 times (`include/stockwatch/validation/run_out_oracle.py`). The check infers order points, order days "
    "and how long delays last from 56 days of receipts, and no feed announces promotions to come."
)


class Goal(NamedTuple):
    """What was asked for of a figure of a world: between which ends it is to be, in some worlds or (none) in all."""

    text: str
    value: Callable[[Row], float]
    shown: str
    at_least: float = -math.inf
    at_most: float = math.inf
    worlds: tuple[str, ...] = ()

    def slack(self, row: Row) -> float:
        """By how much a world keeps it; below zero by how much it misses it."""
        return min(self.value(row) - self.at_least, self.at_most - self.value(row))


BIASES = {"on days called empty": "lost_units_bias_called", "over all days": "lost_units_bias"}
GOALS = (
    Goal("phantom stock: AP, times that of the run rule", lambda row: _ratio(row, "average_precision"), ".2f", 1.3),
    Goal("phantom stock: P@R.5, times that of the run rule", lambda row: _ratio(row, "precision_at_half"), ".2f", 1.8),
    Goal("empty days: recall", itemgetter("recall"), ".1%", 0.95),
    Goal("empty days: false alarms per 1,000 series-days", itemgetter("false_per_thousand"), ".2f", at_most=3),
    *(
        Goal(f"lost units {of_days}: bias{where}", itemgetter(name), "+.1%", -limit, limit, worlds)
        for of_days, name in BIASES.items()
        for where, limit, worlds in (
            (", plain world", 0.05, ("plain",)),
            (", promotions and wrong records", 0.15, ("promoted", "noisy_records")),
        )
    ),
    Goal("causes: right", itemgetter("causes_right"), ".1%", 0.8),
    Goal("causes: right of DC outages", itemgetter("dc_causes_right"), ".1%", 0.9),
    Goal("at risk: Brier score, times that of days of supply",
         lambda row: float(row["run_out_brier"] / row["rule_brier"]), ".2f", at_most=1),
    Goal("at risk: run-outs announced 2 days ahead", itemgetter("run_outs_announced"), ".1%", 0.7),
    Goal("at risk: precision of it", itemgetter("announcements_right"), ".1%", 0.5),
)  # fmt: skip


def as_markdown(worlds: Sequence[Row], other_seeds: Sequence[Row], customers: Row) -> str:
    """The whole page; `other_seeds` are worlds as `phantom_validation` judges them."""
    parts = [
        "# Validation",
        "",
        "Written by `make validate`; do not edit. Worlds are simulated (`simulate`, parameters in "
        "`include/stockwatch/simulation/parameters.py`); the check sees what partners would report and the master "
        "data, never the truth. Every day after eight weeks of warm-up is judged. The first sections are about stores; "
        "[DCs](#dcs) have their own. Where a goal is missed, the figure of an oracle, which knows what the check has "
        "to infer, says about how far one could come.",
        "",
        *_table(("world", "differs from the plain one by"), [(row["world"], _differs(row["world"])) for row in worlds]),
        "",
        "## Goals",
        "",
        *_goals(worlds),
        "",
        "## Phantom stock",
        "",
        "A phantom day: stock on record, nothing sellable at close. Days are ranked by the probability said, or by the "
        "score of another rule. AP is average precision, the area under the curve of precision over recall; P@R.5 the "
        "precision at which half of all phantom days are found; a ratio is ours over that of the run rule. Brier is "
        "the mean squared error of the probability: 0 is perfect.",
        "",
        *_table(
            ("world", "series-days", "phantom", "AP ours", "run rule", "filter", "oracle", "AP ratio", "P@R.5 ours",
             "run rule", "filter", "oracle", "P@R.5 ratio", "Brier"),
            [_phantom(row) for row in worlds],
        ),
        "",
        "`run rule` is the public accelerator's `p0^run`: the share of days without a sale to the power of the days "
        "since the last one. `filter` is a filter with a frozen rate and no learning. The oracle is a filter that "
        "knows the true demand, hazard and recovery; it takes every record as equally doubtful, where the check learns "
        "how doubtful records of each size are.",
        "",
        *_other_seeds(other_seeds),
        "How often the shelf was empty where the check said so with some probability, all worlds together:",
        "",
        *_table(("said", "series-days", "mean said", "observed"), _reliability(worlds)),
        "",
        "![Said against observed](validation/phantom.png)",
        "",
        "## Empty days found",
        "",
        "A day is called empty by the record (out of stock) or in spite of it (phantom suspected). Recall is the share "
        "of truly empty days that are; the oracle's is the best that its probabilities reach at 3 false alarms per "
        "1,000 series-days.",
        "",
        *_table(
            ("world", "empty", "recall", "by records alone", "false alarms per 1,000", "oracle's recall"),
            [
                (row["world"], _share(row["empty_share"]), _share(row["recall"]), _share(row["records_alone_recall"]),
                 f"{row['false_per_thousand']:.2f}", _share(row["oracle_recall"]))
                for row in worlds
            ],
        ),
        "",
        "## Lost units and demand",
        "",
        "Lost units are what shoppers wanted and did not get. The bias is what the check says over what was lost, less "
        "one: on days called empty, and over all days, those not found included. Masked days are days with full stock "
        "that are shown to the check as a stock-out of three days; what sold on the last of them is known. WAPE is the "
        "mean error there as a share of mean demand; that of the oracle, which knows the mean of the day, is chance. "
        "WPE is the bias.",
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
        "Of days called empty that are, how often the cause named is the true one; and of those that a DC outage "
        "emptied, how often the right kind of DC is named.",
        "",
        *_table(
            ("world", "right", "right of DC outages"),
            [(row["world"], _share(row["causes_right"]), _share(row["dc_causes_right"])) for row in worlds],
        ),
        "",
        "True cause (rows) against named cause, in series-days of all worlds together. `not empty` are false alarms, "
        "and in no share.",
        "",
        *_confusion(worlds),
        "",
        "## At risk",
        "",
        "A run-out is the first day of a shelf sold empty. It is announced if the series was at risk on one of the 2 "
        "to 7 days before; precision is the share of series-days at risk that a run-out follows before the next "
        "receipt. `at 50 %` is the most that any limit of the probability announces at a precision of 50 %. Brier is "
        "the mean squared error of the probability; the days-of-supply rule says 1 below two days and 0 above.",
        "",
        *_table(
            ("world", "run-outs", "announced", "precision", "oracle's at this precision", "announced at 50 %",
             "oracle's at 50 %", "Brier", "oracle", "days of supply"),
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
        *_dcs(worlds),
        "",
        *_customers(customers),
    ]  # fmt: skip
    return "\n".join(parts) + "\n"


def _differs(name: str) -> str:
    """The parameters of a world that are not those of the plain one."""
    own = WORLDS[name]
    changed = [one.name for one in dataclasses.fields(own) if getattr(own, one.name) != getattr(PLAIN, one.name)]
    return ", ".join(f"`{one}` {getattr(own, one)}" for one in changed) or "nothing"


def _goals(worlds: Sequence[Row]) -> list[str]:
    rows = []
    for goal in GOALS:
        asked = [row for row in worlds if not goal.worlds or row["world"] in goal.worlds]
        if not asked:
            continue
        worst, holds = min(asked, key=goal.slack), sum(goal.slack(row) >= 0 for row in asked)
        least, most = (format(end, goal.shown) for end in (goal.at_least, goal.at_most))
        ends = f"{least} to {most}" if goal.at_least == -goal.at_most else f"at least {least}"
        ends = ends if math.isfinite(goal.at_least) else f"at most {most}"
        held = f"{holds} of {len(asked)}"
        rows.append((goal.text, ends, f"{goal.value(worst):{goal.shown}} ({worst['world']})",
                     held if holds == len(asked) else f"**{held}**"))  # fmt: skip
    return _table(("goal", "asked for", "worst world", "worlds that hold it"), rows)


def _ratio(row: Row, name: str) -> float:
    return float(row[name]["ours"] / row[name]["run_rule"])


def _dcs(worlds: Sequence[Row]) -> list[str]:
    """The figures of DCs, a line each."""
    lines: tuple[tuple[str, Callable[[Row], str]], ...] = (
        ("series-days", lambda of: f"{of['days']:,}"),
        ("empty", lambda of: _share(of["empty"] / of["days"])),
        ("empty days found", lambda of: _share(of["found"] / max(of["empty"], 1))),
        ("false alarms per 1,000", lambda of: f"{1000 * of['false'] / of['days']:.2f}"),
        ("of them phantom suspected", lambda of: f"{of['suspected']:,} of {of['false']:,}"),
        ("units unmet", lambda of: f"{of['unmet_units']:,.0f}"),
        ("bias of units lost", lambda of: _signed(of["unmet_units_bias"])),
        ("units lost by phantoms suspected", lambda of: f"{of['suspected_units']:,.0f}"),
        ("demand: WAPE of the rate", lambda of: _share(of["rate_wape"])),
        ("demand: bias of the rate", lambda of: _signed(of["rate_bias"])),
        ("days of supply: off by, days", lambda of: f"{of['supply_off_days']:.2f}"),
        ("days of supply: bias, days", lambda of: f"{of['supply_bias_days']:+.2f}"),
        ("causes right", lambda of: _share(of["causes_right"])),
        ("run-outs", lambda of: f"{of['run_outs']:,}"),
        ("announced", lambda of: _share(of["announced"])),
        ("precision", lambda of: _share(of["precision"])),
        ("oracle's at this precision", lambda of: _share(of["oracle_announced"])),
        ("Brier", lambda of: f"{of['brier']:.4f}"),
        ("Brier of the oracle", lambda of: f"{of['oracle_brier']:.4f}"),
        ("Brier of days of supply", lambda of: f"{of['rule_brier']:.4f}"),
    )
    return [
        "## DCs",
        "",
        "The DCs of the retailers and of the distributor in the same worlds, items that have ended left out. What a DC "
        "sells is what it ships. What is wanted of it is what shoppers want at the stores that it serves, directly or "
        "through another DC: units unmet are those wanted and not shipped on days on which it is out, the rate is held "
        f"against what they want on average on the {AHEAD_DAYS} days after, promotions included, and days of supply "
        f"(at most {MOST_SUPPLY_DAYS}) against the days until they have wanted as much. Records of these DCs are right "
        "and none has phantom stock, so that every phantom suspected is a false alarm. Their causes are a "
        "distributor's DC that was out, nothing sent while an order waited, or too little ordered.",
        "",
        *_table(("", *(row["world"] for row in worlds)),
                [(name, *(shown(row["dcs"]) for row in worlds)) for name, shown in lines]),
    ]  # fmt: skip


def _phantom(row: Row) -> tuple[str, ...]:
    ap, at_half = row["average_precision"], row["precision_at_half"]
    figures = [
        *(f"{ap[name]:.3f}" for name in ("ours", "run_rule", "plain_filter", "oracle")),
        f"{_ratio(row, 'average_precision'):.2f}",
        *(f"{at_half[name]:.2f}" for name in ("ours", "run_rule", "plain_filter", "oracle")),
        f"{_ratio(row, 'precision_at_half'):.2f}",
    ]
    brier = f"{row['phantom_brier']:.5f}"
    return (row["world"], f"{row['series_days']:,}", _share(row["phantom_share"]), *figures, brier)


def _other_seeds(rows: Sequence[Row]) -> list[str]:
    if not rows:
        return []
    head = ("world", "seed", "phantom", "AP ratio", "oracle's", "P@R.5 ratio", "oracle's")
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
        f"{found['seed']}. The model ([what it is](lost-customer-risk.md), also for rho_1 and G) knows only what a "
        f"feed shows and the published defaults. {', '.join(BEYOND)} are shown below and in no gate: they are made to "
        "lie beyond what defaults can meet.",
        "",
        *_table(("gate", "measured", "asked for", "holds"), gates),
        "",
        "Buyers lost per replication, and said to be; the bias is said over lost, less one. With its parameters known "
        "the model is told what the world is made of; what is left is the error of its form.",
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
