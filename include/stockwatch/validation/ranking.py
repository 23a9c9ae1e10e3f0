"""How well a list puts first what matters most."""

from __future__ import annotations

import numpy as np

from include.stockwatch.domain.panel import Array


def rank_correlation(said: Array, true: Array) -> float | None:
    """Spearman's coefficient within a replication, averaged over the replications."""
    if not true.any():
        return None
    of_true = _ranks(true)
    return float(np.mean([np.corrcoef(_ranks(one), of_true)[0, 1] for one in said]))


def _ranks(values: Array) -> Array:
    """Mean rank where values tie."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    above = np.cumsum(counts)
    ranks: Array = (above - (counts - 1) / 2)[inverse]
    return ranks


def captured_by_first_tenth(order: Array, worth: Array) -> float:
    """Share of what was lost that the first tenth of a list holds, averaged over lists; ties share their places."""
    many = max(round(worth.size / 10), 1)
    shares = []
    for figures in order:
        cut = np.sort(figures)[-many]
        above, tied = figures > cut, figures == cut
        shares.append(worth[above].sum() + worth[tied].sum() * (many - above.sum()) / tied.sum())
    return float(np.mean(shares) / worth.sum())
