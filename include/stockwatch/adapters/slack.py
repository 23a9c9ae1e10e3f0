"""Slack, through slack_sdk. The only module that imports it.

Slack has no idempotency key for posts, so every message carries one of ours in its metadata, every file one in its
name, and a post whose end is not known is looked for before it is repeated (alerting requirements A-62, A-63).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from include.stockwatch.errors import DeliveryFailed, Refusal

EVENT_TYPE = "stockwatch_notice"
DEFAULT_WAIT_SECONDS = 30.0

REFUSALS: dict[str, Refusal] = {
    **dict.fromkeys(("ratelimited", "rate_limited", "message_limit_exceeded"), Refusal.WAIT),
    **dict.fromkeys(("internal_error", "fatal_error", "service_unavailable", "request_timeout"), Refusal.AMBIGUOUS),
    **dict.fromkeys(
        ("channel_not_found", "is_archived", "not_in_channel", "posting_to_channel_denied", "no_permission"),
        Refusal.CHANNEL,
    ),
    **dict.fromkeys(("invalid_auth", "not_authed", "account_inactive", "token_revoked"), Refusal.TOKEN),
    **dict.fromkeys(("token_expired", "missing_scope", "org_login_required"), Refusal.TOKEN),
    **dict.fromkeys(("msg_blocks_too_long", "msg_too_long", "no_text", "metadata_too_large"), Refusal.CONTENT),
    **dict.fromkeys(("too_many_attachments",), Refusal.CONTENT),
    **dict.fromkeys(("message_not_found", "cant_update_message", "edit_window_closed"), Refusal.TARGET),
    **dict.fromkeys(("thread_not_found",), Refusal.TARGET),
    **dict.fromkeys(("users_not_found", "user_not_found", "user_not_visible"), Refusal.PERSON),
}
"""What Slack's error names mean (A-69). A name that is not here may begin with one of the prefixes below."""
PREFIXES: tuple[tuple[str, Refusal], ...] = (
    ("restricted_action_thread_", Refusal.TARGET),
    ("restricted_action", Refusal.CHANNEL),
    ("invalid_blocks", Refusal.CONTENT),
    ("invalid_metadata_", Refusal.CONTENT),
)


def refusal_of(reason: str) -> Refusal:
    """The class of one of Slack's error names."""
    known = REFUSALS.get(reason)
    return known or next((found for prefix, found in PREFIXES if reason.startswith(prefix)), Refusal.UNKNOWN)


