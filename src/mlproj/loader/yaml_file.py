"""One YAML file as a tree of nodes that know their places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mlproj.diagnostics import Collector, Span
from mlproj.loader.loaded import Location
from mlproj.loader.strings import has_jinja

# The C parser is eight times faster; it is absent where PyYAML was built without libyaml.
_Base: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MERGE = "tag:yaml.org,2002:merge"
MAX_DEPTH = 100
_REMEMBERED = 10_000
# Fewer opening signs than this cannot overflow the C parser's stack.
_HARMLESS_SIGNS = 2000


class _Loader(_Base):  # type: ignore[misc, valid-type]
    """Looks a bare scalar's tag up once: names and types recur, and the parser asks for every one."""

    _tags: ClassVar[dict[str, str]] = {}

    def resolve(self, kind: type[Node], value: str | None, implicit: Any) -> str:
        if kind is not ScalarNode or not implicit[0] or value is None:
            return str(super().resolve(kind, value, implicit))
        tag = self._tags.get(value)
        if tag is None:
            tag = str(super().resolve(kind, value, implicit))
            if len(self._tags) < _REMEMBERED:
                self._tags[value] = tag
        return tag

    # Resolvers by path are a feature of PyYAML that nothing here uses.
    def descend_resolver(self, current_node: Node | None, current_index: Any) -> None: ...

    def ascend_resolver(self) -> None: ...


@dataclass(frozen=True)
class YamlFile:
    """`path` is POSIX and relative to the project's root; `root` is None for an empty file."""

    path: str
    text: str
    root: Node | None
    places: Places

    def span(self, node: Node) -> Span:
        return span_of(self.path, node)

    def start(self) -> Span:
        return self.span(self.root) if self.root is not None else Span(self.path)


class Places:
    """The places in a file that composed once; composed again when somebody asks, which few do.

    Holding every file's nodes instead makes the whole run slower: they are the most objects that there are.
    """

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self._text = text

    def locate(self, resource: Location, location: Location, key: bool = False) -> Span:
        """`locate` from the root of the file through `resource`, as `("sources", 0)`."""
        return locate(self.path, self._root, resource + tuple(location), key)

    def is_literal(self, resource: Location, *keys: str) -> bool:
        """Whether what is written in the resource under these keys holds no Jinja."""
        return not any(
            isinstance(value, ScalarNode) and key.value in keys and has_jinja(value.value)
            for key, value in follow(self._root, resource).node.value
        )

    @cached_property
    def _root(self) -> Node:
        file = compose(self.path, self._text, Collector())
        assert file is not None and file.root is not None  # noqa: PT018  (it has a resource)
        return file.root


@dataclass(frozen=True, slots=True)
class Found:
    """Where a location leads: `steps` are the ones that are written, `key` stands before `node` in a mapping."""

    node: Node
    key: Node | None
    steps: Location
    complete: bool


def compose(path: str, text: str, collector: Collector) -> YamlFile | None:
    """The file's only document; None where E102 (syntax) or E108 (several documents) was found."""
    if _is_too_deep(text):
        message = f"nested more than {MAX_DEPTH} levels deep"
        collector.error("E102", message, Span(path))
        return None
    loader = _Loader(text)
    try:
        return YamlFile(path, text, loader.get_single_node(), Places(path, text))
    except yaml.reader.ReaderError as error:
        sign = error.character if isinstance(error.character, str) else chr(int(error.character))
        collector.error("E102", f"{error.reason} (U+{ord(sign):04X})", _place(path, text, sign))
    except yaml.MarkedYAMLError as error:
        _report_syntax(path, text, error, collector)
    finally:
        loader.dispose()
    return None


def empty_mapping() -> MappingNode:
    """What an empty file stands for."""
    mark = yaml.Mark("", 0, 0, 0, "", 0)
    return MappingNode("tag:yaml.org,2002:map", [], mark, mark, flow_style=True)


def _is_too_deep(text: str) -> bool:
    """Whether composing would overflow the stack; the C parser's recursion has no guard of its own."""
    if sum(text.count(sign) for sign in ("[", "{", "- ", "? ")) < _HARMLESS_SIGNS:
        return False
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_Loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                return True
    except yaml.YAMLError:
        return False  # composing finds it again, and says so
    return False


def _place(path: str, text: str, character: str) -> Span:
    before = text[: max(text.find(character), 0)]
    return Span(path, before.count("\n") + 1, len(before) - before.rfind("\n"))


def _report_syntax(path: str, text: str, error: yaml.MarkedYAMLError, collector: Collector) -> None:
    mark = error.problem_mark or error.context_mark
    span = Span(path, mark.line + 1, mark.column + 1) if mark else Span(path)
    if error.context == "expected a single document in the stream":
        hint = "put each document into a file of its own"
        collector.error("E108", "more than one YAML document in a file", span, hint)
        return
    parts = (error.problem, error.context if error.context_mark else None)
    collector.error("E102", " ".join(part for part in parts if part), span, _syntax_hint(text, span))


