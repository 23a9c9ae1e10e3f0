"""What shoppers complain about: mostly that they could not find something, now and then anything else."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from include.stockwatch.simulation.parameters import Parameters

CHANNELS = ("phone", "web", "store")
OTHER = ("quality", "price", "pack", "service", "other")
TEXTS = {
    "could_not_find": (
        "Was not on the shelf again, went home without it",
        "Sold out for days, when will it be back",
        "They said there is some in the back, nobody could find it",
    ),
    "quality": ("Tasted stale, well before the date", "The lid was broken"),
    "price": ("Dearer than on your website", "Charged more at the till than on the shelf"),
    "pack": ("The pack has become smaller", "The bar code did not scan"),
    "service": ("Nobody at the counter could help", "Waited two weeks for an answer"),
    "other": ("Please bring the lemon one back", "Is it vegan?"),
}
STORE_KNOWN = 0.8
ITEM_KNOWN = 0.9


def complaints(truth: pa.Table, parameters: Parameters, rng: np.random.Generator) -> pa.Table:
    """One row per complaint. A complaint about an empty shelf comes from a unit that was wanted and not there.

    Nulls: the store is not always told, nor the item
    """
    lost = truth.column("lost_units").to_numpy()
    sold = truth.column("units_sold").to_numpy()
    missing = np.repeat(np.arange(len(lost)), rng.binomial(lost.clip(0).astype(int), parameters.complaint_rate))
    other = np.repeat(np.arange(len(sold)), rng.binomial(sold.astype(int), parameters.other_complaint_rate))
    row = np.concatenate([missing, other])
    kinds = ["could_not_find"] * len(missing) + rng.choice(OTHER, len(other)).tolist()
    said = truth.select(["business_date", "partner", "location_id", "item_id"]).take(pa.array(row))
    table = said.set_column(2, "location_id", _known(said.column("location_id"), rng.random(len(row)) < STORE_KNOWN))
    table = table.set_column(3, "item_id", _known(said.column("item_id"), rng.random(len(row)) < ITEM_KNOWN))
    table = table.append_column("channel", pa.array(rng.choice(CHANNELS, len(row)).tolist(), pa.string()))
    table = table.append_column("kind", pa.array(kinds, pa.string()))
    picks = rng.integers(0, 6, len(row))
    texts = [TEXTS[kind][pick % len(TEXTS[kind])] for kind, pick in zip(kinds, picks, strict=True)]
    table = table.append_column("complaints", pa.array(np.ones(len(row), int)))
    table = table.append_column("text", pa.array(texts, pa.string()))
    return table.sort_by([("business_date", "ascending"), ("partner", "ascending")])


def _known(values: pa.ChunkedArray, is_known: np.ndarray) -> pa.Array:
    texts = [value if known else None for value, known in zip(values.to_pylist(), is_known.tolist(), strict=True)]
    return pa.array(texts, pa.string())
