"""Data incidents to render: one per way a message can look."""

from __future__ import annotations

import datetime as dt
from typing import Any

from include.stockwatch.alerting.case import Standing
from include.stockwatch.alerting.data_incident import DataIncident, HeldFile, Trouble
from tests.alerting.examples import LONG_150
from tests.domain.tables import day


def at(number: int, hour: int, minute: int = 0) -> dt.datetime:
    """A time on a day of the story, UTC."""
    return dt.datetime.combine(day(number), dt.time(hour, minute), dt.UTC)


def held(**told: Any) -> HeldFile:
    """A file of day 3 with a fifth of its rows at fault."""
    known = {
        "file_name": "northfield_2026-11-04.csv",
        "received_at": at(4, 14, 12),
        "codes": ("TOO_MANY_REJECTS",),
        "rows_in": 61340,
        "usual_rows_in": 61180.5,
        "rows_rejected": 61340,
        "is_releasable": True,
    }
    return HeldFile(**(known | told))


def data_incident(**told: Any) -> DataIncident:
    """The Northfield store feed, whose date of day 3 should have come by 09:00 in Los Angeles on day 4."""
    known = {
        "fingerprint": "f" * 32,
        "incident_id": "DATA-2026-00007",
        "feed_id": "northfield_stores",
        "trouble": Trouble.LATE,
        "since": at(4, 17),
        "partner": "northfield",
        "partner_name": "Northfield Grocers",
        "time_zone": "America/Los_Angeles",
        "channel": "C0NORTHFIELD",
        "owner": "Dana Ruiz",
        "newest": day(2),
        "missing": (day(3),),
        "wanted": day(3),
        "expected_by": at(4, 17),
        "usually_by": "07:10",
        "rows": 61200,
        "usual_rows": 61180.5,
        "min_rows_share": 0.7,
        "frozen": ("INC-2026-00418", "INC-2026-00425"),
    }
    return DataIncident(**(known | told))


HELD: dict[str, Any] = {"trouble": Trouble.HELD, "since": at(4, 14, 12), "missing": (), "held": held()}
MALICE: dict[str, Any] = {"partner_name": "Müller & Söhne <@U0123456>", "owner": "<!channel>"}

DATA_EXAMPLES: dict[str, DataIncident] = {
    "feed_late": data_incident(),
    "feed_late_and_new": data_incident(usually_by=None, usual_rows=None, frozen=()),
    "feed_silent": data_incident(
        trouble=Trouble.SILENT,
        missing=(day(3), day(4), day(5)),
        wanted=day(5),
        frozen=tuple(f"INC-2026-{n:05d}" for n in range(1, 215)),
    ),
    "feed_held": data_incident(**HELD),
    "feed_held_and_not_readable": data_incident(
        **(HELD | {"held": held(codes=("LAYOUT_CHANGED", "EMPTY"), is_releasable=False, rows_in=0)})
    ),
    "feed_small": data_incident(
        trouble=Trouble.SMALL, newest=day(3), missing=(), rows=18204, frozen=("INC-2026-00418",), since=at(4, 15)
    ),
    "feed_without_sales": data_incident(
        trouble=Trouble.NO_SALES,
        newest=day(3),
        missing=(),
        rows=61180,
        units_sold=0.0,
        usual_units_sold=48210.0,
        frozen=(),
        since=at(4, 15),
    ),
    "feed_names_that_mean_harm": data_incident(
        **(HELD | MALICE | {"held": held(file_name="<!here> & <https://evil.example|free>\n*bold*.csv")})
    ),
    "feed_long_names": data_incident(
        partner_name=LONG_150[:80], feed_id="a" * 63, owner=LONG_150, **(HELD | {"held": held(file_name=LONG_150 * 2)})
    ),
    "feed_resolved": data_incident(
        standing=Standing.RESOLVED, newest=day(3), missing=(), frozen=(), ended_at=at(5, 2, 30)
    ),
    "feed_resolved_with_dates_still_missing": data_incident(
        standing=Standing.RESOLVED,
        newest=day(3),
        missing=(),
        skipped=(day(1), day(2)),
        frozen=(),
        ended_at=at(5, 2, 30),
    ),
}
