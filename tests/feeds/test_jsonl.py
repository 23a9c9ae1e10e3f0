"""JSON lines: objects as rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stockwatch.adapters.feeds import jsonl, rows
from include.stockwatch.adapters.feeds.raw import Notes
from tests.feeds.reading import Read, bitten, feed, read

ROW = {"date": "2026-11-03", "store": "7", "item": "A-1", "stock": 5}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "stock.jsonl"


def lines(path: Path, *texts: str, end: str = "\n", encoding: str = "utf-8", **form: str) -> Read:
    """A file of lines, read."""
    path.write_bytes(("\n".join(texts) + end).encode(encoding))
    return read(path, feed("jsonl", form=form))


def objects(path: Path, *values: dict[str, Any], **form: str) -> Read:
    """A file of objects, each with what every row needs, read."""
    return lines(path, *(json.dumps({**ROW, **one}) for one in values), **form)


def literal(path: Path, value: str, **form: str) -> Any:
    """The stock of a row, where it is written like this."""
    return lines(path, f'{{"date": "2026-11-03", "store": "7", "item": "A", "stock": {value}}}', **form).rows[0][
        "stock"
    ]


class TestValues:
    @pytest.mark.parametrize("value", ["5", "1.10", "-3", "0.0", "12345678901234567890123", "7.2470006431E+10", "1e5"])
    def test_a_number_is_as_it_is_written(self, path: Path, value: str) -> None:
        assert literal(path, value) == value

    @pytest.mark.parametrize(("value", "text"), [("5e-05", "0.00005"), ("1.5E-1", "0.15")])
    def test_a_small_number_is_written_out(self, path: Path, value: str, text: str) -> None:
        assert literal(path, value) == text

    def test_an_exponent_without_end_is_left_alone(self, path: Path) -> None:
        assert literal(path, "1e-99999999") == "1e-99999999"

    def test_a_number_takes_the_decimal_mark_of_the_feed(self, path: Path) -> None:
        assert literal(path, "1.10", decimal=",") == "1,10"
        assert literal(path, "5e-05", decimal=",") == "0,00005"
        assert literal(path, '"1.10"', decimal=",") == "1.10"

    @pytest.mark.parametrize(("value", "text"), [("true", "TRUE"), ("false", "FALSE"), ('"true"', "true")])
    def test_true_and_false_are_texts(self, path: Path, value: str, text: str) -> None:
        assert literal(path, value) == text

    @pytest.mark.parametrize("value", ["null", "NaN"])
    def test_no_data_is_null(self, path: Path, value: str) -> None:
        assert literal(path, value) is None

    def test_infinity_is_a_text(self, path: Path) -> None:
        assert literal(path, "-Infinity") == "-Infinity"

    def test_texts_come_as_they_are(self, path: Path) -> None:
        texts = ["0012", "", " 5 ", "a\nb", "Größe ☕", "\u2028"]
        assert objects(path, *({"stock": text} for text in texts)).column("stock") == texts

    def test_a_text_that_was_to_stay_one_is_unwrapped(self, path: Path) -> None:
        assert objects(path, {"stock": '="0012"'}).column("stock") == ["0012"]

    def test_a_list_is_its_json_text(self, path: Path) -> None:
        found = objects(path, {"tags": ["a", {"b": 1}]})
        assert json.loads(found.rows[0]["tags"]) == ["a", {"b": "1"}]

    def test_names_within_names_are_joined(self, path: Path) -> None:
        found = objects(path, {"at": {"dc": {"id": "12", "open": None}, "gate": True}})
        (one,) = found.rows
        assert (one["at.dc.id"], one["at.dc.open"], one["at.gate"]) == ("12", None, "TRUE")


class TestRows:
    def test_the_line_is_that_of_the_file(self, path: Path) -> None:
        found = lines(path, json.dumps(ROW), "", " \t", json.dumps(ROW))
        assert found.lines == [1, 4]

    @pytest.mark.parametrize("end", ["\n", "\r\n", "", "\n\n"])
    def test_lines_may_end_in_any_way(self, path: Path, end: str) -> None:
        path.write_bytes((end or "\n").join([json.dumps(ROW), json.dumps(ROW)]).encode() + end.encode())
        assert len(read(path, feed("jsonl")).rows) == 2

    @pytest.mark.parametrize(
        "line",
        [
            "oops",
            '{"a": 1} {"a": 2}',
            "7",
            '"text"',
            "null",
            '{"stock": 1, "stock": 2}',
            "{'a': 1}",
            '{"a": 1,}',
            '{"a": {"b": 1}, "a.b": 2}',
            '{"a": {"b": 1, "b": 2}}',
            '{"item": "\\ud800"}',
            '{"\\udc00": 1}',
            '{"a": ' * 5000 + "1" + "}" * 5000,
            '{"a": ' + "[" * 100000,
            '{"a": "' + "x" * 1000001 + '"}',
            "{" + ",".join(f'"{n}": 1' for n in range(3000)) + "}",
        ],
        ids=range(16),
    )
    def test_a_line_that_is_no_object_is_a_reject(self, path: Path, line: str) -> None:
        found = lines(path, json.dumps(ROW), line, json.dumps(ROW))
        assert found.lines == [1, 3]
        assert [(one.line, one.code) for one in found.rejects] == [(2, "NOT_JSON")]
        assert json.loads(found.rejects[0].raw) == [line[:10_000]]
        assert not found.holds

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            ("{oops}", "Expecting property name enclosed in double quotes at letter 2"),
            ("7", "JSON, but no object"),
            ('{"stock": 1, "stock": 2}', "a name stands twice"),
            ('{"item": "\\ud800"}', "half a character (a surrogate without the other)"),
            ("[" * 20 + "{" * 5, "Expecting property name enclosed in double quotes at letter 22"),
        ],
    )
    def test_a_reject_says_what_is_wrong(self, path: Path, line: str, reason: str) -> None:
        (one,) = lines(path, json.dumps(ROW), line).rejects
        assert one.reason == reason

    def test_a_name_that_comes_later_is_read(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rows, "MOST_ROWS", 2)
        found = objects(path, {}, {}, {"price": 1.5}, {}, {"line": 9})
        assert [set(batch.rows.column_names) - set(ROW) for batch in found.batches] == [
            {"line"},
            {"line", "price"},
            {"line", "price", "line (2)"},
        ]
        assert found.column("price") == [None, None, "1.5", None, None]
        assert found.lines == [1, 2, 3, 4, 5]

    def test_a_name_that_a_row_lacks_is_no_data(self, path: Path) -> None:
        found = lines(path, json.dumps(ROW), '{"date": "2026-11-03", "store": "7", "item": "B"}')
        assert found.column("stock") == [5 and "5", None]

    def test_names_are_found_as_in_a_header(self, path: Path) -> None:
        text = '{"Date": "2026-11-03", "store ": "7", "ITEM": "A", "Stock.": 5}'
        assert lines(path, text).rows[0]["stock"] == "5"

    def test_a_name_beside_the_one_that_is_used_is_warned_about(self, path: Path) -> None:
        found = objects(path, {}, {"Stock": 9})
        assert found.column("stock") == ["5", "5"]
        assert found.warned == {"NAME_ALIKE": [0]}

    def test_another_spelling_later_is_held(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rows, "MOST_ROWS", 1)
        start = '{"date": "2026-11-03", "store": "7", "item": "A", '
        found = lines(path, start + '"Stock": 1}', start + '"STOCK": 2}')
        assert found.holds == ["LAYOUT_CHANGED"]

    def test_a_missing_name_is_held(self, path: Path) -> None:
        found = lines(path, '{"date": "2026-11-03", "store": "7", "item": "A", "onHand": 5}')
        assert found.holds == ["LAYOUT_CHANGED"]
        assert "`stock`" in found.why
        assert not found.batches

    def test_rejects_before_the_first_object_are_kept(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rows, "MOST_ROWS", 1)
        found = lines(path, "oops", json.dumps(ROW))
        assert (len(found.rejects), found.lines) == (1, [2])

    def test_names_without_end_are_held(self, path: Path) -> None:
        found = objects(path, *({f"d{n}": 1} for n in range(2500)))
        assert found.holds == ["TOO_LARGE"]

    def test_a_file_that_ends_within_a_line_is_held(self, path: Path) -> None:
        found = lines(path, json.dumps(ROW), json.dumps(ROW)[:-5], end="")
        assert found.holds == ["TRUNCATED"]

    def test_a_last_object_that_is_whole_and_wrong_is_a_reject(self, path: Path) -> None:
        found = lines(path, json.dumps(ROW), '{"stock": 1, "stock": 2}', end="")
        assert (found.holds, len(found.rejects)) == ([], 1)

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    def test_a_file_is_read_in_its_encoding(self, path: Path, encoding: str) -> None:
        text = json.dumps({**ROW, "item": "Käse"}, ensure_ascii=False)
        assert lines(path, text, encoding=encoding).rows[0]["item"] == "Käse"

    def test_another_encoding_is_held(self, path: Path) -> None:
        text = json.dumps({**ROW, "item": "Käse"}, ensure_ascii=False)
        assert lines(path, text, encoding="cp1252").holds == ["ENCODING"]

    @pytest.mark.parametrize(("content", "code"), [(b"", "EMPTY"), (b"\n \n", "NO_ROWS"), (b"[]", "NO_ROWS")])
    def test_a_file_without_objects_is_held(self, path: Path, content: bytes, code: str) -> None:
        path.write_bytes(content)
        assert read(path, feed("jsonl")).holds == [code]


class TestArrays:
    def test_an_array_of_objects_is_read_by_their_number(self, path: Path) -> None:
        found = lines(path, json.dumps([ROW, {**ROW, "store": "8"}], indent=2))
        assert found.lines == [1, 2]
        assert found.column("store") == ["7", "8"]

    def test_what_is_no_object_is_a_reject(self, path: Path) -> None:
        found = lines(
            path, f'[{json.dumps(ROW)}, 7, {{"stock": 1, "stock": 2}}, [{json.dumps(ROW)}], {json.dumps(ROW)}]'
        )
        assert found.lines == [1, 5]
        assert [(one.line, one.code, one.raw) for one in found.rejects[:1]] == [(2, "NOT_JSON", '["7"]')]
        assert [one.line for one in found.rejects] == [2, 3, 4]

    def test_a_large_array_is_held(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(jsonl, "MOST_ARRAY_BYTES", 50)
        found = lines(path, json.dumps([ROW]))
        assert found.holds == ["TOO_LARGE"]
        assert "one object a line" in found.why

    @pytest.mark.parametrize("cut", [1, 2, 20, 40])
    def test_an_array_that_is_cut_off_is_held(self, path: Path, cut: int) -> None:
        assert lines(path, json.dumps([ROW, ROW])[:-cut], end="").holds == ["TRUNCATED"]

    @pytest.mark.parametrize("text", ["[{}] x]", "[{} {}]", "[oops]", "[1]\n[2]", "[" * 100_000 + "]"])
    def test_an_array_that_is_none_is_held(self, path: Path, text: str) -> None:
        assert lines(path, text).holds == ["LAYOUT_CHANGED"]


LEAF = st.one_of(st.none(), st.booleans(), st.integers(), st.text(st.characters(exclude_categories=["Cs"]), max_size=8))


@given(st.lists(LEAF, min_size=1, max_size=20), st.booleans(), st.integers(1, 7))
def test_every_object_is_a_row(
    tmp_path_factory: pytest.TempPathFactory, values: list[Any], is_array: bool, count: int
) -> None:
    path = tmp_path_factory.mktemp("jsonl") / "stock.jsonl"
    records = [{**ROW, "stock": value} for value in values]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "MOST_ROWS", count)
        found = lines(path, json.dumps(records)) if is_array else lines(path, *map(json.dumps, records))
    expected = [value if isinstance(value, str) else None if value is None else str(value).upper() for value in values]
    wrapped = [text[2:-1] if text and text.startswith('="') and text.endswith('"') else text for text in expected]
    assert found.column("stock") in (expected, wrapped)
    assert found.lines == list(range(1, len(values) + 1))


@given(st.lists(st.tuples(st.integers(0, 700), st.sampled_from([*list('{}[]",:\n\\'), "\\u", "1e9", "null"]))))
def test_no_line_is_lost_whatever_the_damage(
    tmp_path_factory: pytest.TempPathFactory, bites: list[tuple[int, str]]
) -> None:
    path = tmp_path_factory.mktemp("jsonl") / "stock.jsonl"
    body = (json.dumps(ROW) + "\n") * 9
    content = bitten(body.encode(), [(at, bite.encode()) for at, bite in bites])
    path.write_bytes(content)
    found = read(path, feed("jsonl"))
    if not found.holds:
        written = [at for at, line in enumerate(content.splitlines(), 1) if line.strip()]
        assert sorted(found.lines + [one.line for one in found.rejects]) == written


def test_objects_without_the_columns_of_the_feed_hold_the_file(tmp_path: Path) -> None:
    path = tmp_path / "stock.jsonl"
    path.write_text("{}\n{}\n", "utf-8")
    notes = Notes()
    assert list(jsonl.read(path, path.name, feed("jsonl"), notes)) == []
    assert [hold.code.value for hold in notes.holds] == ["LAYOUT_CHANGED"]
