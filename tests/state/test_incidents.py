"""Incidents come back from the store as they went in, of every kind and on every store."""

from __future__ import annotations

import datetime as dt

import pytest

from include.stockwatch.adapters.state import incidents
from include.stockwatch.alerting.case import Case
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
