"""Surgery on the text of a YAML file: an item put back, copied, or given another value. All else stays as it is.

Places come from the parser that reads the project, so what is changed is what was read. Nothing is printed anew:
quotes, comments, blank lines, flow style and indentation are those of the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mlproj.diagnostics import Collector
from mlproj.loader import Loaded
from mlproj.loader.yaml_file import compose, entry, extent, is_merge, locate, to_margin

Edit = tuple[int, int, str]
_ALIAS = re.compile(r"\s*:\s+(\*[^\s,\]}]+)")


@dataclass(frozen=True)
class Item:
    """One item of a list of resources, and that list."""

    text: str
    node: MappingNode
    siblings: SequenceNode

    @property
    def newline(self) -> str:
        return newline_of(self.text)

    @property
    def extent(self) -> tuple[int, int]:
        return extent(self.text, self.node)

    def own(self, name: str) -> tuple[Node, Node] | None:
        """Key and value that the item itself has under `name`, not through a merge."""
        return _own(self.node, name)

    def scalar(self, name: str) -> str | None:
        """What is written under `name`, merged keys included."""
        found = entry(self.node, name)
        return str(found[1].value) if found and isinstance(found[1], ScalarNode) else None


def newline_of(text: str) -> str:
    """How most lines of a text end."""
    return "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"


def find_item(path: str, text: str, kind: str, resource: Loaded[Any]) -> Item | None:
    """The item of a resource in the text that it was loaded from."""
    file = compose(path, text, Collector())
    found = entry(file.root, kind) if file and isinstance(file.root, MappingNode) else None
    if not found or not isinstance(found[1], SequenceNode):
        return None
    place = resource.locate(())
    for node in found[1].value:
        if isinstance(node, MappingNode) and locate(path, node, ()) == place:
            return Item(text, node, found[1])
    return None


def edited(text: str, edits: list[Edit]) -> str:
    """The text after edits that do not overlap; of several at one place the first comes first."""
    for start, end, new in sorted(edits, key=lambda edit: edit[:2])[::-1]:
        text = text[:start] + new + text[end:]
    return text


def put_back(item: Item, released: str) -> str:
    """The item's text as it was released. Lines that stand are left alone, whatever their blanks and line ends are."""
    start, end = item.extent
    margin = item.node.start_mark.column
    raw = item.text[start:end].split("\n")
    now = [raw[0], *(to_margin(line, margin) for line in raw[1:])]
    before = [line.removesuffix("\r") for line in released.rstrip().split("\n")]
    carriage = item.newline[:-1]
    raw[-1] += carriage
    lines: list[str] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(
        None, [line.removesuffix("\r") for line in now], before, autojunk=False
    ).get_opcodes():
        if tag == "equal" and (i1 > 0) == (j1 > 0):
            lines += raw[i1:i2]
        else:
            lines += [_indented(before[j], margin if j else 0) + carriage for j in range(j1, j2)]
    return "\n".join(lines).rstrip()


def _indented(line: str, margin: int) -> str:
    return " " * margin + line if line.strip() else line


def copy(item: Item, version: int, derived_from: int, sql: Callable[[str], str] | None) -> str:
    """The item's text as another version, derived from the one that it has; `sql` says how its SQL file is called."""
    start, end = item.extent
    edits = [*_anchors(item, version), *set_value(item, "version", str(version), ("name",))]
    after = ("version", "name")
    edits += set_value(item, "derived_from", str(derived_from), after)
    if sql:
        edits += set_value(item, "sql", sql, ("derived_from", *after))
    return edited(item.text[start:end], [(a - start, b - start, new) for a, b, new in edits])


def set_value(item: Item, name: str, value: str | Callable[[str], str], after: tuple[str, ...]) -> Iterator[Edit]:
    """`name: value`; a key that is not there, or that comes from a merge, is written below the first of `after`."""
    yield from set_in(item.text, item.node, name, value, after)


def set_in(
    text: str, node: MappingNode, name: str, value: str | Callable[[str], str], after: tuple[str, ...] = ()
) -> Iterator[Edit]:
    """The same in any mapping."""
    own = _own(node, name)
    if own:
        start, end = _value_extent(text, *own)
        yield start, end, _like(text[start:end], value, own[1])
        return
    inherited = entry(node, name)
    known = str(inherited[1].value) if inherited and isinstance(inherited[1], ScalarNode) else ""
    new = value if isinstance(value, str) else value(known)
    yield _inserted(text, node, name, new, after)


def _own(node: MappingNode, name: str) -> tuple[Node, Node] | None:
    for key, value in node.value:
        if isinstance(key, ScalarNode) and key.value == name and not is_merge(key):
            return key, value
    return None


