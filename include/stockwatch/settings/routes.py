"""What is wrong with `routes.yaml` beyond its single fields: routes that are never taken, people whom nobody knows."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from include.stockwatch.alerting.routing import Routes
from include.stockwatch.errors import Problem, closest
from include.stockwatch.settings.reading import Location, open_file

NAMING = ("owner", "backup", "lead")


def problems(path: Path, routes: Routes) -> Iterator[Problem]:
    """Every mistake of a file that could be read. Without `people` any name may own something."""
    file = open_file(path)

    def problem(loc: Location, what: str, fix: str) -> Problem:
        return file.problem(file.mark(loc), ".".join(map(str, loc)), what, fix)

    for place, before in routes.unreachable():
        what = f"route `{routes.routes[place].name}` is never reached: `{before.name}` takes all that it matches"
        yield problem(("routes", place), what, f"move it before `{before.name}`, or remove it")
    if not routes.people:
        return
    for place, route in enumerate(routes.routes):
        for field in NAMING:
            name = getattr(route, field)
            if name and name not in routes.people:
                yield problem(("routes", place, field), *_unknown(name, routes.people))
    for name, person in routes.people.items():
        if person.delegate and person.delegate not in routes.people:
            yield problem(("people", name, "delegate"), *_unknown(person.delegate, routes.people))


def _unknown(name: str, people: Collection[str]) -> tuple[str, str]:
    fix = closest(name, people) or "add them under `people`."
    return f"`{name}` is none of the people", f"{fix} People: {', '.join(people)}."
