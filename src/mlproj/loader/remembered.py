"""What a YAML file gave when it was read before: plain values, which are its text's alone."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from mlproj.loader.strings import has_jinja


@dataclass(frozen=True)
class Written:
    """One resource of a file as values; `text` and `start` as in `Loaded`, `kind` and `index` say where it stands."""

    kind: str
    index: int
    data: Any
    text: str
    start: tuple[int, int]


class RememberedFiles:
    """Asks `memory`, which maps strings to JSON, and adds to it.

    Only a file without Jinja of which nothing was to be said is kept: what it gives follows from its text.
    """

    def __init__(self, memory: MutableMapping[str, Any]) -> None:
        self._memory = memory

    def recall(self, text: str) -> list[Written] | None:
        """The resources of a file with this text, or None where it has to be read."""
        found = None if has_jinja(text) else self._memory.get(_key(text))
        if found is None:
            return None
        return [Written(kind, index, data, own, (line, column)) for kind, index, data, own, line, column in found]

    def keep(self, text: str, resources: list[Written]) -> None:
        if not has_jinja(text):
            self._memory[_key(text)] = [[r.kind, r.index, r.data, r.text, *r.start] for r in resources]


def _key(text: str) -> str:
    return f"yaml:{blake2b(text.encode(), digest_size=16).hexdigest()}"
