"""Which module reads which format. Each is imported at its first use: a task reads files of one kind."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from include.stockwatch.adapters.feeds.raw import Reader

KINDS = ("csv", "xlsx", "html", "parquet", "jsonl", "x12", "edifact")


def reader_of(kind: str) -> Reader:
    """The reader of a format, by the `kind` of the feed definition."""
    if kind not in KINDS:
        raise ValueError(f"no format `{kind}`")
    return cast(Reader, import_module(f"include.stockwatch.adapters.feeds.{kind}").read)
