"""Hold the check and the risk model against worlds with known truth, and write docs/validation.md with its plots."""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

from include.stockwatch.validation.customers import customers_validation  # noqa: E402
from include.stockwatch.validation.customers_plot import plot_customers_validation  # noqa: E402
from include.stockwatch.validation.phantom_plot import plot_phantoms  # noqa: E402
from include.stockwatch.validation.report import as_markdown  # noqa: E402
from include.stockwatch.validation.worlds import phantom_validation, world_validation  # noqa: E402

SHOWN = ("plain", "promoted", "noisy_records", "dc_outages", "sparse_receipts")
OTHER_SEEDS = (2, 3)


def main() -> int:
    """Run the worlds one after the other; `--json FILE` keeps every figure."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--worlds", nargs="*", default=SHOWN)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--other-seeds", nargs="*", type=int, default=OTHER_SEEDS, help="for phantom stock alone")
    arguments.add_argument("--replications", type=int, default=200)
    arguments.add_argument("--json", type=Path)
    arguments.add_argument("--docs", type=Path, default=PROJECT / "docs")
    given = arguments.parse_args()
    warnings.simplefilter("ignore")
    worlds = []
    for name in given.worlds:
        worlds.append(world_validation(name, given.seed))
        print(f"{name}: {worlds[-1]['series_days']:,} series-days", file=sys.stderr, flush=True)
    other_seeds = []
    for seed in given.other_seeds:
        other_seeds += [phantom_validation(name, seed) for name in given.worlds]
        print(f"phantoms of seed {seed}", file=sys.stderr, flush=True)
    customers = customers_validation(given.seed, given.replications)
    (given.docs / "validation").mkdir(parents=True, exist_ok=True)
    plot_phantoms(worlds, given.docs / "validation" / "phantom.png")
    plot_customers_validation(customers, given.docs / "validation" / "customers.png")
    (given.docs / "validation.md").write_text(as_markdown(worlds, other_seeds, customers), "utf-8")
    if given.json:
        found = {"worlds": worlds, "other_seeds": other_seeds, "customers": customers}
        given.json.write_text(json.dumps(found, indent=1, default=float), "utf-8")
    print(given.docs / "validation.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
