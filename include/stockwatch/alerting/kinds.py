"""The kinds of incident: the state that each has, how its ids begin, and how it is said."""

from __future__ import annotations

from collections.abc import Mapping

from include.stockwatch.alerting.case import PROMISE_KINDS, STOCK_KINDS, Case, Kind
from include.stockwatch.alerting.data_incident import DataIncident
from include.stockwatch.alerting.incident import Incident
from include.stockwatch.alerting.mass_change import MassChange
from include.stockwatch.alerting.messages import (
    data_message,
    mass_message,
    no_owner_message,
    promise_message,
    stock_messages,
)
from include.stockwatch.alerting.messages.message import Message
from include.stockwatch.alerting.no_owner import NoOwner
from include.stockwatch.alerting.promise_incident import PromiseIncident

CASES: Mapping[Kind, type[Case]] = {
    **dict.fromkeys(STOCK_KINDS, Incident),
    **dict.fromkeys(PROMISE_KINDS, PromiseIncident),
    Kind.FEED_PROBLEM: DataIncident,
    Kind.MASS_CHANGE: MassChange,
    Kind.NO_OWNER: NoOwner,
}
PREFIXES: Mapping[Kind, str] = {
    **dict.fromkeys(STOCK_KINDS, "INC"),
    **dict.fromkeys(PROMISE_KINDS, "PROM"),
    Kind.FEED_PROBLEM: "DATA",
    Kind.MASS_CHANGE: "DATA",
    Kind.NO_OWNER: "OWN",
}


def render(case: Case) -> Message:
    """The root message of an incident, rendered whole from its state (A-50)."""
    match case:
        case Incident():
            return stock_messages.render(case)
        case DataIncident():
            return data_message.render(case)
        case PromiseIncident():
            return promise_message.render(case)
        case MassChange():
            return mass_message.render(case)
        case NoOwner():
            return no_owner_message.render(case)
    raise TypeError(f"nobody knows how to say an incident of kind {case.kind.value}")


def page(kind: Kind) -> str:
    """The page that explains a kind of incident, below the address at which the documentation is shown."""
    return f"docs/alerts/{kind.value}.md"
