"""What comes from Slack: signed requests, or envelopes over a socket, and what is answered at once (A-75)."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from slack_sdk import WebClient
from slack_sdk.signature import Clock, SignatureVerifier

from include.stockwatch.adapters.slack import call
from include.stockwatch.errors import DeliveryFailed, Refusal

log = logging.getLogger(__name__)


class SlackInbound:
    """Verifies requests, opens forms, and answers a person so that nobody else sees it."""

    def __init__(self, client: WebClient, signing_secret: str | None, app_token: str | None = None) -> None:
        self._client, self._secret, self._app_token = client, signing_secret, app_token

    @classmethod
    def deaf(cls) -> SlackInbound:
        """Where there is no Slack connection: every request is refused."""
        return cls(WebClient(), None)

    def is_signed(self, body: bytes, headers: Mapping[str, str], now: float) -> bool:
        """Whether Slack signed this body within the last five minutes (`now` in epoch seconds)."""
        if not self._secret:
            return False
        moment = Clock()
        moment.now = lambda: now  # type: ignore[method-assign]
        try:
            return SignatureVerifier(self._secret, moment).is_valid_request(body, dict(headers))
        except (ValueError, OverflowError):  # a timestamp that is no number, a body that is no text
            return False

    def email_of(self, user: str) -> str | None:
        """The e-mail of a Slack user; none if Slack knows no such user, or does not tell it.

        Raises: DeliveryFailed if Slack does not say (too fast, out of order): nothing is known of the person then
        """
        try:
            profile = call(self._client.users_info, user=user)["user"].get("profile") or {}
        except DeliveryFailed as failure:
            if failure.refusal is not Refusal.PERSON:
                raise
            return None
        return profile.get("email") or None

    def open_form(self, trigger: str, view: dict[str, Any]) -> None:
        """Show a form to the person who pressed; the trigger is good for three seconds. Raises: DeliveryFailed"""
        call(self._client.views_open, trigger_id=trigger, view=view)

    def whisper(self, channel: str, user: str, text: str, thread_ts: str | None) -> None:
        """Tell one person something in a channel; it is no matter if that fails."""
        try:
            call(self._client.chat_postEphemeral, channel=channel, user=user, text=text, thread_ts=thread_ts)
        except DeliveryFailed as failure:
            log.warning("could not answer %s in %s: %s", user, channel, failure)

    def listen(self, handle: Callable[[dict[str, Any]], dict[str, Any] | None], stop: threading.Event) -> None:
        """Take payloads over Slack's socket until `stop` is set: for networks that nothing reaches from outside.

        Each envelope is acknowledged with what `handle` returns, after it has been stored.
        Raises: ValueError without an app-level token
        """
        from slack_sdk.socket_mode import SocketModeClient
        from slack_sdk.socket_mode.response import SocketModeResponse

        if not self._app_token:
            raise ValueError("the Slack connection has no `app_token` (xapp-…) in its extra")

        def take(client: Any, request: Any) -> None:
            answer = handle(request.payload) if request.type == "interactive" else None
            client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id, payload=answer))

        client = SocketModeClient(app_token=self._app_token, web_client=self._client)
        client.socket_mode_request_listeners.append(take)
        client.connect()
        try:
            stop.wait()
        finally:
            with contextlib.suppress(AttributeError):  # slack_sdk's, where the other side hangs up at the same moment
                client.close()
