"""Silences as people make and end them, on the board or at the command line (A-05)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from include.stockwatch.adapters.state import silences as store
from include.stockwatch.alerting.routing import Match
from include.stockwatch.alerting.silence import Silence, check
from include.stockwatch.errors import ActionRefused, closest
from include.stockwatch.workflows.services import Services


def add(
    services: Services,
    match: Mapping[str, str | Sequence[str]],
    *,
    until: dt.datetime,
    author: str,
    comment: str,
    since: dt.datetime | None = None,
) -> Silence:
    """Hold back the messages of some incidents until a moment; `match` as in `routes.yaml`.

    Raises: ActionRefused if it lacks a reason, an end within 90 days, or something to match
    """
    unknown = next((name for name in match if name not in Match.model_fields), None)
    if unknown:
        known = tuple(Match.model_fields)
        fix = closest(unknown, known) or f"incidents have {', '.join(known)}"
        raise ActionRefused(f"incidents have no `{unknown}`; {fix}")
    now = services.now()
    try:
        silence = Silence(
            match=Match.model_validate(dict(match)),
            starts_at=since or now,
            ends_at=until,
            author=author,
            comment=comment,
        )
    except ValidationError as error:
        wrong = error.errors()[0]
        raise ActionRefused(f"{'.'.join(map(str, wrong['loc']))}: `{wrong['input']}`: {wrong['msg']}") from None
    check(silence)
    if silence.ends_at <= now:
        raise ActionRefused("the silence would be over already")
    with services.state.begin() as tx:
        return silence.model_copy(update={"silence_id": store.add(tx, silence, now)})


def end(services: Services, silence_id: int, by: str) -> Silence:
    """End a silence now; what it hid is in the daily digest, and told once its severity rises.

    Raises: ActionRefused if it is over
    """
    now = services.now()
    with services.state.begin() as tx:
        found = store.find(tx, silence_id)
        if found is None:
            raise ActionRefused(f"there is no silence {silence_id}")
        if found.ends_at <= now:
            raise ActionRefused(f"silence {silence_id} is over since {found.ends_at:%Y-%m-%d %H:%M} UTC")
        store.end(tx, silence_id, now, by)
    return found.model_copy(update={"ends_at": now, "ended_by": by})


def listed(services: Services) -> list[Silence]:
    """Every silence there ever was, the one that ends last first."""
    with services.state.read() as tx:
        return store.listed(tx)


def active(services: Services) -> list[Silence]:
    """The silences that hold now."""
    with services.state.read() as tx:
        return store.active(tx, services.now())
