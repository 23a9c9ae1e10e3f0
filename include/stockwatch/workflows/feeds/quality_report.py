"""The quality report of an ingest run: what became of the file, and the Great Expectations page of its rows."""

from __future__ import annotations

from html import escape

from include.stockwatch.adapters.state import ledger
from include.stockwatch.adapters.state.ledger import Delivery
from include.stockwatch.workflows.services import Services

STYLE = """
:root { color-scheme: light dark; --line: #8885; --bad: #b3261e; --good: #1b6e3c }
@media (prefers-color-scheme: dark) { :root { --bad: #ff897d; --good: #6fdc9b } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 0 auto; padding: 1rem 1.5rem }
h1 { font-size: 1.25rem; margin: 0 0 .75rem } h2, h4, h5 { font-size: 1.05rem; margin: 1.5rem 0 .5rem }
table { border-collapse: collapse; margin: .5rem 0 }
th, td { border: 1px solid var(--line); padding: .3rem .6rem; text-align: left; vertical-align: top }
th { font-weight: 600 }
.held { color: var(--bad); font-weight: 600 } .published { color: var(--good); font-weight: 600 }
/* Great Expectations' own markup */
nav, footer, .sticky, .card, .modal, .popover, .cooltip, button, [data-toggle=collapse], .collapse { display: none }
a[href^=".."] { color: inherit; text-decoration: none; pointer-events: none }
.fa-times::before { content: "failed "; color: var(--bad); font-style: normal; font-weight: 600 }
.fa-check-circle::before { content: "met "; color: var(--good); font-style: normal; font-weight: 600 }
.fa-exclamation-triangle::before { content: "error "; color: var(--bad); font-style: normal; font-weight: 600 }
.lead { margin: 0 0 .5rem } li { list-style: none } ul { padding: 0 } thead[hidden] { display: none }
"""


MOST_WARNINGS = 10


def page_of_run(services: Services, feed_id: str, run_id: str) -> str | None:
    """The report of the file that a Dag run ingested, as a whole HTML page; none if the run ingested no file.

    Every text of the file is escaped.
    """
    with services.state.begin() as tx:
        found = ledger.delivery_of_run(tx, feed_id, run_id)
    if found is None:
        return None
    stored = services.quality_page(found.feed_id, found.delivery_id)
    checks = (
        stored.read_text("utf-8") if stored.is_file() else "<p>The file could not be read, so no row was checked.</p>"
    )
    checks = f"<p>Ranges are checked on the different values of each column, so counts below are of values.</p>{checks}"
    title = escape(f"Data quality: {found.file_name}")
    head = f'<head><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style></head>'
    body = f"<body><main>{_outcome(found)}{checks}</main></body>"
    return f'<!doctype html><html lang="en">{head}{body}</html>'


def _outcome(found: Delivery) -> str:
    rows = {
        "Feed": found.feed_id,
        "Received": f"{found.received_at:%Y-%m-%d %H:%M} UTC",
        "Rows": f"{found.rows_in:,} in, {found.rows_published:,} published, {found.rows_rejected:,} rejected, "
        f"{found.rows_parked:,} parked, {found.rows_dropped:,} dropped",
        "Dates": _dates(found),
        "Rejected": ", ".join(f"{code} {count:,}" for code, count in sorted(found.reject_codes.items())) or "none",
        "Dropped": ", ".join(f"{rule} {count:,}" for rule, count in sorted(found.drop_rules.items())) or "none",
        "Interchanges": ", ".join(f"{one['sender']} {one['number']}" for one in found.controls),
        "Changed": _restated(found),
        "Decided": f"{found.decision} by {found.decided_by}" if found.decision else "",
        "Warnings": "; ".join(f"{one['code']}: {one['what']}" for one in found.warnings[:MOST_WARNINGS]),
    }
    rows = {name: text for name, text in rows.items() if text}
    lines = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows.items())
    holds = "".join(
        f'<p><span class="held">{escape(hold["code"])}</span> {escape(hold["what"])}<br>Fix: {escape(hold["fix"])}</p>'
        for hold in found.holds
    )
    status = f'<span class="{escape(found.status)}">{escape(found.status)}</span>'
    return f"<h1>{escape(found.file_name)}: {status}</h1>{holds}<table>{lines}</table>"


def _restated(found: Delivery) -> str:
    """What the file changed of dates that were delivered before."""
    if not found.restated:
        return ""
    figures = {name: f"{count:,}" for name, count in found.restated.items()}
    return "{rows_changed} of {rows_known_before} known rows of {dates} dates, {rows_gone} gone".format(**figures)


def _dates(found: Delivery) -> str:
    if not found.business_dates:
        return "none"
    first, last = found.business_dates[0], found.business_dates[-1]
    return first if first == last else f"{len(found.business_dates)} dates, {first} to {last}"
