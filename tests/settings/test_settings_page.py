"""docs/settings.md has every setting."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from include.stockwatch.alerting.routing import Routes
from include.stockwatch.domain.losses import CustomerModel
from include.stockwatch.domain.promise import Promises
from include.stockwatch.domain.thresholds import Thresholds
from include.stockwatch.settings import master, signal_feeds
from include.stockwatch.settings.feed import Feed
from include.stockwatch.settings.models import Stockwatch
from include.stockwatch.settings.signals import SignalSettings

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "settings.md").read_text("utf-8")
MASTERS = [
    one
    for module in (master, signal_feeds)
    for one in vars(module).values()
    if isinstance(one, type) and issubclass(one, BaseModel) and one.__module__ == module.__name__
]


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in typing.get_args(annotation):
        yield from models_in(part)


def fields_of(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Every field of a model and of the models in it, with the model it is of."""
    for name, field in model.model_fields.items():
        yield model.__name__, field.alias or name
        for inner in models_in(field.annotation):
            yield from fields_of(inner)


@pytest.mark.parametrize(
    "model", [Feed, Stockwatch, SignalSettings, Routes, CustomerModel, Promises, Thresholds, *MASTERS]
)
def test_every_setting_is_on_the_settings_page(model: type[BaseModel]) -> None:
    found = set(fields_of(model))
    assert found, "a model without fields would prove nothing"
    assert sorted((owner, name) for owner, name in found if not re.search(rf"\b{re.escape(name)}\b", PAGE)) == []
