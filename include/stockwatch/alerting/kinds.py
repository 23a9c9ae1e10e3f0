"""The kinds of incident: the state that each has, how its ids begin, and how it is said."""

from __future__ import annotations

from collections.abc import Mapping

from include.stockwatch.alerting import data_message, message, promise_message
from include.stockwatch.alerting.case import PROMISE_KINDS, STOCK_KINDS, Case, Kind
from include.stockwatch.alerting.data_incident import DataIncident
from include.stockwatch.alerting.incident import Incident
from include.stockwatch.alerting.message import Message
from include.stockwatch.alerting.promise_incident import PromiseIncident

CASES: Mapping[Kind, type[Case]] = {
    **dict.fromkeys(STOCK_KINDS, Incident),
    **dict.fromkeys(PROMISE_KINDS, PromiseIncident),
    Kind.FEED_PROBLEM: DataIncident,
}
PREFIXES: Mapping[Kind, str] = {
    **dict.fromkeys(STOCK_KINDS, "INC"),
    **dict.fromkeys(PROMISE_KINDS, "PROM"),
    Kind.FEED_PROBLEM: "DATA",
}


def render(case: Case) -> Message:
    """The root message of an incident, rendered whole from its state (A-50)."""
    match case:
        case Incident():
            return message.render(case)
        case DataIncident():
            return data_message.render(case)
        case PromiseIncident():
            return promise_message.render(case)
    raise TypeError(f"nobody knows how to say an incident of kind {case.kind.value}")
