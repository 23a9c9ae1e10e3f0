"""Looking for our messages in a Slack that honours `oldest` and gives its history in pages (A-94)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from include.stockwatch.adapters.slack import PREFIXES, REFUSALS, SlackMessenger, metadata, refusal_of
from include.stockwatch.alerting.messages.limits import violations
from include.stockwatch.errors import DeliveryFailed, Refusal

CHANNEL = "C0123456"


class Workspace(WebClient):
    """A channel with a history in pages: newest first as in Slack, a thread oldest first, each page with its root."""

    def __init__(self, messages: list[dict[str, Any]], page: int, honours_oldest: bool) -> None:
        super().__init__(token="xoxb-test", retry_handlers=[])
        self.messages, self.page, self.honours_oldest, self.calls = messages, page, honours_oldest, 0

    def _page(self, found: list[dict[str, Any]], oldest: str, cursor: str | None) -> dict[str, Any]:
        self.calls += 1
        if self.honours_oldest:
            found = [message for message in found if float(message["ts"]) > float(oldest)]
        start = int(cursor or 0)
        following = str(start + self.page) if start + self.page < len(found) else ""
        return {"messages": found[start : start + self.page], "response_metadata": {"next_cursor": following}}

    def conversations_history(self, **asked: Any) -> Any:  # type: ignore[override]
        roots = [m for m in self.messages if m.get("thread_ts") in (None, m["ts"])]
        newest_first = sorted(roots, key=lambda m: float(m["ts"]), reverse=True)
        return self._page(newest_first, asked["oldest"], asked.get("cursor"))

    def conversations_replies(self, **asked: Any) -> Any:  # type: ignore[override]
        replies = sorted((m for m in self.messages if m.get("thread_ts") == asked["ts"]), key=lambda m: float(m["ts"]))
        page = self._page(replies, asked["oldest"], asked.get("cursor"))
        return page | {"messages": [{"ts": asked["ts"], "thread_ts": asked["ts"]}, *page["messages"]]}


def message(at: int, key: str | None, **more: Any) -> dict[str, Any]:
    """A message of ours, or of somebody else."""
    return {"ts": f"{at}.000100", **({"metadata": metadata(key)} if key else {}), **more}


@given(
    ages=st.lists(
        st.tuples(st.integers(0, 60), st.sampled_from(["a", "b", None])), max_size=40, unique_by=lambda m: m[0]
    ),
    oldest=st.integers(0, 60),
    page=st.integers(1, 7),
    honours_oldest=st.booleans(),
    is_thread=st.booleans(),
)
def test_a_message_is_found_wherever_it_lies_and_nothing_older_is_taken_for_it(
    ages: list[tuple[int, str | None]], oldest: int, page: int, honours_oldest: bool, is_thread: bool
) -> None:
    more = {"thread_ts": "7.000000"} if is_thread else {}
    workspace = Workspace([message(at, key, **more) for at, key in ages], page, honours_oldest)
    found = SlackMessenger(workspace).find(CHANNEL, "a", oldest, "7.000000" if is_thread else None)
    wanted = {f"{at}.000100" for at, key in ages if key == "a" and at >= oldest}
    assert found in wanted if wanted else found is None


def test_metadata_of_others_is_not_ours() -> None:
    theirs = [
        message(1, None, metadata={"event_type": "other_app", "event_payload": {"key": "a"}}),
        message(2, None, metadata={"event_type": "stockwatch_notice"}),
        message(3, None, metadata=None),
    ]
    assert SlackMessenger(Workspace(theirs, 2, True)).find(CHANNEL, "a", 0.0, None) is None


def test_pages_are_read_only_until_the_message_is_found() -> None:
    workspace = Workspace([message(at, "a" if at == 9 else None) for at in range(10)], 2, True)
    assert SlackMessenger(workspace).find(CHANNEL, "a", 0.0, None) == "9.000100"
    assert workspace.calls == 1


def test_a_file_is_found_by_its_name_in_a_later_page_of_its_thread() -> None:
    files = [{"id": "F1", "name": "out-1.csv"}, {"id": "F2", "name": "out-2.csv"}]
    replies = [message(at, None, thread_ts="7.000000", files=files[at - 3 : at - 2]) for at in (3, 4)]
    messenger = SlackMessenger(Workspace(replies, 1, True))
    assert messenger.find_file(CHANNEL, "out-2.csv", 0.0, "7.000000") == "F2"
    assert messenger.find_file(CHANNEL, "out-3.csv", 0.0, "7.000000") is None


def test_metadata_carry_the_key_alone_and_are_small() -> None:
    """A-62: everybody in the workspace can read them."""
    made = metadata("k" * 32)
    assert made == {"event_type": "stockwatch_notice", "event_payload": {"key": "k" * 32, "v": 1}}
    assert violations("text", [], made) == []


@pytest.mark.parametrize(
    ("reason", "refusal"),
    [
        ("restricted_action", Refusal.CHANNEL),
        ("restricted_action_read_only_channel", Refusal.CHANNEL),
        ("restricted_action_thread_locked", Refusal.TARGET),
        ("invalid_blocks_format", Refusal.CONTENT),
        ("invalid_metadata_schema", Refusal.CONTENT),
        ("invalid_arguments", Refusal.UNKNOWN),
        ("", Refusal.UNKNOWN),
    ],
)
def test_names_that_begin_alike_are_told_apart(reason: str, refusal: Refusal) -> None:
    assert refusal_of(reason) is refusal


def test_every_class_of_refusal_but_the_unknown_has_a_name() -> None:
    assert {*REFUSALS.values(), *(refusal for _, refusal in PREFIXES)} == set(Refusal) - {Refusal.UNKNOWN}


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), (["7"], 7.0), ("soon", 30.0), ("-3", 0.0), (None, 30.0), ([], 30.0)]
)
def test_a_rate_limit_says_how_long_to_wait_or_thirty_seconds(header: Any, seconds: float) -> None:
    class Limited(Workspace):
        def conversations_join(self, **_: Any) -> Any:  # type: ignore[override]
            headers = {} if header is None else {"Retry-After": header}
            answer = SlackResponse(
                client=self, http_verb="POST", api_url="https://slack.com/api/conversations.join", req_args={},
                data={"ok": False, "error": "ratelimited"}, headers=headers, status_code=429,
            )  # fmt: skip
            raise SlackApiError("refused", answer)

    with pytest.raises(DeliveryFailed) as failed:
        SlackMessenger(Limited([], 1, True)).join(CHANNEL)
    assert (failed.value.refusal, failed.value.retry_after_seconds) == (Refusal.WAIT, seconds)
    assert failed.value.method == "conversations.join"
