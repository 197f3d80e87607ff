"""Plain values → specs; pydantic's errors → diagnostics at their place in the file."""

from __future__ import annotations

from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from yaml.nodes import MappingNode, Node, ScalarNode

from mlproj.diagnostics import Collector, did_you_mean
from mlproj.loader import wording
from mlproj.loader.loaded import Location
from mlproj.loader.strings import has_jinja
from mlproj.loader.yaml_file import Found, YamlFile, follow

S = TypeVar("S", bound=BaseModel)
_KEY = "[key]"  # where pydantic means the key of a mapping, not its value


class Validator:
    """Validates what one file says. `reported` holds the ids of nodes of which enough was said."""

    def __init__(self, file: YamlFile, reported: set[int], collector: Collector) -> None:
        self._file = file
        self._reported = reported
        self._collector = collector

    def validate(self, model: type[S], data: object, node: Node, place: str) -> S | None:
        """The spec, or None where E201 to E204 were found. `place` is its name in messages, as `sources[0]`."""
        try:
            return model.model_validate(data)
        except ValidationError as error:
            details = error.errors(include_url=False)
        unknown = {d["loc"] for d in details if d["type"] == "extra_forbidden"}
        for detail in details:
            if detail["type"] != "missing" or not _is_misspelt(detail["loc"], unknown):
                _Finding(self._file, model, node, place, detail).report(self._reported, self._collector)
        return None


def _is_misspelt(missing: Location, unknown: set[Location]) -> bool:
    """Whether the missing key stands there under a similar name: one mistake is told once."""
    beside = [str(loc[-1]) for loc in unknown if loc[:-1] == missing[:-1]]
    return did_you_mean(str(missing[-1]), beside) is not None


def _is_reported(node: Node, reported: set[int]) -> bool:
    """Whether enough was said of the node or of a part of it, whose stand-in value may be of another type."""
    waiting, seen = [node], set[int]()
    while waiting:
        part = waiting.pop()
        if id(part) in reported:
            return True
        if id(part) not in seen and not isinstance(part, ScalarNode):
            seen.add(id(part))
            waiting += [n for pair in part.value for n in pair] if isinstance(part, MappingNode) else part.value
    return False


class _Finding:
    """One of pydantic's errors, brought back to what is written."""

    def __init__(self, file: YamlFile, model: type[BaseModel], node: Node, place: str, detail: ErrorDetails) -> None:
        self.file, self.model, self.place, self.detail = file, model, place, detail
        self.is_key = detail["loc"][-1:] == (_KEY,)
        location = detail["loc"][:-1] if self.is_key else detail["loc"]
        self.annotation, self.location = wording.annotation_at(model, location)
        self.found: Found = follow(node, self.location)
        self.node: Node = self.found.key if self.is_key and self.found.key is not None else self.found.node

    def report(self, reported: set[int], collector: Collector) -> None:
        if _is_reported(self.node, reported) or (self.detail["type"] == "missing" and self.found.complete):
            return
        code, message, hint = self._told()
        at_key = code == "E203" and self.found.key is not None
        collector.error(code, message, self.file.span(self.found.key if at_key and self.found.key else self.node), hint)

    def _told(self) -> tuple[str, str, str | None]:
        """Code, message and hint."""
        kind: str = self.detail["type"]
        context: dict[str, Any] = self.detail.get("ctx", {})
        match kind:
            case "missing":
                return "E201", f"missing key '{self.location[-1]}'{self._within(self.found.steps)}", None
            case "extra_forbidden":
                return self._unknown()
            case "literal_error":
                return self._not_in_set()
            case "string_pattern_mismatch":
                what = wording.of_pattern(self.location[-1] if self.location else "", context["pattern"])
                return "E204", f"{self._where()}expected {what}; got {self._shown()}", None
            case "value_error":
                return "E202", f"{self._where()}{context['error']}", None
        return self._bounds(kind, context) or self._wrong_type()

    def _unknown(self) -> tuple[str, str, str | None]:
        name = str(self.location[-1])
        annotation, _ = wording.annotation_at(self.model, self.location[:-1])
        known = list(annotation.model_fields)
        hint = wording.elsewhere(annotation, name) or did_you_mean(name, known) or f"known here: {', '.join(known)}"
        if self.found.key is not None and self.found.steps[-1:] == (name,):
            return "E203", f"unknown key '{name}'{self._within(self.found.steps[:-1])}", hint
        # A short form: the key is what the scalar says.
        kind = "test" if annotation.__name__.endswith("Test") else "value"
        return "E204", f"{self._where()}unknown {kind} {self._shown()}", hint

    def _not_in_set(self) -> tuple[str, str, str | None]:
        if not isinstance(self.detail["input"], str):
            return self._wrong_type()
        allowed = [str(value) for value in get_args(self.annotation)]
        hint = None if self._from_jinja() else did_you_mean(self.detail["input"], allowed)
        return "E204", f"{self._where()}expected {wording.one_of(allowed)}; got {self._shown()}", hint

    def _bounds(self, kind: str, context: dict[str, Any]) -> tuple[str, str, str | None] | None:
        limits = {
            "greater_than_equal": ("at least", "ge"),
            "less_than": ("less than", "lt"),
            "greater_than": ("more than", "gt"),
            "less_than_equal": ("at most", "le"),
        }
        if kind in limits:
            word, name = limits[kind]
            return "E204", f"{self._where()}must be {word} {context[name]:g}; got {self._shown()}", None
        if kind in {"too_short", "string_too_short"}:
            return "E204", f"{self._where()}must not be empty", None
        if kind == "string_too_long":
            return "E204", f"{self._where()}must not be longer than {context['max_length']} characters", None
        return None

    def _wrong_type(self) -> tuple[str, str, str | None]:
        expected = wording.of_type(self.annotation, self.location[-1] if self.location else "")
        got = "a value of another kind, from Jinja" if self._from_jinja() else wording.of_value(self._input())
        hint = "start each item with '- ', or write [a, b]" if expected.startswith("a list") else None
        return "E202", f"{self._where()}expected {expected}, got {got}", hint

    def _input(self) -> object:
        """The value at the trimmed location: inside a union pydantic may speak of a part of it."""
        if self.location == self.detail["loc"] or isinstance(self.node, ScalarNode):
            return self.detail["input"]
        return {} if isinstance(self.node, MappingNode) else []

    def _from_jinja(self) -> bool:
        return isinstance(self.node, ScalarNode) and has_jinja(self.node.value)

    def _shown(self) -> str:
        """The value as written, never as rendered: it may come from the environment."""
        if not isinstance(self.node, ScalarNode):
            return wording.of_value(self.detail["input"])
        return f"'{self.node.value}'" if self.node.tag.endswith(":str") else str(self.node.value)

    def _where(self) -> str:
        path = self._path(self.found.steps)
        return f"{path}: " if path else ""

    def _within(self, steps: Location) -> str:
        path = self._path(steps)
        return f" in {path}" if path else " at the top level"

    def _path(self, steps: Location) -> str:
        path = self.place
        for step in steps:
            path += f"[{step}]" if isinstance(step, int) else f".{step}"
        return path.removeprefix(".")
