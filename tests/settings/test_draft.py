"""Settings files as text."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.settings.draft import Draft, listed, scalar
from include.stockwatch.settings.reading import content_of


def written(path: Path, draft: Draft) -> object:
    """What a draft says once it is read back."""
    path.write_text(str(draft), "utf-8")
    return content_of(path)


@given(texts=st.lists(st.text(min_size=1), max_size=5))
def test_every_text_is_read_back_as_it_is(tmp_path_factory: object, texts: list[str]) -> None:
    draft = Draft("title")
    for number, text in enumerate(texts):
        draft.say(f"k{number}: {scalar(text)}", "a note # with a mark", sure=False)
    draft.say(f"all: {listed(texts)}")
    path = tmp_path_factory.getbasetemp() / "draft.yaml"  # type: ignore[attr-defined]
    read = written(path, draft)
    assert read == {**{f"k{number}": text for number, text in enumerate(texts)}, "all": texts}


@given(text=st.text())
def test_nothing_in_a_scalar_steers_a_terminal(text: str) -> None:
    assert scalar(text).isprintable()


def test_words_that_mean_something_else_are_quoted() -> None:
    assert [scalar(text) for text in ("no", "True", "0012", "a: b", "a #b", "Store Nbr", "Käse")] == [
        '"no"',
        '"True"',
        '"0012"',
        '"a: b"',
        '"a #b"',
        "Store Nbr",
        '"Käse"',
    ]


def test_a_long_note_stands_above_its_line(tmp_path: Path) -> None:
    draft = Draft("title")
    draft.say("  key: value", "word " * 40, sure=False)
    lines = str(draft).splitlines()
    assert lines[1].startswith("  # check: word")
    assert lines[-1] == "  key: value"
    assert max(map(len, lines)) <= 120
    assert draft.guesses == 1


def test_a_field_that_nothing_follows_in_is_left_out(tmp_path: Path) -> None:
    draft = Draft("title")
    draft.open("columns:")
    draft.remark("nothing", "  ")
    draft.say("other: x")
    assert written(tmp_path / "f.yaml", draft) == {"other": "x"}


def test_a_suggestion_is_not_in_force(tmp_path: Path) -> None:
    draft = Draft("title")
    draft.suggest("drop:", "  - {name: x}")
    draft.say("other: x")
    assert written(tmp_path / "f.yaml", draft) == {"other": "x"}
    assert "# drop:\n  # - {name: x}\n" in str(draft)
