"""What the files of the config folder may say.

feeds/<feed>.yaml   one partner profile per feed, the file name being the feed's id (see feed.py)
master/<feed>.yaml  one definition per feed of master data (see master.py; optional)
thresholds.yaml     dependable-access thresholds
routes.yaml         who is told, and who owns it
lost_customers.yaml assumptions of the lost-customer model (optional)
promises.yaml       what partners are held to beside availability (optional)
signals.yaml        what is done with what customers say (optional)
stockwatch.yaml     landing, look-back and gate (optional)
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping

from pydantic import Field

from include.stockwatch.alerting.mass_change import MassChangeSettings
from include.stockwatch.alerting.routing import Routes
from include.stockwatch.domain.availability import CheckSettings
from include.stockwatch.domain.causes import ScopeSettings
from include.stockwatch.domain.losses import CustomerModel
from include.stockwatch.domain.promise import Promises
from include.stockwatch.domain.reported import AbsentMeans
from include.stockwatch.domain.supply import SupplySettings
from include.stockwatch.domain.thresholds import Thresholds
from include.stockwatch.domain.value import Value
from include.stockwatch.settings.feed import Feed, Identifier
from include.stockwatch.settings.master import Master
from include.stockwatch.settings.signals import SignalSettings


class GateSettings(Value):
    """Which dates are checked by themselves."""

    history_days: int = Field(default=14, ge=1, le=400, description="dates older than this are loaded, not checked")
    wait_minutes: int = Field(default=30, ge=0, le=1440, description="how long a file being ingested holds a date back")


class Stockwatch(Value):
    """`stockwatch.yaml`: the few settings that belong to no feed."""

    tenant: Identifier = "stockwatch"
    landing_url: str | None = Field(default=None, description="default: the folder `landing` in STOCKWATCH_HOME")
    docs_url: str | None = Field(
        default=None, pattern=r"^https?://\S+$", description="where this project's files are shown; messages link there"
    )
    max_file_mb: int = Field(default=2048, ge=1, description="a larger file is held unread")
    check: CheckSettings = CheckSettings()
    supply: SupplySettings = SupplySettings()
    scope: ScopeSettings = ScopeSettings()
    gate: GateSettings = GateSettings()
    mass_change: MassChangeSettings = MassChangeSettings()


class Settings(Value):
    """The whole config folder."""

    feeds: Mapping[str, Feed]
    feeds_left_out: bool = Field(
        default=False, description="some feed definition is wrong, so its partner is not known"
    )
    masters: Mapping[str, Master] = {}
    masters_left_out: frozenset[str] = Field(default=frozenset(), description="those whose definition is wrong")
    thresholds: Thresholds
    routes: Routes
    lost_customers: CustomerModel
    promises: Promises = Promises()
    signals: SignalSettings = SignalSettings()
    stockwatch: Stockwatch

    def receiving(self) -> Mapping[str, Feed | Master]:
        """Everything that files arrive for, by its id."""
        return {**self.feeds, **self.masters}

    def master_ids(self) -> set[str]:
        """Ids of the master data that count. What a definition that is wrong now brought before still does."""
        return {*self.masters, *self.masters_left_out}

    def wholly_delivered(self, delivered: Collection[str]) -> set[str]:
        """Partners all of whose feeds are among those delivered; none can be vouched for while a feed is left out."""
        if self.feeds_left_out:
            return set()
        missing = {feed.partner for feed_id, feed in self.feeds.items() if feed_id not in delivered}
        return {feed.partner for feed in self.feeds.values()} - missing

    def main_feeds(self) -> dict[str, Feed]:
        """Feeds with series of their own: all that add to no other."""
        return {feed_id: feed for feed_id, feed in self.feeds.items() if feed.adds_to is None}

    def adds_to(self) -> dict[str, str]:
        """The main feed of each feed that adds to one; nothing where that one is left out."""
        named = ((feed_id, feed.adds_to) for feed_id, feed in self.feeds.items() if feed.adds_to)
        return {feed_id: main for feed_id, main in named if main in self.feeds}

    def fresh(self, delivered: Collection[str]) -> set[str]:
        """Partners of whom anything can be decided: a main feed of theirs is among those delivered."""
        return {feed.partner for feed_id, feed in self.main_feeds().items() if feed_id in delivered}

    def resting(self, business_date: dt.date) -> set[str]:
        """Partners none of whose main feeds reports this date."""
        mains = self.main_feeds().values()
        return {one.partner for one in mains} - {one.partner for one in mains if one.expected.is_due(business_date)}

    def absent_means(self) -> dict[str, AbsentMeans]:
        """What an absent row means, by feed."""
        return {feed_id: feed.absent_means for feed_id, feed in self.feeds.items()}
