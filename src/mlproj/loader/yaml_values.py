"""YAML nodes → plain values: duplicates, YAML 1.1's surprises, tags and merges, and Jinja in strings."""

from __future__ import annotations

import re
from typing import Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mlproj.diagnostics import Collector
from mlproj.loader.strings import NotRendered, Strings, has_jinja
from mlproj.loader.yaml_file import MAX_DEPTH, YamlFile, is_merge, merged_mappings

_TAG: Final = "tag:yaml.org,2002:"
_STRING: Final = _TAG + "str"
_PLAIN: Final[dict[type[Node], str]] = {MappingNode: _TAG + "map", SequenceNode: _TAG + "seq"}
_NUMBER_STARTS: Final = frozenset("0123456789+-.")
_MAX_COLLECTIONS = 1_000_000
_MAX_DIGITS = 1000  # no engine has longer integers, and Python refuses to read them
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_YES = frozenset({"yes", "on"})
_TRUE_FALSE = {"true": True, "false": False}
# YAML 1.1 reads these as text, and YAML 1.2 (or a person) as numbers.
_NUMBER_LIKE = re.compile(r"[-+]?(0o?[0-9]+|[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+|[0-9]+[eE][0-9]+|\.[0-9]+[eE][0-9]+)")


class TooManyNodes(Exception):
    """Aliases of aliases multiply: the file stands for more data than fits."""


class Values:
    """Reads the nodes of one file, and reports E103, E104, E108, E306 and E307.

    What was reported is remembered in `reported`, by the id of its node: its value is a stand-in, and nothing more
    should be said of it. With `lenient` a string whose vars are not there is left out, with its key, in silence.
    """

    def __init__(self, file: YamlFile, strings: Strings, collector: Collector, *, lenient: bool = False) -> None:
        self._file = file
        self._strings = strings
        self._collector = collector
        self._lenient = lenient
        self._collections = 0
        self._open: set[int] = set()
        self.reported: set[int] = set()
        self._left_out: set[int] = set()

    def read(self, node: Node) -> object:
        """The value of a node. Raises `TooManyNodes`."""
        if isinstance(node, ScalarNode):
            return self._string(node) if node.tag == _STRING else self._scalar(node)
        if not self._enter(node):
            return None
        try:
            if isinstance(node, MappingNode):
                return self._mapping(node)
            return [self.read(item) for item in node.value] if isinstance(node, SequenceNode) else None
        finally:
            self._open.discard(id(node))

    def pairs(self, node: MappingNode) -> dict[str, tuple[Node, Node]]:
        """Key and value nodes by key, merges included and explicit keys winning; reports duplicates."""
        own: dict[str, tuple[Node, Node]] = {}
        merged: dict[str, tuple[Node, Node]] = {}
        for key, value in node.value:
            name = self._key(key)
            if name is None:
                continue
            if is_merge(key):
                self._merge(value, merged)
            if name in own:
                first = own[name][0].start_mark.line + 1
                self._report("E103", f"duplicate key '{name}', first in line {first}", key, "keep one of the two")
            else:
                own[name] = (key, value)
        if not merged:
            return own
        return {**merged, **{name: pair for name, pair in own.items() if not is_merge(pair[0])}}

    def _merge(self, value: Node, merged: dict[str, tuple[Node, Node]]) -> None:
        listed = value.value if isinstance(value, SequenceNode) else [value]
        if not all(isinstance(item, MappingNode) for item in listed):
            self._report("E107", "'<<' merges a mapping or a list of mappings", value)
        for mapping in merged_mappings(value):
            if self._enter(mapping):
                for name, pair in self.pairs(mapping).items():
                    merged.setdefault(name, pair)
                self._open.discard(id(mapping))

    def _mapping(self, node: MappingNode) -> dict[str, object]:
        values = {name: self.read(value) for name, (_, value) in self.pairs(node).items() if name != "<<"}
        if self._left_out:
            gone = {name for name, (_, value) in self.pairs(node).items() if id(value) in self._left_out}
            return {name: value for name, value in values.items() if name not in gone}
        return values

    def _enter(self, node: Node) -> bool:
        """Whether a collection can be read; counts it, and marks it as open until its end."""
        self._collections += 1
        if self._collections > _MAX_COLLECTIONS:
            raise TooManyNodes
        if id(node) in self._open:
            return self._report("E108", "an alias that stands inside its own anchor", node, "write the values out")
        if len(self._open) >= MAX_DEPTH:
            return self._report("E102", f"nested more than {MAX_DEPTH} levels deep", node)
        if not self.is_allowed(node):
            return False
        self._open.add(id(node))
        return True

    def is_allowed(self, node: Node) -> bool:
        """Whether a mapping or list has no tag of its own; reports E108."""
        if node.tag == _PLAIN[type(node)]:
            return True
        return self._report("E108", f"YAML tag '{_short(node.tag)}' is not supported", node, "leave the tag out")

    def _key(self, key: Node) -> str | None:
        """The text of a key as written: `on` and `2024` are names here, not true and a number."""
        if not isinstance(key, ScalarNode):
            hint = "put a string with Jinja in quotes: \"{{ var('x') }}\"" if isinstance(key, MappingNode) else None
            self._report("E102", "a key must be a name, not a list or a mapping", key, hint)
            return None
        if key.tag != _STRING and not key.tag.startswith(_TAG):
            self._report("E108", f"YAML tag '{_short(key.tag)}' is not supported", key, "leave the tag out")
            return None
        return str(key.value)

    def _string(self, node: ScalarNode) -> object:
        text: str = node.value
        if has_jinja(text):
            return self._render(node)
        # Most strings are words: the first character decides at the least cost.
        if text[:1] in _NUMBER_STARTS and not node.style and _NUMBER_LIKE.fullmatch(text):
            return self._surprise(node, "a string")
        return text

    def _scalar(self, node: ScalarNode) -> object:
        text: str = node.value
        match node.tag.removeprefix(_TAG):
            case "value" | "merge":
                return self._string(node)
            case "int":
                is_plain = _INT.fullmatch(text) and len(text) < _MAX_DIGITS
                return int(text) if is_plain else self._surprise(node, _number(node))
            case "float":
                return _float(text) if _FLOAT.fullmatch(text) else self._surprise(node, _number(node))
            case "bool":
                known = _TRUE_FALSE.get(text.lower())
                reading = "true" if text.lower() in _YES else "false"
                return known if known is not None else self._surprise(node, reading)
            case "null":
                return None
            case "timestamp":
                return self._surprise(node, "a date")
        self._report("E108", f"YAML tag '{_short(node.tag)}' is not supported", node, "leave the tag out")
        return text

    def _surprise(self, node: ScalarNode, read_as: str) -> str:
        text: str = node.value
        self._report("E104", f"YAML reads the bare {text} as {read_as}", node, _plainly(text))
        return text

    def _render(self, node: ScalarNode) -> object:
        try:
            return self._strings.render(node.value)
        except NotRendered as failed:
            problem = failed.problem
        if problem is None or (self._lenient and problem.code == "E307"):
            self.reported.add(id(node))
            if self._lenient:
                self._left_out.add(id(node))
        else:
            self._report(problem.code, problem.message, node, problem.hint)
        return node.value

    def _report(self, code: str, message: str, node: Node, hint: str | None = None) -> bool:
        self._collector.error(code, message, self._file.span(node), hint)
        self.reported.add(id(node))
        return False


