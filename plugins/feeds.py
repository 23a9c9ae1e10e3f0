"""The page *Feeds* in the navigation: how every feed stands, and what became of its latest dates.

Airflow puts no guard before a plugin's routes, so the route carries its own, and shows the feeds whose Dags a user may
read. The plugin file is imported by every Airflow process: the application is built at its first request.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from include.stockwatch.workflows.feed_status import Day, FeedStatus

STYLE = """
:root { color-scheme: light dark; --line: light-dark(#d0d5dd, #3b4252); --dim: light-dark(#5a6474, #a3adbf);
  --good: light-dark(#146c3a, #6fdc9b); --bad: light-dark(#b3261e, #ff897d); --warn: light-dark(#8a5a00, #ffc66d);
  --new: light-dark(#2456b8, #8ab4ff); --box: light-dark(#fff, #171b24); --page: light-dark(#f7f8fa, #0f1218) }
* { box-sizing: border-box }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0; background: var(--page) }
main { max-width: 76rem; margin: 0 auto; padding: 1rem 1.5rem 3rem }
h1 { font-size: 1.3rem; margin: .25rem 0 } h2 { font-size: 1.1rem; margin: 0 }
article { background: var(--box); border: 1px solid var(--line); border-radius: 8px; padding: 1rem 1.25rem;
  margin: 1rem 0 }
header { display: flex; gap: .75rem; align-items: baseline; flex-wrap: wrap }
.status { font-weight: 600; border: 1px solid currentColor; border-radius: 99px; padding: 0 .7rem }
.good { color: var(--good) } .bad { color: var(--bad) } .warn { color: var(--warn) } .new { color: var(--new) }
.dim { color: var(--dim) }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: .6rem 1.5rem; margin: .8rem 0 }
dt { color: var(--dim); font-size: .85rem } dd { margin: 0; overflow-wrap: anywhere }
.days { overflow-x: auto } table { border-collapse: collapse; font-size: .85rem; width: 100% }
th, td { border: 1px solid var(--line); padding: .3rem .5rem; text-align: left; vertical-align: top; min-width: 4.5rem }
th { font-weight: 500; white-space: nowrap } td span { font-weight: 600 } td small { display: block; color: var(--dim);
  overflow-wrap: anywhere; line-height: 1.3; margin-top: .15rem }
a { color: var(--new) } .problem { color: var(--bad); font-weight: 600 }
"""
SCRIPT = """
const out = window.parent;
if (out !== window) {
  const dark = out.document.documentElement.classList.contains("dark");
  document.documentElement.style.colorScheme = dark ? "dark" : "light";
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link) return;
    event.preventDefault();
    const there = out.document.createElement("a");
    there.href = link.href;
    out.document.body.append(there);
    there.click();
    there.remove();
  });
}
"""
"""The page stands in a frame that may not lead anywhere: links are followed by the page around it."""

SCRIPT_HASH = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
CONTENT_POLICY = (
    f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{SCRIPT_HASH}'; frame-ancestors 'self'; "
    "sandbox allow-scripts allow-same-origin; form-action 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-store",
}
TONES = {
    "on time": "good",
    "in place": "good",
    "restated": "new",
    "late": "bad",
    "silent": "bad",
    "held": "bad",
    "rejected": "bad",
    "missing": "bad",
    "small": "warn",
}
UP = "../.."
"""From the page to the root of this Airflow, whatever prefix it has."""


def build_app() -> Any:
    """The application with its one route."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
    from airflow.api_fastapi.core_api.security import get_user, requires_access_view
    from fastapi import Depends, FastAPI
    from fastapi.responses import HTMLResponse

    from include.stockwatch.orchestration import services
    from include.stockwatch.workflows.feed_status import feed_statuses, list_statuses

    app = FastAPI(title="Stockwatch feeds", docs_url=None, redoc_url=None, openapi_url=None)

    may_read = [Depends(requires_access_view(AccessView.WEBSITE))]

    @app.get("/all", dependencies=may_read, response_class=HTMLResponse)
    def feeds(user: Any = Depends(get_user)) -> Any:  # noqa: B008  (FastAPI's way to name a dependency)
        made = services()  # anew each time: settings change
        readable = {dag.removeprefix("ingest_") for dag in get_auth_manager().get_authorized_dag_ids(user=user)}
        found, lists = feed_statuses(made, readable), list_statuses(made, readable)
        made.state.engine.dispose()
        return HTMLResponse(page(found, made.now(), lists), headers=HEADERS)

    return app


