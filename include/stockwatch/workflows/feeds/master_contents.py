"""What one file of master data says: every row published or rejected with a reason."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from include.stockwatch.adapters.feeds import master_rows
from include.stockwatch.adapters.feeds.faults import Fault
from include.stockwatch.adapters.feeds.raw import LINE, Batch
from include.stockwatch.domain import gtin
from include.stockwatch.errors import Hold, HoldCode
from include.stockwatch.settings.feed import Feed
from include.stockwatch.settings.master import Master
from include.stockwatch.workflows.feeds.contents import SOURCE, Contents, batches
from include.stockwatch.workflows.feeds.rejected import REJECT_ROWS, reject_rows
from include.stockwatch.workflows.feeds.stage import Stage


def as_feed(master: Master) -> Feed:
    """A definition as the readers of tables take it: they ask for its format and columns alone."""
    return cast(Feed, master)


def read_master(path: Path, name: str, master: Master, folder: Path, engine: Any) -> Contents:
    """Read a file whole. Its rows are those of the table, without what all rows of a file share.

    Every row of the file is counted once: rows_in = rows_good + rows rejected.
    """
    shutil.rmtree(folder, ignore_errors=True)
    schema = master_rows.schema_of(master).append(pa.field(SOURCE, pa.int64()))
    read = Contents(Stage(folder / "found", schema), Stage(folder / "waiting", REJECT_ROWS))
    file = _File(path, name, master, folder / "members")
    gtins = _gtins(file, read)
    for number, batch in file.batches(read):
        bound = master_rows.bind(batch, master, gtins)
        read.rows_in += len(batch.rows) + len(batch.rejects)
        read.found.add(bound.rows.append_column(SOURCE, pa.repeat(pa.scalar(number), len(bound.rows))))
        read.reject(reject_rows(bound.rejects, read.sources[number]))
    _reject_repeated(file, read, engine)
    read.rows_good = len(read.found)
    return read


@dataclass(frozen=True)
class _File:
    """A file that is read more than once: what needs the whole of it comes before or after its rows."""

    path: Path
    name: str
    master: Master
    members: Path

    def batches(self, read: Contents | None = None) -> Iterator[tuple[int, Batch]]:
        """Its batches, each with the number of its member; what is learnt of the file goes into `read`."""
        read = read or Contents(Stage(self.members, REJECT_ROWS), Stage(self.members, REJECT_ROWS))
        for _, _, batch in batches(self.path, self.name, as_feed(self.master), self.members, read):
            yield len(read.sources) - 1, batch


def _gtins(file: _File, read: Contents) -> dict[str, str]:
    """What the texts of the file's GTIN columns are: all of them together tell whether digits were lost."""
    columns, repair = file.master.gtins()
    if not columns:
        return {}
    texts = {text for _, batch in file.batches() for text in master_rows.gtin_texts(batch, file.master)}
    found = gtin.resolve(sorted(texts), repair=repair)
    share = f"{found.pass_share:.0%} of {len(texts)} different GTINs have a valid check digit"
    if found.verdict is gtin.Verdict.UNCLEAR:
        fix = "ask what the column holds; `repair: false` rejects every number that is no GTIN by itself"
        what = f"{share}: too few to be GTINs, too many to lack the digit"
        read.holds.append(Hold(HoldCode.ID_REPAIR_UNCLEAR, what, fix))
    elif found.repaired:
        what = "check digits were put back" if found.verdict is gtin.Verdict.NO_CHECK_DIGITS else "zeros were put back"
        read.warnings.append({"code": "IDS_REPAIRED", "source": "", "line": 0, "what": f"{share}: {what}"})
    return found.gtins


def _reject_repeated(file: _File, read: Contents, engine: Any) -> None:
    """Reject every row whose key another row has; the file is read again for them as they came."""
    import ibis

    if not file.master.key:  # two alike are two
        return
    key, ids = (
        ("partner", *file.master.key),
        [name for name in ("location_id", "item_id") if name in read.found.schema.names],
    )
    rows = read.found.table(engine).mutate(times=ibis._.count().over(group_by=key))
    repeated = engine.to_pyarrow(rows.filter(rows.times > 1).select(SOURCE, LINE, *ids)).to_pylist()
    places = {(row.pop(SOURCE), row.pop(LINE)): row for row in repeated}
    if not places:
        return
    fault = _repeated(file.master)
    for number, batch in file.batches():
        lines = pa.array([line for of, line in places if of == number], pa.int64())
        cells = batch.rows.filter(pc.is_in(batch.rows.column(LINE), lines)).to_pylist()
        rejects = (master_rows.rejected(row, fault, **places[number, row[LINE]]) for row in cells)
        read.reject(reject_rows(rejects, read.sources[number]))
    read.found = read.found.replace(list(_others(read.found, set(places))))


def _repeated(master: Master) -> Fault:
    """What is wrong with rows of one key."""
    columns = master.bound()
    key = [name for name in ("partner", *master.key) if name in columns or name == "item_id"]
    shown = columns.get(key[-1]) or columns.get("gtin") or columns.get("partner_item_id") or ""
    fix = "ask which of the rows counts; none is published"
    return Fault("DUPLICATE_KEY", shown, f"the same {', '.join(key)} more than once", fix)


def _others(rows: Stage, places: set[tuple[int, int]]) -> Iterator[pa.Table]:
    """The rows that stand at none of some places."""
    for part in rows:
        at = zip(part.column(SOURCE).to_pylist(), part.column(LINE).to_pylist(), strict=True)
        yield part.filter(pa.array([place not in places for place in at], pa.bool_()))
