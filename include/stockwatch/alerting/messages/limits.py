"""Slack's limits for messages. Beyond them Slack refuses a message whole: it is held against them before (A-68).

Source: Slack's reference of blocks, objects and chat.postMessage; the limit of all blocks together is not documented,
Slack refused near 13,200 characters (slackapi/bolt-js issue 2509).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAX_TEXT, MAX_BLOCKS, MAX_BLOCKS_CHARS = 4000, 50, 10_000
MAX_HEADER, MAX_SECTION, MAX_FIELDS, MAX_FIELD, MAX_CONTEXT, MAX_ACTIONS = 150, 3000, 10, 2000, 10, 25
MAX_BUTTON_TEXT, MAX_BUTTON_VALUE, MAX_ACTION_ID, MAX_BLOCK_ID, MAX_URL, MAX_LABEL = 75, 2000, 255, 255, 3000, 75
MAX_OPTIONS, MAX_OPTION_TEXT, MAX_OPTION_VALUE = 100, 75, 150
MAX_ALT_TEXT = 2000
MAX_METADATA_BYTES = 200
"""Our own limit: Slack does not document one."""

TEXT_TYPES = ("plain_text", "mrkdwn")
ELEMENTS = ("button", "static_select", "overflow", "datepicker", "users_select", "image")


@dataclass(frozen=True)
class Violation:
    """One place in a message that Slack would refuse."""

    path: str  # e.g. blocks[1].fields[0].text
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


def violations(
    text: str, blocks: Sequence[Mapping[str, Any]], metadata: Mapping[str, Any] | None = None
) -> list[Violation]:
    """Every place where a message breaks a limit, or has a form that Slack does not know; none if it may go."""
    return list(_message(text, blocks, metadata))


def _message(text: str, blocks: Sequence[Mapping[str, Any]], metadata: Mapping[str, Any] | None) -> Iterator[Violation]:
    yield from _length("text", text, MAX_TEXT, at_least=1)
    yield from _count("blocks", blocks, MAX_BLOCKS)
    size = len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":")))
    if size > MAX_BLOCKS_CHARS:
        yield Violation("blocks", f"{size:,} characters in all, at most {MAX_BLOCKS_CHARS:,}")
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    if len(set(ids)) < len(ids):
        yield Violation("blocks", "a block_id comes twice")
    for position, block in enumerate(blocks):
        yield from _block(f"blocks[{position}]", block)
    if metadata is not None:
        yield from _metadata(metadata)


def _metadata(metadata: Mapping[str, Any]) -> Iterator[Violation]:
    if not metadata.get("event_type") or not isinstance(metadata.get("event_payload"), Mapping):
        yield Violation("metadata", "needs event_type and event_payload")
    size = len(json.dumps(metadata).encode())
    if size > MAX_METADATA_BYTES:
        yield Violation("metadata", f"{size:,} bytes, at most {MAX_METADATA_BYTES}")


def _block(path: str, block: Mapping[str, Any]) -> Iterator[Violation]:
    yield from _length(f"{path}.block_id", block.get("block_id", ""), MAX_BLOCK_ID)
    match block.get("type"):
        case "header":
            yield from _text(f"{path}.text", block.get("text"), MAX_HEADER, ("plain_text",))
        case "section":
            yield from _section(path, block)
        case "context":
            elements = block.get("elements", ())
            yield from _count(f"{path}.elements", elements, MAX_CONTEXT, at_least=1)
            for position, element in enumerate(elements):
                yield from _context_element(f"{path}.elements[{position}]", element)
        case "actions":
            elements = block.get("elements", ())
            yield from _count(f"{path}.elements", elements, MAX_ACTIONS, at_least=1)
            for position, element in enumerate(elements):
                yield from _element(f"{path}.elements[{position}]", element)
        case "image":
            yield from _image(path, block)
        case "divider":
            pass
        case other:
            yield Violation(f"{path}.type", f"`{other}` is no type of block that we use")


def _section(path: str, block: Mapping[str, Any]) -> Iterator[Violation]:
    if "text" not in block and "fields" not in block:
        yield Violation(path, "a section needs text or fields")
    if "text" in block:
        yield from _text(f"{path}.text", block["text"], MAX_SECTION)
    if "fields" in block:
        yield from _count(f"{path}.fields", block["fields"], MAX_FIELDS, at_least=1)
        for position, field in enumerate(block["fields"]):
            yield from _text(f"{path}.fields[{position}]", field, MAX_FIELD)
    if "accessory" in block:
        yield from _element(f"{path}.accessory", block["accessory"])


def _context_element(path: str, element: Mapping[str, Any]) -> Iterator[Violation]:
    if element.get("type") == "image":
        yield from _image(path, element)
    else:
        yield from _text(path, element, MAX_SECTION)


def _element(path: str, element: Mapping[str, Any]) -> Iterator[Violation]:
    kind = element.get("type")
    if kind not in ELEMENTS:
        yield Violation(f"{path}.type", f"`{kind}` is no type of element that we use")
        return
    if kind == "image":
        yield from _image(path, element)
        return
    yield from _length(f"{path}.action_id", element.get("action_id", ""), MAX_ACTION_ID)
    if "placeholder" in element:
        yield from _text(f"{path}.placeholder", element["placeholder"], MAX_OPTION_VALUE, ("plain_text",))
    if kind == "button":
        yield from _text(f"{path}.text", element.get("text"), MAX_BUTTON_TEXT, ("plain_text",))
        yield from _length(f"{path}.value", element.get("value", ""), MAX_BUTTON_VALUE)
        yield from _length(f"{path}.url", element.get("url", ""), MAX_URL)
        yield from _length(f"{path}.accessibility_label", element.get("accessibility_label", ""), MAX_LABEL)
        if element.get("style") not in (None, "primary", "danger"):
            yield Violation(f"{path}.style", f"`{element['style']}` is neither primary nor danger")
    if kind in ("static_select", "overflow"):
        options = element.get("options", ())
        yield from _count(f"{path}.options", options, MAX_OPTIONS if kind == "static_select" else 5, at_least=1)
        for position, option in enumerate(options):
            yield from _text(f"{path}.options[{position}].text", option.get("text"), MAX_OPTION_TEXT)
            yield from _length(f"{path}.options[{position}].value", option.get("value", ""), MAX_OPTION_VALUE, 1)


def _image(path: str, image: Mapping[str, Any]) -> Iterator[Violation]:
    yield from _length(f"{path}.image_url", image.get("image_url", ""), MAX_URL, at_least=1)
    yield from _length(f"{path}.alt_text", image.get("alt_text", ""), MAX_ALT_TEXT, at_least=1)


def _text(path: str, text: object, limit: int, types: Sequence[str] = TEXT_TYPES) -> Iterator[Violation]:
    if not isinstance(text, Mapping) or text.get("type") not in types:
        yield Violation(path, f"must be a text of type {' or '.join(types)}")
        return
    yield from _length(f"{path}.text", text.get("text", ""), limit, at_least=1)


def _length(path: str, text: object, limit: int, at_least: int = 0) -> Iterator[Violation]:
    if not isinstance(text, str):
        yield Violation(path, "must be a text")
    elif len(text) > limit:
        yield Violation(path, f"{len(text):,} characters, at most {limit:,}")
    elif len(text) < at_least:
        yield Violation(path, "is empty")


def _count(path: str, items: Sequence[Any], limit: int, at_least: int = 0) -> Iterator[Violation]:
    if len(items) > limit:
        yield Violation(path, f"{len(items)}, at most {limit}")
    elif len(items) < at_least:
        yield Violation(path, "is empty")
