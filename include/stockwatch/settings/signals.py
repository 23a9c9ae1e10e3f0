"""`signals.yaml`: what is done with what customers say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, model_validator

from include.stockwatch.alerting.routing import Channel
from include.stockwatch.domain.customer_signals import ComplaintKind
from include.stockwatch.domain.signals import NotFound
from include.stockwatch.domain.value import Value

Strength = Annotated[float, Field(ge=0, le=1)]


class Relay(Value):
    """Who is told of some kinds of complaints."""

    kinds: tuple[ComplaintKind, ...] = Field(min_length=1)
    channel: Channel
    owner: str = Field(min_length=1, description="the person who acts, as named in messages")


class SignalSettings(Value):
    """The whole file; without it complaints are read and relayed to nobody."""

    not_found: NotFound = NotFound()
    relay: tuple[Relay, ...] = ()
    relay_days: int = Field(default=7, ge=1, le=28, description="complaints of older days are not relayed")
    loyalty_days: int = Field(default=365, ge=1, le=3650, description="days that a measured loyalty figure counts for")
    promise_strength: Mapping[str, Strength] = Field(
        default={}, description="brand -> how strong its promise is, 0..1, until its repeat rate is measured"
    )

    @model_validator(mode="after")
    def _tells_each_kind_once(self) -> SignalSettings:
        kinds = [kind for one in self.relay for kind in one.kinds]
        repeated = sorted({kind.value for kind in kinds if kinds.count(kind) > 1})
        if repeated:
            raise ValueError(f"each kind is relayed to one channel; given twice: {', '.join(repeated)}")
        return self

    def relay_of(self, kind: ComplaintKind) -> Relay | None:
        """Who is told of a kind."""
        return next((one for one in self.relay if kind in one.kinds), None)
