"""Held files: who is asked, what is shown, and what follows from the answer."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from include.stockwatch.adapters.state import ledger, questions
from include.stockwatch.errors import FeedHeld
from include.stockwatch.workflows.feeds import quarantine
from include.stockwatch.workflows.feeds.ingest import ingest_file
from include.stockwatch.workflows.feeds.quarantine import DISCARD, RELEASE, RELEASE_PASSING, code, plain, sentence
from include.stockwatch.workflows.services import Services
from tests.fakes import HEADER, days, northfield, row

FEED = "northfield_stores"
SUNDAY = dt.date(2026, 11, 1)
STORES = tuple(str(n) for n in range(1, 11))


def hold(services: Services, path: Path, rows: list[str], header: str = HEADER) -> ledger.Delivery:
    """A file that is held."""
    with pytest.raises(FeedHeld):
        ingest_file(services, FEED, northfield(path, rows, header))
    with services.state.begin() as tx:
        return ledger.undecided(tx)[-1]


@pytest.fixture
def fed(services: Services, tmp_path: Path) -> Services:
    """Services of a feed that delivered four weeks of ten stores."""
    rows = [row(date, store) for date in days(SUNDAY - dt.timedelta(days=28), 28) for store in STORES]
    ingest_file(services, FEED, northfield(tmp_path / "history.csv", rows))
    return services


@pytest.fixture
def faulty(fed: Services, tmp_path: Path) -> ledger.Delivery:
    """A file of Sunday with one row in ten that cannot be taken."""
    rows = [row(SUNDAY, store) for store in STORES[:9]] + [row(SUNDAY, "10", on_hand="n/a`|<b>")]
    return hold(fed, tmp_path / "[x](http://evil.example) <img src=x>.csv", rows)


def test_a_held_file_is_asked_about_until_its_run_has_begun_to_ask(fed: Services, faulty: ledger.Delivery) -> None:
    (first,) = quarantine.unasked(fed)
    assert first.run_id == f"release__{FEED}__{faulty.delivery_id[:24]}"
    assert quarantine.unasked(fed) == [first], "a scan that was killed before the trigger forgets nothing"
    quarantine.ask(fed, FEED, faulty.delivery_id, first.run_id)
    assert quarantine.unasked(fed) == []


def test_a_published_file_is_not_asked_about(fed: Services) -> None:
    assert quarantine.unasked(fed) == []


def test_the_evidence_shows_file_reasons_rows_and_what_is_usual(fed: Services, faulty: ledger.Delivery) -> None:
    found = quarantine.ask(fed, FEED, faulty.delivery_id, "r", "http://airflow")
    assert found.options == (RELEASE, RELEASE_PASSING, DISCARD)
    text = re.sub(r"\\(.)", r"\1", found.body)
    assert "Rows: 10 in, 1 at fault, none published" in text
    assert "**TOO_MANY_REJECTS**: 1 of 10 rows rejected" in text
    assert "line 11: `on_hand` = ``n/a`|<b>``:" in text
    assert "(BAD_QUANTITY)" in text
    assert "10 rows a date, by weekday" in text
    assert "latest: `history.csv`, 280 rows, 2026-10-04 to 2026-10-31" in text


def test_a_file_that_cannot_be_read_can_only_be_discarded(fed: Services, tmp_path: Path) -> None:
    held = hold(fed, tmp_path / "n.csv", [row(SUNDAY, "1")], header=HEADER.replace("on_hand", "stock"))
    found = quarantine.ask(fed, FEED, held.delivery_id, "r")
    assert found.options == (DISCARD,)
    assert "cannot be released" in found.body


def test_a_released_file_is_published_and_names_who_said_so(fed: Services, faulty: ledger.Delivery) -> None:
    quarantine.ask(fed, FEED, faulty.delivery_id, "r")
    done = quarantine.apply(fed, FEED, faulty.delivery_id, "r", RELEASE_PASSING, "ada")
    assert (done.status, done.decision, done.decided_by) == ("published", "release_passing", "ada")
    with fed.state.begin() as tx:
        assert SUNDAY in ledger.delivered(tx)
        assert questions.open_questions(tx) == {}
    again = quarantine.apply(fed, FEED, faulty.delivery_id, "r", DISCARD, "bob")
    assert (again.status, again.decided_by) == ("published", "ada"), "a second answer changes nothing"


def test_a_discarded_file_is_neither_published_nor_asked_about_again(fed: Services, faulty: ledger.Delivery) -> None:
    quarantine.ask(fed, FEED, faulty.delivery_id, "r")
    assert quarantine.apply(fed, FEED, faulty.delivery_id, "r", DISCARD, "ada").status == "discarded"
    assert quarantine.unasked(fed) == []
    with fed.state.begin() as tx:
        assert SUNDAY not in ledger.delivered(tx)


def test_a_file_that_cannot_be_released_after_all_is_asked_about_again(fed: Services, tmp_path: Path) -> None:
    held = hold(fed, tmp_path / "n.csv", [row(SUNDAY, "1")], header=HEADER.replace("on_hand", "stock"))
    (first,) = quarantine.unasked(fed)
    quarantine.ask(fed, FEED, held.delivery_id, first.run_id)
    with pytest.raises(FeedHeld):
        quarantine.apply(fed, FEED, held.delivery_id, first.run_id, RELEASE, "ada")
    (second,) = quarantine.unasked(fed)
    assert second.run_id == f"{first.run_id}__2"


def test_a_held_file_of_a_feed_that_is_gone_is_left_alone(fed: Services, faulty: ledger.Delivery) -> None:
    with fed.state.begin() as tx:
        ledger.record(tx, ledger.Delivery("gone", "d", "f.csv", fed.now(), "held", 0, 0, 0))
    assert [one.feed_id for one in quarantine.unasked(fed)] == [FEED]


# --- what a partner wrote is shown, and never obeyed -----------------------------------------------------------------


def tokens(markdown: str) -> list[Token]:
    """Every token of a Markdown text, as GitHub's flavour reads it, with tables, deleted text and links by themselves."""
    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    return [inner for token in reader.parse(markdown) for inner in (token, *(token.children or []))]


