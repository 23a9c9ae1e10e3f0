"""Incidents come back from the store as they went in, of every kind and on every store."""

from __future__ import annotations

import datetime as dt

import pytest

from include.stockwatch.adapters.state import follow_up, incidents, pending
from include.stockwatch.alerting.case import Case, Kind
from include.stockwatch.alerting.pending import Pending
from include.stockwatch.workflows.services import Services
from tests.alerting.data_examples import DATA_EXAMPLES
from tests.alerting.examples import EXAMPLES
from tests.alerting.promise_examples import PROMISE_EXAMPLES
from tests.alerting.stock_examples import MASS_EXAMPLES, STOCK_EXAMPLES

CASES: dict[str, Case] = {**EXAMPLES, **STOCK_EXAMPLES, **DATA_EXAMPLES, **PROMISE_EXAMPLES, **MASS_EXAMPLES}
NOW = dt.datetime(2026, 11, 4, 9, tzinfo=dt.UTC)


@pytest.mark.parametrize("name", CASES)
def test_an_incident_is_read_back_as_it_was_stored(name: str, services: Services) -> None:
    case = CASES[name]
    with services.state.begin() as tx:
        seq = incidents.append(tx, case, kind="opened", reason="first", at=NOW, actor="check")
        assert incidents.find(tx, case.incident_id) == case
        (event,) = incidents.events(tx, case.incident_id)
    assert (seq, event["seq"], event["at"]) == (1, 1, NOW)
    assert incidents.read(case.kind.value, event["state"]) == case


def test_an_incident_of_which_something_is_said_after_its_end_ended_when_it_did(services: Services) -> None:
    case, later = EXAMPLES["resolved"], NOW + dt.timedelta(days=2)
    with services.state.begin() as tx:
        incidents.append(tx, case, kind="resolved", reason="restocked", at=NOW, actor="check")
        incidents.append(tx, case, kind="confirmed", reason="verdict", at=later, actor="dana@example.com")
        assert follow_up.counted_since(tx, case.channel, later) == (0, 0)
        assert follow_up.counted_since(tx, case.channel, NOW) == (1, 1)
        incidents.append(tx, EXAMPLES["opened_in_one_store"], kind="reopened", reason="again", at=later, actor="check")
        incidents.append(tx, case, kind="resolved", reason="restocked", at=later, actor="check")
        assert follow_up.counted_since(tx, case.channel, later) == (0, 1)


def test_what_is_pending_is_read_back_by_partner_and_takes_the_place_of_what_was(services: Services) -> None:
    told = {"business_date": NOW.date(), "kind": Kind.DC_OUT, "scope": "07", "item_id": "1", "locations": 1}
    first = Pending(fingerprint="a", partner="westway", places=("07", "northfield:1"), **told)
    sooner = Pending(fingerprint="b", partner="northfield", places=("9",), due_on=NOW.date(), since=NOW.date(), **told)
    dearer = first.model_copy(update={"fingerprint": "c", "money_at_risk": 9.5, "currency": "USD"})
    with services.state.begin() as tx:
        pending.replace(tx, [first, sooner, dearer])
        assert pending.listed(tx) == [sooner, dearer, first]
        assert pending.listed(tx, {"westway"}, 1) == [dearer]
        assert (pending.count(tx, {"westway"}), pending.count(tx, set())) == (2, 0)
        pending.replace(tx, [])
        assert pending.listed(tx) == []
