"""The type checker with a memory: relations are made known to the engine only when something new has to be bound."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence
from typing import Any

from mlproj.compiler.fingerprints import fingerprint
from mlproj.ports import Binder
from mlproj.state import Column, Feature


class TypeChecker:
    """`describe(sql, parents)` binds a query over relations that were declared; equal questions are asked once."""

    def __init__(self, binder: Binder, memo: MutableMapping[str, Any]) -> None:
        self._binder, self._memo = binder, memo
        self._declared: dict[str, tuple[str, Sequence[Column | Feature]]] = {}
        self._relations: dict[str, tuple[str, tuple[Column, ...]]] = {}
        self._digests: dict[str, str] = {}
        self._known: set[str] = set()
        self._functions: dict[str, frozenset[str]] = {}

    def declare(self, node: str, relation: str, columns: Sequence[Column | Feature]) -> None:
        self._declared[node] = (relation, columns)
        self._relations.pop(node, None)
        self._digests.pop(node, None)

    def relations(self, parents: Sequence[str]) -> dict[str, tuple[Column, ...]]:
        """Columns of what was declared, by the name that SQL has for it."""
        return dict(self._relation(parent) for parent in parents)

    def _relation(self, node: str) -> tuple[str, tuple[Column, ...]]:
        """Name and columns of a node, made where somebody reads it and what it reads is new."""
        if node not in self._relations:
            relation, columns = self._declared[node]
            self._relations[node] = (relation, tuple(Column(name=c.name, type=c.type) for c in columns))
        return self._relations[node]

    def key(self, sql: str, parents: Sequence[str]) -> str:
        """What decides the answer: the text, and the columns of everything it reads."""
        return fingerprint("bind", sql, {parent: self._digest(parent) for parent in parents})

    def _digest(self, node: str) -> str:
        """The columns of a node, hashed once however many read it."""
        if node not in self._digests:
            self._digests[node] = fingerprint([[c.name, c.type] for c in self._declared[node][1]])
        return self._digests[node]

    def describe(self, sql: str, parents: Sequence[str]) -> tuple[Column, ...]:
        """Columns of the query. Raises `BindError`."""
        key = self.key(sql, parents)
        if key not in self._memo:
            for parent in parents:
                if parent not in self._known:
                    self._binder.declare(*self._relation(parent))
                    self._known.add(parent)
            self._memo[key] = [c.model_dump() for c in self._binder.describe(sql)]
        return tuple(Column(**c) for c in self._memo[key])

    def normalise_type(self, type_name: str) -> str:
        """The engine's own spelling. Raises `BindError`."""
        key = f"type:{type_name}"
        if key not in self._memo:
            self._memo[key] = self._binder.normalise_type(type_name)
        return str(self._memo[key])

    def remembered(self, key: str, answer: Callable[[], Any]) -> Any:
        """The answer to a question, as JSON; `key` says all that decides it."""
        if key not in self._memo:
            self._memo[key] = answer()
        return self._memo[key]

    def functions(self, kind: str) -> frozenset[str]:
        if kind not in self._functions:
            key = f"functions:{kind}"
            if key not in self._memo:
                self._memo[key] = sorted(self._binder.functions(kind))
            self._functions[kind] = frozenset(self._memo[key])
        return self._functions[kind]