SIGNS = "ab1 \\`*_[]()<>#+-.!|~:/@&;=\"'\n\t{}%"
PIECES = (*SIGNS, "http://x.example", "www.", "<b>", "&lt;", "\u202e")
HARM = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


@given(HARM)
@example("[x](javascript:alert(1))")
@example("<img src=x onerror=alert(1)>")
@example("https://evil.example/ www.evil.example a@evil.example")
@example("&#60;b&#62;")
def test_a_sentence_is_text_and_nothing_else(text: str) -> None:
    found = tokens(f"- {sentence(text)} end")
    kinds = {token.type for token in found} - {"inline", "text", "text_special"}
    assert kinds == {"bullet_list_open", "list_item_open", "paragraph_open", "paragraph_close"} | {
        "list_item_close",
        "bullet_list_close",
    }
    (line,) = [token for token in found if token.type == "inline"]
    shown = "".join(token.content for token in line.children or [])
    assert shown.replace("\u2060", "").strip() == f"{plain(text).replace(chr(0x2060), '')} end".strip()
    assert not re.search(r"https?://|www\.|\w@\w", shown, re.IGNORECASE), "no address that a reader would link"


@given(HARM)
@example("`")
@example("a``b`")
def test_a_value_is_shown_to_the_letter_and_nothing_else(text: str) -> None:
    found = [token for token in tokens(f"x {code(text)} y") if token.type not in ("inline", "paragraph_open")]
    inner = [token.type for token in found if token.type != "paragraph_close"]
    assert inner == ["text", "code_inline", "text"]
    (value,) = [token.content for token in found if token.type == "code_inline"]
    assert value == (plain(text) or " ")


def test_the_subject_of_a_question_is_one_line_without_what_cannot_be_seen(
    fed: Services, faulty: ledger.Delivery
) -> None:
    with fed.state.begin() as tx:
        found = ledger.delivery(tx, FEED, faulty.delivery_id)
        assert found is not None
        ledger.record(tx, ledger.Delivery(**(found.__dict__ | {"file_name": "a\nb\u202ecsv.exe"})))
    assert "a b csv.exe" in quarantine.ask(fed, FEED, faulty.delivery_id, "r").subject