def _syntax_hint(text: str, span: Span) -> str | None:
    lines = text.split("\n")
    line = lines[span.line - 1] if span.line <= len(lines) else ""
    above = lines[span.line - 2] if 2 <= span.line <= len(lines) + 1 else ""
    if "\t" in line[: span.column]:
        return "indent with spaces, not with tabs"
    if "{{" in line or "{{" in above:
        return "put a string with Jinja in quotes: \"{{ var('x') }}\""
    if ": >" in line or ": <" in line:
        return "put a range in quotes: '>=0.3,<0.5'"
    if line[span.column - 1 : span.column] in {"@", "`", "%", "*", "&", "!"}:
        return "put a string that starts with this sign in quotes"
    if line.count(": ") > 1:
        return "put a string with ': ' in it in quotes"
    if ": " in line or line.rstrip().endswith(":"):
        return "check the indentation: keys of one mapping start in the same column"
    return None


def span_of(path: str, node: Node) -> Span:
    """The place of a node; of a mapping in block style, that of its first key."""
    if isinstance(node, MappingNode) and not node.flow_style and node.value:
        node = node.value[0][0]
    start, end = node.start_mark, node.end_mark
    length = end.column - start.column if start.line == end.line else 1
    return Span(path, start.line + 1, start.column + 1, max(length, 1))


def is_merge(key: Node) -> bool:
    return bool(key.tag == _MERGE)


def merged_mappings(value: Node) -> Iterator[MappingNode]:
    """The mappings behind `<<`, the winning one first."""
    for node in value.value if isinstance(value, SequenceNode) else (value,):
        if isinstance(node, MappingNode):
            yield node


def entry(node: MappingNode, name: str, depth: int = 0) -> tuple[Node, Node] | None:
    """Key and value written under `name`, the mapping's own before merged ones."""
    for key, value in node.value:
        if isinstance(key, ScalarNode) and key.value == name and not is_merge(key):
            return key, value
    if depth < MAX_DEPTH:
        for key, value in node.value:
            if is_merge(key):
                for mapping in merged_mappings(value):
                    if (found := entry(mapping, name, depth + 1)) is not None:
                        return found
    return None


def follow(node: Node, location: Location) -> Found:
    """Walk from `node` as far as the file goes; `location` may name what short forms leave out.

    A spec's location `("transformations", "age", 0, "name")` ends at the scalar of `age: standard_scaler`.
    """
    key: Node | None = None
    steps: list[str | int] = []
    for step in location:
        if isinstance(node, MappingNode) and isinstance(step, str):
            found = entry(node, step)
            if found is None:
                only = _only_entry(node)
                if only is None or step not in {"name", "args"} or "transformations" not in location:
                    return Found(node, key, tuple(steps), complete=False)
                if step == "name":  # `{impute_constant: {value: 0}}`: the name is the key
                    return Found(only[0], only[0], tuple(steps), complete=True)
                found = only
            key, node = found
            steps.append(str(key.value))
        elif isinstance(node, SequenceNode):
            index = step if isinstance(step, int) else _index_of(node, step)
            if index is not None and index < len(node.value):
                key, node = None, node.value[index]
                steps.append(index)
            elif isinstance(step, int):
                return Found(node, key, tuple(steps), complete=False)
    return Found(node, key, tuple(steps), complete=True)


def _only_entry(node: MappingNode) -> tuple[Node, Node] | None:
    return node.value[0] if len(node.value) == 1 and isinstance(node.value[0][0], ScalarNode) else None


def _index_of(node: SequenceNode, name: str) -> int | None:
    """A list of names stands for a mapping of each to itself."""
    return next((i for i, item in enumerate(node.value) if isinstance(item, ScalarNode) and item.value == name), None)


def locate(path: str, node: Node, location: Location, key: bool = False) -> Span:
    """The span of what `location` leads to, or of its nearest parent; with `key` of the key before it."""
    found = follow(node, location)
    return span_of(path, found.key if key and found.key is not None else found.node)


def written(text: str, node: Node) -> str:
    """The YAML of a mapping alone, as written, moved to the left margin."""
    start, end = extent(text, node)
    first, *rest = text[start:end].split("\n")
    return "\n".join([first, *(to_margin(line, node.start_mark.column) for line in rest)]) + "\n"


def to_margin(line: str, margin: int) -> str:
    """A line without its first `margin` columns, where these are blank."""
    return line if line[:margin].strip() else line[margin:]


def extent(text: str, node: Node) -> tuple[int, int]:
    """From where to where the text of a mapping goes, without the blank lines and comments that follow."""
    start = int(node.start_mark.index)
    return start, start + len(text[start : _end(text, node)].rstrip())


def _end(text: str, node: Node) -> int:
    """Where the mapping's own text ends: the parser's mark stands after the comments that follow."""
    end = int(node.end_mark.index)
    if not isinstance(node, MappingNode) or node.flow_style or not node.value:
        return end
    start = int(node.start_mark.index)
    last: Node = node
    floor = start
    while isinstance(last, (MappingNode, SequenceNode)) and not last.flow_style and last.value:
        key, last = last.value[-1] if isinstance(last, MappingNode) else (None, last.value[-1])
        if key is not None and start < key.end_mark.index <= end:
            floor = max(floor, key.end_mark.index)
    if start < last.end_mark.index <= end:  # an alias leads to somewhere else
        floor = max(floor, last.end_mark.index)
    if text[floor - 1] == "\n":
        return floor
    newline = text.find("\n", floor, end)
    return end if newline < 0 else newline