def page(feeds: Sequence[FeedStatus], now: dt.datetime, lists: Sequence[FeedStatus] = ()) -> str:
    """The whole page, feeds and lists of master data; every text is escaped."""
    well = sum(one.status.value in ("on time", "restated") for one in feeds)
    body = "".join(_feed(one) for one in feeds) or "<p>No feed that you may see.</p>"
    if lists:
        body += "<h1>Master data</h1><p class=dim>Lists of items, locations, supply links, assortment and owners: the "
        body += "last whole list counts until another is published.</p>" + "".join(_feed(one) for one in lists)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Feeds</title><style>{STYLE}</style></head>'
        f"<body><main><h1>Feeds</h1><p class=dim>{well} of {len(feeds)} are on time and whole. "
        f"Seen {now:%a %d %b %Y %H:%M} UTC.</p>{body}</main><script>{SCRIPT}</script></body></html>"
    )


def _feed(one: FeedStatus) -> str:
    facts = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in _facts(one))
    days = f"<div class=days><table><tr>{_heads(one)}</tr><tr>{_cells(one)}</tr></table></div>" if one.days else ""
    return (
        f'<article id="{escape(one.feed_id)}"><header><h2>{escape(one.partner_name)}</h2>'
        f"<span class=dim>{escape(one.feed_id)}</span>{_status(one)}</header><dl>{facts}</dl>{days}</article>"
    )


def _status(one: FeedStatus) -> str:
    words = {
        "held": "held: waiting for a decision",
        "late": f"late since {_moment(one.since, one)}",
        "silent": f"silent since {_moment(one.since, one)}",
        "small": "smaller than usual",
    }
    word = escape(words.get(one.status.value, one.status.value))
    tone = TONES.get(one.status.value, "dim")
    release = f" {_link('decide', 'release_feed', one.release_run)}" if one.release_run else ""
    return f'<span class="status {tone}">{word}</span>{release}'


def _facts(one: FeedStatus) -> list[tuple[str, str]]:
    facts = [("Newest date", f"{one.newest:%a %d %b %Y}")] if one.newest else []
    if one.expected_by:
        usual = f"usually there by {one.usually_by}" if one.usually_by else "usual arrival not known yet"
        facts.append(("Expected by", f"{_moment(one.expected_by, one)} <span class=dim>({escape(usual)})</span>"))
    if one.last:
        last = one.last
        run = _link(last.file_name, one.dag_id, last.run_id, "/plugin/data-quality")
        facts.append(("Last delivery", f"{run}<br>{_moment(last.received_at, one)}, {escape(last.status)}"))
        told = {"in": last.rows_in, "published": last.rows_published, "rejected": last.rows_rejected}
        told |= {"parked": last.rows_parked, "dropped": last.rows_dropped}
        facts.append(("Its rows", ", ".join(f"{count:,} {word}" for word, count in told.items())))
    if one.usual_rows:
        facts.append(("Usual rows", f"{one.usual_rows:,.0f} a date"))
    if one.incident:
        told_of = f"{escape(one.incident.incident_id)}, {escape(one.incident.trouble.value)}"
        since = _moment(one.incident.since, one)
        facts.append(("Data incident", f"<span class=problem>{told_of}</span>, open since {since}"))
    return facts


def _heads(one: FeedStatus) -> str:
    return "".join(f"<th scope=col>{day.date:%a}<br>{day.date:%d %b}</th>" for day in one.days)


def _cells(one: FeedStatus) -> str:
    return "".join(f"<td>{_day(day, one)}</td>" for day in one.days)


def _day(day: Day, one: FeedStatus) -> str:
    tone = TONES.get(day.state.value, "dim")
    shown = f'<span class="{tone}">{escape(day.state.value)}</span>'
    if day.file_name:
        shown += f"<small>{_link(day.file_name, one.dag_id, day.run_id, '/plugin/data-quality')}</small>"
    return shown + "".join(f"<small>before: {escape(name)}</small>" for name in day.earlier)


def _link(text: str, dag_id: str, run_id: str | None, tail: str = "") -> str:
    if not run_id:
        return escape(text)
    return f'<a href="{UP}/dags/{quote(dag_id, safe="")}/runs/{quote(run_id, safe="")}{tail}">{escape(text)}</a>'


def _moment(at: dt.datetime | None, one: FeedStatus) -> str:
    return escape(f"{at.astimezone(one.zone):%a %d %b %H:%M} {one.zone.key}") if at else ""


class LazyApp:
    """Builds the application when the first request comes."""

    app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request."""
        if LazyApp.app is None:
            LazyApp.app = build_app()
        await LazyApp.app(scope, receive, send)


class Feeds(AirflowPlugin):
    """Registers the route and the page."""

    name = "stockwatch_feeds"
    fastapi_apps: ClassVar = [{"app": LazyApp(), "url_prefix": "/stockwatch/feeds", "name": "Stockwatch feeds"}]
    external_views: ClassVar = [
        {
            "name": "Feeds",
            "href": "stockwatch/feeds/all",
            "destination": "nav",
            "url_route": "feeds",
            "nav_top_level": True,
        }
    ]