def _like(written: str, value: str | Callable[[str], str], node: Node) -> str:
    """The new value in the quotes of the old one; a function is given the text between these."""
    quote = written[:1] if isinstance(node, ScalarNode) and written[:1] in {"'", '"'} else ""
    inner = written[1:-1] if quote else written
    if not isinstance(value, str):
        return quote + value(str(node.value) if written[:1] in {"*", "&"} else inner) + quote
    return value if value.isdigit() else quote + value + quote


def _value_extent(text: str, key: Node, value: Node) -> tuple[int, int]:
    """Where a value is written: an alias stands somewhere else than what it means."""
    alias = _ALIAS.match(text, key.end_mark.index)
    if alias:
        return alias.span(1)
    start, end = int(value.start_mark.index), int(value.end_mark.index)
    return start, start + len(text[start:end].rstrip())


def _inserted(text: str, node: MappingNode, name: str, value: str, after: tuple[str, ...]) -> Edit:
    before = next((own for key in after if (own := _own(node, key))), None)
    first = node.value[0][0]
    mark = '"' if text[first.start_mark.index] == '"' else ""
    written = f"{mark}{name}{mark}: {value if value.isdigit() or not mark else mark + value + mark}"
    newline = newline_of(text)
    if before is None:
        start = int(first.start_mark.index)
        return start, start, written + (", " if node.flow_style else newline + " " * first.start_mark.column)
    key, last = before
    end = _value_extent(text, key, last)[1]
    line = text[text.rfind("\n", 0, key.start_mark.index) + 1 : key.start_mark.index]
    if node.flow_style:
        return end, end, (f",{newline}{line}" if not line.strip() else ", ") + written
    eol = text.find("\n", end)
    eol = len(text) if eol < 0 else eol
    eol -= text[eol - 1 : eol] == "\r"
    return eol, eol, newline + " " * key.start_mark.column + written


def _anchors(item: Item, version: int) -> Iterator[Edit]:
    """An anchor may stand only once: the copy's is called otherwise where the copy uses it, and else left out."""
    start, end = item.extent
    if "&" not in item.text[start:end]:
        return
    taken: set[str] = set()
    within = []
    for token in yaml.scan(item.text, Loader=yaml.SafeLoader):
        if isinstance(token, yaml.AnchorToken | yaml.AliasToken):
            taken.add(token.value)
            if start <= token.start_mark.index < end:
                within.append(token)
    anchors = {t.value for t in within if isinstance(t, yaml.AnchorToken)}
    used = {t.value for t in within if isinstance(t, yaml.AliasToken)} & anchors
    for token in within:
        first, last = int(token.start_mark.index), int(token.end_mark.index)
        if token.value in used:
            new = f"{token.value}_v{version}"
            while new in taken:
                new += "_"
            yield first + 1, last, new
        elif token.value in anchors:
            yield _without(item.text, start, first, last)


def _without(text: str, item_start: int, first: int, last: int) -> Edit:
    """An anchor taken out, with the blank beside it."""
    rest = re.compile(r"[ \t]*(\r?\n)?").match(text, last)
    assert rest is not None
    if first == item_start:
        following = re.compile(r"\s*").match(text, last)
        return first, following.end() if following else last, ""
    if rest[1]:
        return first - (len(text[:first]) - len(text[:first].rstrip(" \t"))), last, ""
    return first, rest.end(), ""


def insertion(item: Item, copies: list[str]) -> tuple[int, str]:
    """Where and how copies stand after the item, as the items of the list stand apart from each other."""
    start, end = item.extent
    newline = item.newline
    line = item.text[item.text.rfind("\n", 0, start) + 1 : start]
    if item.siblings.flow_style:
        between = f",{newline}{line}" if not line.strip() else ", "
        return end, "".join(between + text for text in copies)
    eol = item.text.find("\n", end)
    eol = len(item.text) if eol < 0 else eol
    eol -= item.text[eol - 1 : eol] == "\r"
    dash = line if line.strip() else item.text[item.text.rfind("\n", 0, item.text.rfind("-", 0, start)) + 1 : start]
    blank = newline if _stand_apart(item) else ""
    return max(end, eol), "".join(newline + blank + dash + text for text in copies)


def _stand_apart(item: Item) -> bool:
    """Whether a blank line is between two items; where there is but one, whether it has several lines."""
    nodes = [n for n in item.siblings.value if isinstance(n, MappingNode)]
    start, end = item.extent
    if len(nodes) == 1:
        return not item.node.flow_style and "\n" in item.text[start:end]
    ends = [extent(item.text, n)[1] for n in nodes]
    gaps = [item.text[a : n.start_mark.index] for a, n in zip(ends, nodes[1:], strict=False)]
    return any(re.search(r"\n[ \t]*\r?\n", gap) for gap in gaps)
