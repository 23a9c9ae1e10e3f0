"""Read a settings file into its model, or say everything that is wrong: file, line, column, and how to mend it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from include.stockwatch.errors import ConfigError, Problem, closest

Model = TypeVar("Model", bound=BaseModel)
Location = tuple[str | int, ...]
MAX_BYTES = 1_000_000
CORE = "tag:yaml.org,2002:"
PLAIN_TAGS = {"str", "bool", "null", "int", "float", "seq", "map"}


class _Loader(yaml.SafeLoader):
    """YAML whose plain words mean what they look like: `no`, `10:30` and `0012` are texts, ids keep their zeros."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, Any]]] = {}  # noqa: RUF012  (PyYAML's own way to set them)


for _tag, _pattern, _first in (
    ("bool", r"^(true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("null", r"^(~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("int", r"^[-+]?(0|[1-9][0-9]*)$", list("-+0123456789")),
    ("float", r"^[-+]?(0|[1-9][0-9]*)?\.[0-9]+([eE][-+]?[0-9]+)?$", list("-+0123456789.")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


@dataclass
class SettingsFile:
    """One YAML file while it is read: its text and nodes, to point at mistakes."""

    path: Path
    shown: str
    lines: list[str] = field(default_factory=list)
    root: yaml.Node | None = None

    def problem(self, mark: tuple[int, int], path: str, what: str, fix: str) -> Problem:
        line, column = mark
        source = self.lines[line] if line < len(self.lines) else ""
        return Problem(self.shown, line + 1, column + 1, path, what, source, fix)

    def named(self, loc: Location, *, with_last: bool) -> Location:
        """An error location without the names of kinds that pydantic puts in; `with_last` keeps a missing field."""
        node, kept = self.root, []
        for place, step in enumerate(loc):
            if isinstance(node, yaml.MappingNode):
                found = next((value for key, value in node.value if key.value == str(step)), None)
                if found is None and not (with_last and place + 1 == len(loc)):
                    continue
                node = found
            elif isinstance(node, yaml.SequenceNode):
                node = node.value[step] if isinstance(step, int) and step < len(node.value) else None
            kept.append(step)
        return tuple(kept)

    def field_named_in(self, text: str, loc: Location) -> Location:
        """The field below a location that a text names first, as `url` or `columns.price`; else the location."""
        first = re.search(r"`([a-z_.]+)`", text)
        found = (*loc, *first[1].split(".")) if first else loc
        is_below = self.mark(found) != self.mark(loc) or not loc
        return found if is_below and self.named(found, with_last=False) == found else loc

    def mark(self, loc: Location) -> tuple[int, int]:
        """Where an error location stands; an unknown field at its key, a missing one at its nearest parent."""
        node = self.root
        found = node
        for step in loc:
            match node:
                case yaml.SequenceNode() if isinstance(step, int) and step < len(node.value):
                    node = node.value[step]
                    found = node
                case yaml.MappingNode():
                    pair = next(((key, value) for key, value in node.value if key.value == str(step)), None)
                    if pair is None:
                        break
                    found, node = pair
                case _:
                    break
        return (found.start_mark.line, found.start_mark.column) if found else (0, 0)


def file_problem(path: Path, what: str, fix: str) -> Problem:
    """A problem of a file as a whole."""
    return Problem(shown(path), 1, 1, "", what, "", fix)


def content_of(path: Path) -> Any:
    """The plain content of a YAML file that was opened before."""
    return _Loader(path.read_text("utf-8")).get_single_data()


def shown(path: Path) -> str:
    """A path as people who stand in the project's folder write it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def read(path: Path, model: type[Model], *, optional: bool = False) -> Model:
    """Read one file into its model; an optional one that is missing gives the defaults. Raises: ConfigError"""
    if not path.exists():
        if optional:
            return model()
        raise ConfigError((file_problem(path, "the file is missing", f"add it; docs/settings.md shows a {path.stem}"),))
    file = open_file(path)
    content = content_of(path) or {}
    try:
        return model.model_validate(content)
    except ValidationError as error:
        found = error.errors()
        within = {one["loc"][:depth] for one in found for depth in range(len(one["loc"]))}
        # a mistake inside a list makes the list itself fail too: say the inner one alone
        raise ConfigError(tuple(_explain(file, model, one) for one in found if one["loc"] not in within)) from None


def _fix_of(lines: list[str], line: int, column: int) -> str:
    """What to do about a place that is not YAML: most often a text wants quotes, or an indent blanks."""
    text = lines[line] if line < len(lines) else ""
    if text[column : column + 1] == "\t":
        return "use blanks, no tabs"
    start = column - 1 if text[:column].endswith(("*", "&", "!", "|", ">")) else column
    if text[start : start + 1] in ("*", "&", "!", "|", ">", "%", "@", "`"):
        return f'put it in quotes, as it begins with a mark of YAML: "{re.split("[,}#]", text[start:])[0].strip()}"'
    above = lines[line - 1] if line else ""
    if text[column : column + 2] == ": ":
        if above.strip() and ":" not in above and not above.lstrip().startswith(("-", "#")):
            return "write a colon behind the name in the line above, and a blank behind the colon"
        return "put the text in quotes if it holds a colon; else check the indent of this line and the one above"
    return "check the indent and the colons of this line and the one above"


def open_file(path: Path) -> SettingsFile:
    """A file with its nodes, to point at places in it. Raises: ConfigError if it is no YAML or repeats a key."""
    file = SettingsFile(path, shown(path))
    if path.is_file() and path.stat().st_size > MAX_BYTES:
        raise ConfigError((file_problem(path, "the file is larger than 1 MB", "is this a settings file?"),))
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ConfigError((file_problem(path, f"cannot be read: {error.strerror}", "is it a file?"),)) from None
    except UnicodeDecodeError as error:
        raise ConfigError((file_problem(path, f"not UTF-8 at byte {error.start}", "save the file as UTF-8"),)) from None
    file.lines = text.splitlines()
    try:
        file.root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = (mark.line, mark.column) if mark else (0, 0)
        what = f"not YAML: {error.problem or error.context}"
        raise ConfigError((file.problem(where, "", what, _fix_of(file.lines, *where)),)) from None
    except RecursionError:
        raise ConfigError((file_problem(path, "nested too deeply", "is this a settings file?"),)) from None
    except yaml.YAMLError as error:
        raise ConfigError((file_problem(path, f"not YAML: {error}", "save the file as plain UTF-8 text"),)) from None
    odd = tuple(_oddities(file, file.root))
    if odd:
        raise ConfigError(odd)
    return file


def _oddities(file: SettingsFile, node: yaml.Node | None, above: tuple[yaml.Node, ...] = ()) -> Iterable[Problem]:
    """What YAML allows and a settings file has no use for, and keys given twice, which YAML silently drops."""
    if node is None:
        return
    mark = (node.start_mark.line, node.start_mark.column)
    if any(node is one for one in above):
        yield file.problem(mark, "", "refers to itself", "write the value out")
        return
    if node.tag.removeprefix(CORE) not in PLAIN_TAGS:
        what = f"`{node.tag.replace(CORE, '!!')}` is no plain value"
        yield file.problem(mark, "", what, "write texts, numbers, lists and fields; quote a text that starts with `!`")
        return
    match node:
        case yaml.MappingNode():
            seen: dict[str, int] = {}
            for key, value in node.value:
                at = (key.start_mark.line, key.start_mark.column)
                if not isinstance(key, yaml.ScalarNode):
                    yield file.problem(at, "", "a field has a list or fields as its name", "quote it if it is a text")
                    continue
                if key.value in seen:
                    what = f"given twice, first on line {seen[key.value]}"
                    yield file.problem(at, str(key.value), what, "keep one of the two")
                seen.setdefault(key.value, key.start_mark.line + 1)
                yield from _oddities(file, value, (*above, node))
        case yaml.SequenceNode():
            for item in node.value:
                yield from _oddities(file, item, (*above, node))


SHAPES = {
    r"^([01]\d|2[0-3]):[0-5]\d$": "time of day; write hours and minutes, 00:00 to 23:59, such as 09:00",
    r"^[A-Z]{3}$": "currency code; write its three capitals, such as USD",
    r"^[a-z][a-z0-9_]{0,62}$": "id; write small letters, digits and _, a letter first",
    r"^[^@\s]+@[^@\s]+\.[^@\s]+$": "e-mail address, such as dana.ruiz@example.com",
    r"^[CDG][A-Z0-9]{6,}$": "channel id of Slack, such as C0NORTHFIELD; it is at the end of the channel's details",
}
"""Patterns of texts in words."""


def _explain(file: SettingsFile, model: type[BaseModel], error: Any) -> Problem:
    """One pydantic error in the words of somebody who edits the file."""
    loc = file.named(error["loc"], with_last=error["type"] == "missing")
    parent = _model_at(model, loc[:-1])
    path = ".".join(str(step) for step in loc)
    match error["type"]:
        case "extra_forbidden":
            what, fix = "unknown field", _nearest(str(loc[-1]), parent)
        case "missing":
            what, fix = "missing", f"add `{loc[-1]}:`{_about(parent, str(loc[-1]))}"
        case "value_error":
            what, fix = str(error["ctx"]["error"]), "change the value"
            if not loc or isinstance(loc[-1], int):
                fix = "change this entry"
            loc = file.field_named_in(what, loc)
            path = ".".join(map(str, loc))
        case "literal_error" | "enum":
            what = f"`{error['input']}` is not one of {error['ctx']['expected']}"
            fix = closest(str(error["input"]), _choices(error["ctx"]["expected"])) or "use one of these"
        case "union_tag_invalid":
            loc = (*loc, error["ctx"]["discriminator"].strip("'"))
            path, known = ".".join(map(str, loc)), error["ctx"]["expected_tags"]
            what = f"`{error['ctx']['tag']}` is not one of {known}"
            fix = closest(error["ctx"]["tag"], _choices(known)) or "use one of these"
        case _:
            what, fix = _otherwise(error, _about(parent, str(loc[-1]) if loc else ""))
    return file.problem(file.mark(loc), path, what, fix)


def _otherwise(error: Any, about: str) -> tuple[str, str]:
    """What is wrong with a value, and what to do."""
    given, is_group = error["input"], error["type"] == "model_type"
    if given is None:
        fix = "give a value; a `#` begins a comment, so quote a value that starts with it"
        return ("empty", "write its fields below it, indented") if is_group else (_said(error), fix)
    if error["type"] in ("tuple_type", "list_type") and not isinstance(given, dict):
        return f"`{given}` is no list", f"put it in brackets, also if it is one alone: [{given}]"
    if is_group:
        return f"`{given}`: fields are expected here", "write `name: value`, one a line and indented"
    return _said(error), f"change the value{about}"


def _said(error: Any) -> str:
    shape = SHAPES.get(error.get("ctx", {}).get("pattern", ""))
    return f"`{error['input']}`" + (f" is no {shape}" if shape else f": {error['msg'][0].lower()}{error['msg'][1:]}")


def _model_at(model: type[BaseModel], loc: Sequence[str | int]) -> type[BaseModel] | None:
    """The model that an error location lies in."""
    current: Any = model
    for step in loc:
        candidates = list(_models_in(current))
        current = next((c for c in candidates if isinstance(step, str) and step in c.model_fields), None) or (
            candidates[0] if candidates else None
        )
        if current is None:
            return None
        if isinstance(step, str) and step in current.model_fields:
            current = current.model_fields[step].annotation
    return next(iter(_models_in(current)), None)


def _models_in(annotation: Any) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


def _about(model: type[BaseModel] | None, name: str) -> str:
    about = model.model_fields[name].description if model and name in model.model_fields else None
    return f" ({about})" if about else ""


def _nearest(name: str, model: type[BaseModel] | None) -> str:
    if model is None:
        return "remove it"
    names = [field.alias or name for name, field in model.model_fields.items()]
    return f"{closest(name, names) or 'remove it.'} Known here: {', '.join(names)}."


def _choices(expected: str) -> list[str]:
    return [part.strip(" '") for part in expected.replace(" or ", ", ").split(",")]
