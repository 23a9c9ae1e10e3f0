"""The address that Slack calls when somebody presses a button: nothing else is answered, and nobody logs in to it.

Airflow puts no guard before a plugin's routes; here Slack's signature is the guard. The plugin file is imported by
every Airflow process: the application is built at its first request.
"""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

LARGEST_BODY = 200_000
"""Bytes; a payload of Slack with one message in it has some ten thousand."""


def build_app(services: Any = None, inbound: Any = None) -> Any:
    """The application with its one route."""
    import json
    from urllib.parse import parse_qs

    from starlette.applications import Starlette
    from starlette.background import BackgroundTask
    from starlette.concurrency import run_in_threadpool
    from starlette.exceptions import HTTPException
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    from include.stockwatch import orchestration
    from include.stockwatch.workflows.messages.presses import receive, work

    made, slack = services or orchestration.services(), inbound or orchestration.slack_inbound()

    async def pressed(request: Any) -> Any:
        body = await _bounded(request)
        if body is None:
            raise HTTPException(413, "larger than anything that Slack sends")
        if not slack.is_signed(body, request.headers, made.now().timestamp()):
            raise HTTPException(401, "not signed by Slack")
        try:
            payload = json.loads(parse_qs(body.decode())["payload"][0])
        except (KeyError, ValueError):
            raise HTTPException(400, "no payload") from None
        answer = await run_in_threadpool(receive, made, slack, payload if isinstance(payload, dict) else {})
        after = BackgroundTask(work, made, slack)
        return JSONResponse(answer, background=after) if answer else Response(background=after)

    return Starlette(routes=[Route("/actions", pressed, methods=["POST"])])


async def _bounded(request: Any) -> bytes | None:
    """The body; none if it is too large."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BODY:
            return None
    return body


@cache
def _app() -> Any:
    return build_app()


async def lazy_app(scope: Any, receive: Any, send: Any) -> None:
    """One request; the first one waits until the application is built."""
    from starlette.concurrency import run_in_threadpool

    app = await run_in_threadpool(_app)
    await app(scope, receive, send)


class SlackActions(AirflowPlugin):
    """Registers the route."""

    name = "stockwatch_slack_actions"
    fastapi_apps: ClassVar = [{"app": lazy_app, "url_prefix": "/stockwatch/slack", "name": "Stockwatch Slack actions"}]
