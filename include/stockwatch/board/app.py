"""The routes of the board. Every one of them asks who is looking first; writes ask whether they may (A-82)."""

import hashlib
import logging
import secrets
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar

import jinja2
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException as StarletteHTTPException

from include.stockwatch.alerting.incident import Incident
from include.stockwatch.alerting.messages.tables import as_csv
from include.stockwatch.board import actions, export, feeds, heatmap, incident, incidents, overview, tables, words
from include.stockwatch.board.access import HEADERS, Desk, refusal
from include.stockwatch.errors import ConfigError, StoreLost
from include.stockwatch.workflows.checks.idle_rules import CUSTOMERS, PROMISES, ROUTES, SIGNALS, THRESHOLDS
from include.stockwatch.workflows.feeds.quality_report import page_of_run
from include.stockwatch.workflows.services import Services

HERE = Path(__file__).parent
STATIC = {
    "board.js": "text/javascript; charset=utf-8",
    "theme.js": "text/javascript; charset=utf-8",
    "board.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
PREFIX = "/stockwatch/board"
"""Where the plugin mounts the board, below the root of Airflow."""
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox; form-action 'none'; "
    "base-uri 'none'"
)
"""Of a quality report: no script at all runs in it."""
PAGES = (
    ("overview", "Overview"), ("heatmap", "Heatmap"), ("incidents", "Worklist"), ("feeds", "Feeds"),
    ("scorecard", "Scorecard"), ("quality-of-alerts", "Alert quality"), ("routes", "Routes & owners"),
    ("silences", "Silences"), ("deliveries", "Messages"), ("thresholds", "Thresholds"),
)  # fmt: skip

log = logging.getLogger(__name__)
router = APIRouter()
M = TypeVar("M", bound=BaseModel)


