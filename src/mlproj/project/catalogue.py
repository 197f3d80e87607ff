"""Searching a project: nodes and features by what is written of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mlproj.state import GroupNode, Node, SourceNode

# What a word counts where it is the whole, the beginning and a part of a text.
_WEIGHTS = {"name": (100, 60, 40), "tags": (30, 25, 20), "owner": (20, 18, 15), "description": (10, 10, 8)}


@dataclass(frozen=True)
class Entry:
    """A node, or a feature or source column of it: `texts` by what they are."""

    node: Node
    feature: str | None
    type: str | None
    texts: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Match:
    """`found` says where the words stand: name, tags, owner, description, with the texts that hold them."""

    entry: Entry
    score: int
    found: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def search(nodes: Mapping[str, Node], text: str) -> list[Match]:
    """What every word of `text` is found in, best first; capitals count for nothing.

    A word in the name of its node helps to find a feature, if another word is its own.
    """
    words = text.casefold().split()
    found = [match for node in nodes.values() for entry in _entries(node) if (match := _match(entry, words))]
    return sorted(found, key=lambda m: (-m.score, m.entry.node.id, m.entry.feature or ""))


def _entries(node: Node) -> Iterator[Entry]:
    texts = {"name": [node.name], "tags": node.tags, "owner": [node.owner], "description": [node.description]}
    yield Entry(node, None, None, texts)
    if isinstance(node, GroupNode):
        for f in node.features:
            yield Entry(node, f.name, f.type, {"name": [f.name], "tags": f.tags, "description": [f.description]})
    elif isinstance(node, SourceNode):
        for column in node.columns:
            yield Entry(node, column.name, column.type, {"name": [column.name]})


def _match(entry: Entry, words: Collection[str]) -> Match | None:
    score, found = 0, dict[str, tuple[str, ...]]()
    for word in words:
        own = {kind: [t for t in texts if word in t.casefold()] for kind, texts in entry.texts.items()}
        weights = [_weight(kind, word, t) for kind, texts in own.items() for t in texts]
        if not weights and not (entry.feature is not None and word in entry.node.name.casefold()):
            return None
        score += max(weights, default=1)
        for kind, texts in own.items():
            if texts:
                found[kind] = tuple(dict.fromkeys((*found.get(kind, ()), *texts)))
    return Match(entry, score, found) if found else None


def _weight(kind: str, word: str, text: str) -> int:
    whole, beginning, part = _WEIGHTS[kind]
    lowered = text.casefold()
    return whole if lowered == word else beginning if lowered.startswith(word) else part
