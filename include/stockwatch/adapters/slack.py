"""Slack, through slack_sdk. The only module that imports it.

Slack has no idempotency key for posts, so every message carries one of ours in its metadata, and a post whose end is
not known is looked for before it is repeated (alerting requirements A-62, A-63).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from include.stockwatch.errors import DeliveryFailed, Refusal

EVENT_TYPE = "stockwatch_notice"
WAIT = {"ratelimited", "rate_limited", "message_limit_exceeded"}
UNCERTAIN = {"internal_error", "fatal_error", "service_unavailable", "request_timeout"}
TARGET_GONE = {"message_not_found", "cant_update_message", "edit_window_closed"}
STOP = {
    "invalid_auth",
    "not_authed",
    "account_inactive",
    "token_revoked",
    "token_expired",
    "missing_scope",
    "org_login_required",
}
DEFAULT_WAIT_SECONDS = 30.0


class SlackMessenger:
    """Posts, updates and finds messages. The client must not retry by itself: that makes second copies (A-64)."""

    previews = False

    def __init__(self, client: WebClient) -> None:
        if client.retry_handlers:
            raise ValueError("the Slack client must be built with retry_handlers=[]")
        self._client = client

    def post(self, channel: str, text: str, blocks: list[dict[str, Any]], key: str, thread_ts: str | None) -> str:
        """Post a message, or a reply to `thread_ts`; returns its ts. Raises: DeliveryFailed"""
        answer = _call(
            self._client.chat_postMessage,
            channel=channel,
            text=text,
            blocks=blocks,
            metadata=_metadata(key),
            thread_ts=thread_ts,
            unfurl_links=False,
            unfurl_media=False,
        )
        return str(answer["ts"])

    def update(self, channel: str, ts: str, text: str, blocks: list[dict[str, Any]], key: str) -> None:
        """Show new content in the place of a message; safe to repeat. Raises: DeliveryFailed"""
        # all three every time: text without blocks would remove the blocks
        _call(self._client.chat_update, channel=channel, ts=ts, text=text, blocks=blocks, metadata=_metadata(key))

    def find(self, channel: str, key: str, oldest: float, thread_ts: str | None) -> str | None:
        """The ts of our message with this key, posted since `oldest` (epoch seconds); none if it is not there.

        Raises: DeliveryFailed if the history cannot be read.
        """
        for message in self._history(channel, oldest, thread_ts):
            metadata = message.get("metadata") or {}
            if metadata.get("event_type") == EVENT_TYPE and metadata.get("event_payload", {}).get("key") == key:
                return str(message["ts"])
        return None

    def _history(self, channel: str, oldest: float, thread_ts: str | None) -> Iterator[dict[str, Any]]:
        cursor: str | None = None
        while True:
            page: dict[str, Any] = {
                "channel": channel,
                "oldest": f"{oldest:.6f}",
                "include_all_metadata": True,
                "limit": 200,
                "cursor": cursor,
            }
            if thread_ts:
                answer = _call(self._client.conversations_replies, ts=thread_ts, **page)
            else:
                answer = _call(self._client.conversations_history, **page)
            yield from (message for message in answer["messages"] if float(message["ts"]) >= oldest)
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return


def _metadata(key: str) -> dict[str, Any]:
    # anyone in the workspace can read metadata: an opaque key and nothing else
    return {"event_type": EVENT_TYPE, "event_payload": {"key": key, "v": 1}}


def _call(method: Any, **arguments: Any) -> Any:
    try:
        return method(**{name: value for name, value in arguments.items() if value is not None})
    except SlackApiError as error:
        raise _refused(error) from error
    except (SlackClientError, OSError, ValueError) as error:  # no answer, or one that is not Slack's
        raise DeliveryFailed(Refusal.UNCERTAIN, f"{type(error).__name__}: {error}") from error


def _refused(error: SlackApiError) -> DeliveryFailed:
    response = error.response
    status = int(getattr(response, "status_code", 0) or 0)
    data = response.data if isinstance(getattr(response, "data", None), dict) else {}
    reason = str(data.get("error") or f"HTTP {status}")
    if status == 429 or reason in WAIT:
        headers = {str(name).lower(): value for name, value in (response.headers or {}).items()}
        asked = headers.get("retry-after", DEFAULT_WAIT_SECONDS)
        return DeliveryFailed(Refusal.WAIT, reason, float(asked[0] if isinstance(asked, list) else asked))
    if status >= 500 or reason in UNCERTAIN:
        return DeliveryFailed(Refusal.UNCERTAIN, reason)
    if reason in TARGET_GONE:
        return DeliveryFailed(Refusal.TARGET_GONE, reason)
    return DeliveryFailed(Refusal.STOP if reason in STOP else Refusal.DEAD, reason)
