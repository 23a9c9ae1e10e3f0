"""Columns of Arrow tables as arrays of numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from include.stockwatch.domain.daily import AS_OF
from include.stockwatch.domain.panel import Array, Codes, Dates

if TYPE_CHECKING:
    import pyarrow as pa


def codes(*columns: pa.ChunkedArray) -> Codes:
    """A number from 0 on for each combination of values that occurs, in their order; null is a value too, the last."""
    import pyarrow.compute as pc

    found = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        coded = column.combine_chunks().dictionary_encode()
        rank = np.empty(len(coded.dictionary) + 1, np.int64)
        rank[pc.sort_indices(coded.dictionary).to_numpy()] = np.arange(len(coded.dictionary))
        rank[-1] = len(coded.dictionary)
        place = rank[coded.indices.fill_null(len(coded.dictionary)).to_numpy()]
        found = np.unique(found * len(rank) + place, return_inverse=True)[1].astype(np.int64)
    return found


def numbers(table: pa.Table, name: str) -> Array:
    """A column of numbers; NaN for null."""
    column: Array = table[name].to_numpy(zero_copy_only=False).astype(float)
    return column


def checked_on(series: pa.Table) -> Dates:
    """The checked date of every row."""
    return np.asarray(series[AS_OF].to_numpy(), "datetime64[D]")


def age_of(table: pa.Table, name: str) -> Array:
    """A date as days before the checked one; NaN where it is not known."""
    since = table[name].to_numpy().astype("datetime64[D]")
    return np.where(np.isnat(since), np.nan, (checked_on(table) - since).astype(float))