def create_app(services: Callable[[], Services], viewer: Callable[..., Any]) -> FastAPI:
    """The board. `services` makes a request's services; `viewer` is a dependency that gives a `Viewer`, or refuses."""

    def seated(request: Request, who: Any = Depends(viewer)) -> Iterator[None]:  # noqa: B008  (FastAPI's way)
        request.state.desk = Desk(services(), who)
        try:
            yield
        finally:
            request.state.desk.close()

    app = FastAPI(title="Stockwatch board", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(router, dependencies=[Depends(seated)])
    _add_answers_to_errors(app)
    return app


def _seat(request: Request) -> Desk:
    """The desk of a request: `create_app` puts it there, before any route is asked."""
    found: Desk = request.state.desk
    return found


At = Annotated[Desk, Depends(_seat)]


def may_write(request: Request, at: At) -> None:
    """The guard of every write."""
    if not at.viewer.may_act:
        raise HTTPException(403, "you may look, and not act: ask for the right to trigger check_availability")
    if why := refusal(request):
        raise HTTPException(403, why)


@router.get("/")
def begin(request: Request) -> Response:
    """To the overview."""
    return RedirectResponse(f"{_base(request)}/overview", status_code=307)


@router.get("/overview")
def overview_page(request: Request, at: At) -> Response:
    """How things stand; its parts come after it."""
    return _page(request, at, "overview.html")


@router.get("/overview/tiles")
def overview_tiles(request: Request, at: At) -> Response:
    """The figures of now."""
    return _part(request, at, "overview_tiles.html", lambda: overview.tiles(at))


@router.get("/overview/worst")
def overview_worst(request: Request, at: At) -> Response:
    """What costs most."""
    return _part(request, at, "overview_worst.html", lambda: overview.worst(at))


@router.get("/overview/trend")
def overview_trend(request: Request, at: At) -> Response:
    """Availability of 13 weeks."""
    return _part(request, at, "overview_trend.html", lambda: overview.trend(at))


@router.get("/heatmap")
def heatmap_page(request: Request, at: At, by: str = "availability", category: str = "", page: str = "1") -> Response:
    """Partner by product."""
    chosen: heatmap.By = "money" if by == "money" else "availability"
    return _page(request, at, "heatmap.html", **heatmap.heatmap(at, chosen, category, _number(page)))


@router.get("/incidents")
def incidents_page(request: Request, at: At) -> Response:
    """The worklist."""
    return _page(request, at, "incidents.html", **incidents.incidents_page(at, request.query_params))


@router.get("/incidents/pending")
def pending_page(request: Request, at: At) -> Response:
    """What is not due yet. Before the incidents, one of which it is not."""
    return _page(request, at, "pending.html", **tables.pending_page(at))


@router.get("/incidents/{incident_id}")
def incident_page(request: Request, incident_id: str, at: At, location: str = "") -> Response:
    """One incident."""
    case = _found(at, incident_id)
    return _page(request, at, "incident.html", location=location, **incident.incident_page(at, case))


@router.get("/incidents/{incident_id}/timeline")
def incident_timeline(request: Request, incident_id: str, at: At, location: str = "") -> Response:
    """Sixty days of its item."""
    case = _found(at, incident_id)
    if not isinstance(case, Incident):
        raise HTTPException(404, f"{case.incident_id} is of no item, and has no timeline.")
    return _part(request, at, "incident_timeline.html", lambda: incident.timeline(at, case, location))


@router.get("/feeds")
def feeds_page(request: Request, at: At) -> Response:
    """Feed health."""
    return _page(request, at, "feeds.html", **feeds.feed_health(at))


@router.get("/scorecard")
def scorecard_page(request: Request, at: At, week: str = "") -> Response:
    """A week's promises."""
    return _page(request, at, "scorecard.html", **tables.scorecard_page(at, week))


@router.get("/quality-of-alerts")
def alert_quality_page(request: Request, at: At) -> Response:
    """Precision by rule."""
    return _page(request, at, "alert_quality.html", **tables.quality_page(at))


@router.get("/deliveries")
def deliveries_page(request: Request, at: At, status: str = "") -> Response:
    """Messages, and those that were given up."""
    return _page(request, at, "deliveries.html", **tables.deliveries_page(at, status))


@router.get("/routes")
def routes_page(request: Request, at: At) -> Response:
    """Routes, owners, and a dry run."""
    return _page(request, at, "routes.html", **tables.routes_page(at, request.query_params))


@router.get("/silences")
def silences_page(request: Request, at: At) -> Response:
    """What is quiet for a while."""
    return _page(request, at, "silences.html", **tables.silences_page(at))


@router.get("/routes/idle")
def routes_idle(request: Request, at: At) -> Response:
    """Routes that no series can take."""
    return _part(request, at, "idle.html", lambda: tables.idle(at, (ROUTES,)))


@router.get("/thresholds")
def thresholds_page(request: Request, at: At) -> Response:
    """Rules in force, and a change to replay."""
    return _page(request, at, "thresholds.html", **tables.thresholds_page(at, request.query_params))


@router.get("/thresholds/idle")
def thresholds_idle(request: Request, at: At) -> Response:
    """Rules that change nothing, but for routes."""
    files = (THRESHOLDS, PROMISES, CUSTOMERS, SIGNALS)
    return _part(request, at, "idle.html", lambda: tables.idle(at, files))


@router.get("/thresholds/replay")
def thresholds_replay(request: Request, at: At, rule: str = "", limit: str = "", value: str = "") -> Response:
    """What the change would have done."""
    return _part(request, at, "thresholds_replay.html", lambda: tables.replay(at, rule, limit, value))


@router.get("/csv/incidents")
def incidents_csv(request: Request, at: At) -> Response:
    """The worklist as a file."""
    rows, asked = incidents.exported(at, request.query_params)
    return _csv(at, incidents.COLUMNS, rows, "incidents", *asked.chosen.values())


@router.get("/csv/heatmap")
def heatmap_csv(at: At, category: str = "") -> Response:
    """The heatmap as a file."""
    rows = [row for row in heatmap.cells(at) if category in ("", row["category"])]
    return _csv(at, export.HEATMAP, rows, "heatmap", category)


@router.get("/csv/incidents/{incident_id}/{table}")
def incident_csv(incident_id: str, table: str, at: At, location: str = "") -> Response:
    """A table of one incident as a file."""
    case = _found(at, incident_id)
    rows = incident.exported(at, case, table, location)
    if rows is None:
        raise HTTPException(404, f"an incident has no table {table}")
    return _csv(at, list(rows[0]) if rows else ["empty"], rows, incident_id, table, location)


@router.get("/csv/{table}")
def plain_csv(table: str, at: At, week: str = "", status: str = "") -> Response:
    """The table of a plain page as a file."""
    rows = tables.exported(at, table, week, status)
    if rows is None:
        raise HTTPException(404, f"there is no table {table}")
    return _csv(at, list(rows[0]) if rows else ["empty"], rows, table, week, status)


@router.post("/actions", dependencies=[Depends(may_write)])
async def act(request: Request, at: At) -> Response:
    """Do something with incidents."""
    asked = await _asked(request, actions.Asked)
    return _told(*await run_in_threadpool(actions.act_on, at, asked))


@router.post("/messages", dependencies=[Depends(may_write)])
async def act_on_message(request: Request, at: At) -> Response:
    """Send a dead message again, or discard it."""
    asked = await _asked(request, actions.AskedOfMessage)
    return _told(*await run_in_threadpool(actions.act_on_message, at, asked))


@router.post("/silences", dependencies=[Depends(may_write)])
async def act_on_silence(request: Request, at: At) -> Response:
    """Make or end a silence."""
    asked = await _asked(request, actions.AskedOfSilence)
    return _told(*await run_in_threadpool(actions.act_on_silence, at, asked))


@router.get("/quality/{dag_id}")
def quality_report(dag_id: str, run_id: str, at: At) -> Response:
    """What Great Expectations found in the file of a run."""
    feed_id, readable = dag_id.removeprefix("ingest_"), at.viewer.feeds
    if dag_id == feed_id:
        raise HTTPException(404, "only the runs that ingest a feed have a quality report")
    if readable is not None and feed_id not in readable:
        raise HTTPException(403, "you may not read this feed")
    report = page_of_run(at.services, feed_id, run_id)
    if report is None:
        raise HTTPException(404, "No quality report: the run has archived no file yet, or a file that was known.")
    return HTMLResponse(report, headers={"Content-Security-Policy": REPORT_POLICY})


@router.get("/static/{name}")
def static(name: str) -> Response:
    """Script, style and icon; the address changes with the content."""
    if name not in STATIC:
        raise HTTPException(404, "no such file")
    kept = {"Cache-Control": "private, max-age=31536000, immutable"}
    return Response((HERE / "static" / name).read_bytes(), media_type=STATIC[name], headers=kept)


def _add_answers_to_errors(app: FastAPI) -> None:
    @app.exception_handler(StarletteHTTPException)
    async def refused(request: Request, error: StarletteHTTPException) -> Response:
        return _trouble(request, error.status_code, str(error.detail), error.headers)

    @app.exception_handler(RequestValidationError)
    async def misread(request: Request, error: RequestValidationError) -> Response:
        return _trouble(request, 422, f"the address cannot be read: {error.errors()[0].get('msg', '')}")

    @app.exception_handler(OperationalError)
    async def store_down(request: Request, error: OperationalError) -> Response:
        return _lost(request, error, 503)

    @app.exception_handler(StoreLost)
    async def other_store(request: Request, error: StoreLost) -> Response:
        return _trouble(request, 503, str(error))

    @app.exception_handler(ConfigError)
    async def wrong_settings(request: Request, error: ConfigError) -> Response:
        return _trouble(request, 500, str(error))

    @app.middleware("http")
    async def guarded(request: Request, go_on: Any) -> Response:
        try:
            answer: Response = await go_on(request)
        except Exception as error:  # noqa: BLE001  (a page that fails must not take the API server with it)
            answer = _lost(request, error, 500)
        for name, value in HEADERS.items():
            answer.headers.setdefault(name, value)
        return answer


def _page(request: Request, at: Desk, template: str, **values: Any) -> Response:
    """A whole page; those who may see no partner are told so."""
    if not at.partners:
        return _rendered(request, "nobody.html", status=403, at=at, settings=at.services.settings)
    return _rendered(request, template, at=at, **values)


def _part(request: Request, at: Desk, template: str, made: Callable[[], dict[str, Any]]) -> Response:
    """A part of a page that comes later. It fails alone, with an id that is in the log (A-85)."""
    try:
        answer = _rendered(request, template, at=at, **made())
    except Exception as error:  # noqa: BLE001  (whatever it is, the rest of the page stands)
        answer = _rendered(request, "part_failed.html", status=500, error_id=_logged(request, error))
    answer.headers["X-Board-Part"] = "1"
    return answer


def _trouble(request: Request, status: int, what: str, headers: Any = None) -> Response:
    if request.method != "GET":
        return JSONResponse({"said": what}, status_code=status, headers=headers)
    answer = _rendered(request, "trouble.html", status=status, code=status, what=what)
    answer.headers.update(headers or {})
    return answer


def _lost(request: Request, error: Exception, status: int) -> Response:
    what = "The store of Stockwatch does not answer." if status == 503 else "Something failed on our side."
    return _trouble(request, status, f"{what} Error {_logged(request, error)} is in the log of the API server.")


def _logged(request: Request, error: Exception) -> str:
    """Log an error under a short id that the reader is shown; the reader sees nothing else of it."""
    error_id = secrets.token_hex(4)
    log.error("board %s %s failed, error %s", request.method, request.url.path, error_id, exc_info=error)
    return error_id


def _found(at: Desk, incident_id: str) -> Any:
    case = incident.find(at, incident_id)
    if case is None:
        raise HTTPException(404, f"There is no incident {incident_id[:40]} that you may see.")
    return case


def _csv(at: Desk, columns: Any, rows: Any, *name: Any) -> Response:
    as_of = at.checked[0] if at.checked else None
    disposition = f'attachment; filename="{export.file_name(*name, as_of)}"'
    headers = {"Content-Disposition": disposition}
    return Response(as_csv(columns, rows), media_type="text/csv; charset=utf-8", headers=headers)


async def _asked(request: Request, model: type[M]) -> M:
    """What was sent, read as a model."""
    try:
        return model.model_validate_json(await _body(request))
    except ValidationError as error:
        first = error.errors()[0]
        raise HTTPException(422, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _told(is_done: bool, said: str) -> Response:
    return JSONResponse({"said": said}, status_code=200 if is_done else 409)


async def _body(request: Request) -> bytes:
    """What was sent, if it is no more than an action can be."""
    found = b""
    async for piece in request.stream():
        found += piece
        if len(found) > actions.MOST_BYTES:
            raise HTTPException(413, "that is more than an action can be")
    return found


def _number(text: str) -> int:
    return max(int(text), 1) if text.isascii() and text.isdigit() and len(text) < 7 else 1


def _base(request: Request) -> str:
    return str(request.scope.get("root_path", "")).rstrip("/")


@cache
def _pages() -> jinja2.Environment:
    """The templates; every text in them is escaped."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(words.FILTERS)
    made.globals.update(
        tabs=PAGES,
        run_path=words.run_path,
        reasons=actions.REASONS,
        versions={name: _version(name) for name in STATIC},
    )
    return made


def _version(name: str) -> str:
    return hashlib.sha256((HERE / "static" / name).read_bytes()).hexdigest()[:12]


def _rendered(request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
    base = _base(request)
    path = request.url.path.removeprefix(base)
    known = {"base": base, "airflow": base.removesuffix(PREFIX), "path": path, "at": None}
    text = _pages().get_template(template).render(known | values)
    return HTMLResponse(text, status_code=status)
