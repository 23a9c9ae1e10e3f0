"""`simulate`: a world as a folder, from the command line."""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path
from typing import Any

DAILY = 28
"""Days whose files come one by one, unless it is said otherwise."""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """What can be said of the world that is wanted."""
    command.add_argument("folder", type=Path, metavar="OUT", help="new or empty folder")
    command.add_argument("--world", default="small", metavar="NAME", help="default: small; a wrong name lists them")
    command.add_argument("--seed", type=int, default=1)
    for name in ("days", "stores", "items", "partners"):
        command.add_argument(f"--{name}", type=int, metavar="N")
    command.add_argument("--last", type=dt.date.fromisoformat, metavar="DATE", help="last business date")
    command.add_argument("--demand", choices=("counts", "shoppers"))
    command.add_argument(
        "--history", type=int, metavar="N", help="first days that come in archives; default: all but 28"
    )
    command.add_argument("--no-defects", action="store_true", help="every file is on time and whole")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Write a small world with known truth: partner files, settings, master data, complaints."""
    from include.stockwatch.simulation.folder import write_world
    from include.stockwatch.simulation.parameters import WORLDS
    from include.stockwatch.simulation.world import simulate

    folder = arguments.folder.resolve()
    if arguments.world not in WORLDS:
        raise SystemExit(f"no world `{arguments.world}`; known: {', '.join(sorted(WORLDS))}")
    if folder.is_file():
        raise SystemExit(f"{arguments.folder}: a file; name a new folder")
    if folder.exists() and any(folder.iterdir()):
        raise SystemExit(f"{arguments.folder}: not empty; name a new folder")
    if arguments.seed < 0:
        raise SystemExit(f"`--seed` is {arguments.seed}; it goes from 0")
    wanted = {name: getattr(arguments, name) for name in ("days", "stores", "items", "partners", "demand")}
    try:
        parameters = WORLDS[arguments.world].with_(**{name: one for name, one in wanted.items() if one is not None})
    except ValueError as error:
        raise SystemExit(str(error)) from None
    if arguments.last:
        parameters = parameters.with_(first_date=arguments.last - dt.timedelta(days=parameters.days - 1))
    history = max(parameters.days - DAILY, 0) if arguments.history is None else arguments.history
    if not 0 <= history <= parameters.days:
        raise SystemExit(f"`--history` is {history}; it goes from 0 to {parameters.days}, the days of the world")
    world = simulate(parameters, arguments.seed)
    written = write_world(world, folder, defects=not arguments.no_defects, history_days=history)
    return {
        "outcome": "written",
        "folder": str(folder),
        "files": len(written.arrivals),
        "feeds": sorted({one.feed_id for one in written.arrivals}),
        "defects": len(written.defects),
        "first_date": parameters.first_date,
        "last_date": parameters.first_date + dt.timedelta(days=parameters.days - 1),
        "run_with": f"STOCKWATCH_HOME={folder} STOCKWATCH_CONFIG={folder / 'config'}",
    }