def _short(tag: str) -> str:
    return f"!!{tag.removeprefix(_TAG)}" if tag.startswith(_TAG) else tag


def _float(text: str) -> float:
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


def _number(node: ScalarNode) -> str:
    """What a number in one of YAML 1.1's other notations is: octal, hexadecimal, sexagesimal, with underscores."""
    constructor = yaml.constructor.SafeConstructor()
    is_int = node.tag.endswith(":int")
    try:
        value = constructor.construct_yaml_int(node) if is_int else constructor.construct_yaml_float(node)
    except ValueError:
        return "a number that cannot be read"
    return f"the number {value}"


def _plainly(text: str) -> str:
    """The hint of E104: how to write the number, or else the text."""
    digits = re.sub(r"^([-+]?)0+(?=\d)", r"\1", text.replace("_", ""))
    if _INT.fullmatch(digits) or (_FLOAT.fullmatch(digits) and "e" not in digits.lower()):
        return f"write {digits}, or quote it: '{text}'"
    if re.fullmatch(r"[-+]?0x[0-9a-fA-F]+|[-+]?0b[01]+", digits):
        return f"write {int(digits, 0)}, or quote it: '{text}'"
    if (scientific := re.fullmatch(r"([-+]?)(\d*)(\.\d*)?[eE]([-+]?)(\d+)", digits)) is not None:
        sign, whole, fraction, direction, power = scientific.groups(default="")
        fraction = fraction if len(fraction) > 1 else ".0"
        return f"write {sign}{whole or '0'}{fraction}e{direction or '+'}{power}, or quote it: '{text}'"
    if text.lower() in _YES | {"no", "off"}:
        return f"write {'true' if text.lower() in _YES else 'false'}, or quote it: '{text}'"
    return f"quote it: '{text}'"
