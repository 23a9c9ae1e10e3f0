"""The tab *Data quality* of a Dag run: the Great Expectations report of the file that the run ingested.

Airflow puts no guard before a plugin's routes, so each route carries its own. The plugin file is imported by every
Airflow process: the application is built at its first request.
"""

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

CONTENT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; "
    "sandbox; form-action 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-store",
}
NO_REPORT = """<!doctype html><html lang="en"><title>No quality report</title>
<body style="font: 15px/1.5 system-ui, sans-serif; margin: 2rem">
<h1 style="font-size: 1.2rem">No quality report for this run</h1>
<p>Either the run has not archived its file yet, or the same file was ingested before by another run.</p>
</body></html>"""


def build_app() -> Any:
    """The application with its one route."""
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
    from airflow.api_fastapi.core_api.security import requires_access_dag
    from fastapi import Depends, FastAPI
    from fastapi.responses import HTMLResponse

    from include.stockwatch.orchestration import services
    from include.stockwatch.workflows.quality_report import page_of_run

    app = FastAPI(title="Stockwatch quality reports", docs_url=None, redoc_url=None, openapi_url=None)
    may_read = [Depends(requires_access_dag(method="GET", access_entity=DagAccessEntity.RUN))]

    made = services()

    @app.get("/{dag_id}", dependencies=may_read, response_class=HTMLResponse)
    def report(dag_id: str, run_id: str) -> HTMLResponse:
        feed_id = dag_id.removeprefix("ingest_")
        page = page_of_run(made, feed_id, run_id) if dag_id != feed_id else None
        return HTMLResponse(page or NO_REPORT, status_code=200 if page else 404, headers=HEADERS)

    return app


class LazyApp:
    """Builds the application when the first request comes."""

    app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request."""
        if LazyApp.app is None:
            LazyApp.app = build_app()
        await LazyApp.app(scope, receive, send)


class QualityReports(AirflowPlugin):
    """Registers the route and the tab."""

    name = "stockwatch_quality_reports"
    fastapi_apps: ClassVar = [
        {"app": LazyApp(), "url_prefix": "/stockwatch/quality", "name": "Stockwatch quality reports"}
    ]
    external_views: ClassVar = [
        {
            "name": "Data quality",
            "href": "stockwatch/quality/{DAG_ID}?run_id={RUN_ID}",
            "destination": "dag_run",
            "url_route": "data-quality",
        }
    ]