class SlackMessenger:
    """Posts, updates and finds messages. The client must not retry by itself: that makes second copies (A-64)."""

    previews = False

    def __init__(self, client: WebClient, *, has_buttons: bool = False) -> None:
        self.has_buttons = has_buttons
        if client.retry_handlers:
            raise ValueError("the Slack client must be built with retry_handlers=[]")
        self._client = client

    def post(
        self,
        channel: str,
        text: str,
        blocks: list[dict[str, Any]],
        key: str,
        thread_ts: str | None,
        *,
        broadcast: bool = False,
    ) -> str:
        """Post a message, or a reply to `thread_ts`, which `broadcast` shows in the channel too; returns its ts.

        Raises: DeliveryFailed
        """
        answer = call(
            self._client.chat_postMessage,
            channel=channel,
            text=text,
            blocks=blocks or None,
            metadata=metadata(key),
            thread_ts=thread_ts,
            reply_broadcast=True if thread_ts and broadcast else None,
            unfurl_links=False,
            unfurl_media=False,
        )
        return str(answer["ts"])

    def update(self, channel: str, ts: str, text: str, blocks: list[dict[str, Any]], key: str) -> None:
        """Show new content in the place of a message; safe to repeat. Raises: DeliveryFailed"""
        # all three every time: text without blocks removes the blocks, which is meant only if there are none
        call(self._client.chat_update, channel=channel, ts=ts, text=text, blocks=blocks, metadata=metadata(key))

    def upload(self, channel: str, thread_ts: str, name: str, title: str, alt_text: str, content: bytes) -> str:
        """Put a file into a thread; returns its id. Raises: DeliveryFailed"""
        answer = call(
            self._client.files_upload_v2,
            channel=channel,
            thread_ts=thread_ts,
            filename=name,
            title=title,
            alt_txt=alt_text,
            content=content,
        )
        return str(answer["files"][0]["id"])

    def find(self, channel: str, key: str, oldest: float, thread_ts: str | None) -> str | None:
        """The ts of our message with this key, posted since `oldest` (epoch seconds); none if it is not there.

        Raises: DeliveryFailed if the history cannot be read.
        """
        return next((ts for found, ts in self.keys(channel, oldest, thread_ts) if found == key), None)

    def find_file(self, channel: str, name: str, oldest: float, thread_ts: str) -> str | None:
        """The id of the file with this name in a thread; none if it is not there. Raises: DeliveryFailed"""
        for message in self._history(channel, oldest, thread_ts):
            for file in message.get("files") or ():
                if file.get("name") == name:
                    return str(file["id"])
        return None

    def keys(self, channel: str, oldest: float, thread_ts: str | None = None) -> Iterator[tuple[str, str]]:
        """Key and ts of every message of ours in a channel or thread since `oldest`. Raises: DeliveryFailed"""
        for message in self._history(channel, oldest, thread_ts):
            found = message.get("metadata") or {}
            if found.get("event_type") == EVENT_TYPE:
                yield str(found.get("event_payload", {}).get("key")), str(message["ts"])

    def join(self, channel: str) -> None:
        """Make the bot a member of a public channel. Raises: DeliveryFailed"""
        call(self._client.conversations_join, channel=channel)

    def scopes(self) -> frozenset[str] | None:
        """What the token may do; none if Slack does not say. Raises: DeliveryFailed"""
        answer = call(self._client.auth_test)
        told = {name.lower(): value for name, value in (answer.headers or {}).items()}.get("x-oauth-scopes")
        named = told if isinstance(told, str) else ",".join(told or ())
        return frozenset(scope.strip() for scope in named.split(",") if scope.strip()) or None

    def channel_info(self, channel: str) -> dict[str, Any]:
        """What Slack says of a channel: is the app a member, is it private, archived, … Raises: DeliveryFailed"""
        return dict(call(self._client.conversations_info, channel=channel)["channel"])

    def user_id(self, email: str) -> str | None:
        """Slack's id of the person with this address; none if there is nobody, or no longer. Raises: DeliveryFailed"""
        try:
            return str(call(self._client.users_lookupByEmail, email=email)["user"]["id"])
        except DeliveryFailed as failure:
            if failure.refusal is Refusal.PERSON:
                return None
            raise

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
                answer = call(self._client.conversations_replies, ts=thread_ts, **page)
            else:
                answer = call(self._client.conversations_history, **page)
            # a thread's pages begin with its root, and a stand-in for Slack may overlook `oldest`
            yield from (message for message in answer["messages"] if float(message["ts"]) >= oldest)
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return


def metadata(key: str) -> dict[str, Any]:
    """What a message carries beside its content: an opaque key and nothing else, as everybody there can read it."""
    return {"event_type": EVENT_TYPE, "event_payload": {"key": key, "v": 1}}


def call(method: Any, **arguments: Any) -> Any:
    """What a method of the client answers. Raises: DeliveryFailed"""
    try:
        return method(**{name: value for name, value in arguments.items() if value is not None})
    except SlackApiError as error:
        raise _refused(error) from error
    except (SlackClientError, OSError, ValueError) as error:  # no answer, or one that is not Slack's
        raise DeliveryFailed(Refusal.AMBIGUOUS, f"{type(error).__name__}: {error}") from error


def _refused(error: SlackApiError) -> DeliveryFailed:
    response = error.response
    status = int(getattr(response, "status_code", 0) or 0)
    data = response.data if isinstance(getattr(response, "data", None), dict) else {}
    reason = str(data.get("error") or f"HTTP {status}")
    method = str(getattr(response, "api_url", "")).rstrip("/").rsplit("/", 1)[-1] or None
    refusal = refusal_of(reason)
    if status == 429 or refusal is Refusal.WAIT:
        headers = {str(name).lower(): value for name, value in (response.headers or {}).items()}
        return DeliveryFailed(Refusal.WAIT, reason, _seconds(headers.get("retry-after")), method)
    is_slacks = status < 500 and " " not in reason  # else it is no error name, but a page of something in between
    return DeliveryFailed(refusal if is_slacks else Refusal.AMBIGUOUS, reason, method=method)


def _seconds(retry_after: Any) -> float:
    """How long Slack wants us to wait; a header that is no number asks for nothing in particular."""
    asked = retry_after[0] if isinstance(retry_after, list) and retry_after else retry_after
    try:
        return max(float(asked), 0.0)
    except (TypeError, ValueError):
        return DEFAULT_WAIT_SECONDS
