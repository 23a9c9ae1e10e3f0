"""Silences as people make and end them, on the board or at the command line (A-05)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from include.stockwatch.adapters.state import silences as store
from include.stockwatch.adapters.state.follow_up import untold
from include.stockwatch.alerting.case import Decision
from include.stockwatch.alerting.messages.thread import CLOCK
from include.stockwatch.alerting.routing import Match, facts_of
from include.stockwatch.alerting.silence import OVER, Reason, Silence, check, silenced_by
from include.stockwatch.errors import ActionRefused, closest
from include.stockwatch.workflows.incidents.record import record_all
from include.stockwatch.workflows.services import Services

LOOKED_BACK = dt.timedelta(days=14)
"""How long ago a silence may have ended whose incidents are told yet: longer than follow-up stands still."""


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
    """End a silence now; the next follow-up tells what began under it and goes on.

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


def tell(services: Services) -> list[str]:
    """Tell as new what began under a silence that is over and goes on, within the budgets of a run; returns the ids.

    A second call tells nothing again.
    """
    now = services.now()
    with services.state.begin() as tx:
        quiet = store.active(tx, now)
        found = [case for one in store.ended(tx, now - LOOKED_BACK, now) for case in untold(tx, one)]
        decisions = [
            Decision(Reason.SILENCE_OVER, OVER, case)
            for case in {case.incident_id: case for case in found}.values()
            if silenced_by(facts_of(case), quiet, now) is None
        ]
        return [change.after.incident_id for change in record_all(services, tx, decisions, at=now, actor=CLOCK)]


def listed(services: Services) -> list[Silence]:
    """Every silence there ever was, the one that ends last first."""
    with services.state.read() as tx:
        return store.listed(tx)


def active(services: Services) -> list[Silence]:
    """The silences that hold now."""
    with services.state.read() as tx:
        return store.active(tx, services.now())
