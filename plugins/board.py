"""The ops board in the navigation, and the tab *Data quality* of a run that ingested a file.

Airflow puts no guard before a plugin's routes: the board asks `viewer` of every request. The plugin file is imported by
every Airflow process, so the application is built at its first request.
"""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

ACTING = "check_availability"
"""Who may start runs of this Dag may act on incidents."""


@cache
def build_app() -> Any:
    """The board on this Airflow's users and connections."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagAccessEntity, DagDetails
    from airflow.api_fastapi.core_api.security import get_user, requires_access_view
    from fastapi import Depends

    from include.stockwatch.board.access import Viewer
    from include.stockwatch.board.app import create_app
    from include.stockwatch.orchestration import services

    may_look = requires_access_view(AccessView.WEBSITE)

    def viewer(user: Any = Depends(get_user), _: Any = Depends(may_look)) -> Any:  # noqa: B008  (FastAPI's way)
        manager = get_auth_manager()
        run, of = DagAccessEntity.RUN, DagDetails(id=ACTING)
        return Viewer(
            name=user.get_name(),
            email=getattr(user, "email", None) or "",
            feeds=frozenset(dag.removeprefix("ingest_") for dag in manager.get_authorized_dag_ids(user=user)),
            may_act=manager.is_authorized_dag(method="POST", access_entity=run, details=of, user=user),
        )

    return create_app(services, viewer)


async def lazy_app(scope: Any, receive: Any, send: Any) -> None:
    """One request; the first one waits until the application is built."""
    from starlette.concurrency import run_in_threadpool

    app = await run_in_threadpool(build_app)
    await app(scope, receive, send)


class Board(AirflowPlugin):
    """Registers the application, its two entries in the navigation, and the tab."""

    name = "stockwatch_board"
    fastapi_apps: ClassVar = [{"app": lazy_app, "url_prefix": "/stockwatch/board", "name": "Stockwatch board"}]
    external_views: ClassVar = [
        {
            "name": "Stock",
            "href": "stockwatch/board/overview",
            "destination": "nav",
            "url_route": "stockwatch",
            "icon": "stockwatch/board/static/icon.svg",
            "nav_top_level": True,
        },
        {
            "name": "Feeds",
            "href": "stockwatch/board/feeds",
            "destination": "nav",
            "url_route": "feeds",
            "category": "browse",
        },
        {
            "name": "Data quality",
            "href": "stockwatch/board/quality/{DAG_ID}?run_id={RUN_ID}",
            "destination": "dag_run",
            "url_route": "data-quality",
        },
    ]
