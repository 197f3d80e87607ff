"""A hundred random mistakes in the example's files: each is a plan or a diagnostic, never another exception."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from mlproj import Project
from mlproj.diagnostics import ProjectError

MUTATIONS = 100
SEED = 20260131
TOKENS = [
    ":", "- ", "{", "}", "[", "]", "'", '"', "|", ">", "&a ", "*a", "!!python/none ", "#", "%", "@", "`", "\t",
    "\x00", "\ufeff", "null", "~", "no", "1_000", "2026-01-31", ".nan", "-1", "1e999", "é", "数", "{{", "}}",
    "{% if %}", "{{ 1/0 }}", "{{ ref(x) }}", "{{ var('x') }}", "{{ ''.__class__ }}", ";", "--", "/*", "select ",
    "from ", "(", ")", ",", "::", "'\\x'", "income@99", "source('census')", "drop table x;", "row_number() over ()",
    "*", "!", "\\", "\r", "\n", " ", "0", "name",
]  # fmt: skip

Mutation = Callable[[random.Random, str], str]


def _drop_line(chance: random.Random, text: str) -> str:
    lines = text.splitlines(keepends=True)
    lines.pop(chance.randrange(len(lines)))
    return "".join(lines)


def _repeat_line(chance: random.Random, text: str) -> str:
    lines = text.splitlines(keepends=True)
    place = chance.randrange(len(lines))
    return "".join([*lines[:place], lines[place], *lines[place:]])


def _swap_lines(chance: random.Random, text: str) -> str:
    lines = text.splitlines(keepends=True)
    a, b = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]
    return "".join(lines)


def _indent(chance: random.Random, text: str) -> str:
    lines = text.splitlines(keepends=True)
    place = chance.randrange(len(lines))
    lines[place] = chance.choice([" ", "  ", "      "]) + lines[place]
    return "".join(lines)


def _insert(chance: random.Random, text: str) -> str:
    place = chance.randrange(len(text))
    return text[:place] + chance.choice(TOKENS) + text[place:]


def _replace_word(chance: random.Random, text: str) -> str:
    words = text.split(" ")
    words[chance.randrange(len(words))] = chance.choice(TOKENS)
    return " ".join(words)


def _drop_character(chance: random.Random, text: str) -> str:
    place = chance.randrange(len(text))
    return text[:place] + text[place + 1 :]


def _cut(chance: random.Random, text: str) -> str:
    return text[: chance.randrange(len(text))]


ALL: tuple[Mutation, ...] = (
    _drop_line, _repeat_line, _swap_lines, _indent, _insert, _replace_word, _drop_character, _cut,
)  # fmt: skip


def _outcome(folder: Path) -> str:
    try:
        with Project(folder) as project:
            project.plan()
    except ProjectError as error:
        told = error.diagnostics
        sound = all(d.message.strip() for d in told) and any(d.severity == "error" for d in told)
        return "error" if sound else f"an error that says nothing: {told}"
    return "plan"


def test_a_mistake_is_a_diagnostic(example: Path) -> None:
    chance = random.Random(SEED)
    files = sorted(p for p in example.rglob("*") if p.suffix in {".yml", ".sql"})
    seen: Counter[str] = Counter()
    for number in range(MUTATIONS):
        path, mutate = chance.choice(files), chance.choice(ALL)
        text = path.read_text(encoding="utf-8")
        wrong = mutate(chance, text)
        path.write_bytes(wrong.encode("utf-8"))
        try:
            seen[_outcome(example)] += 1
        except Exception as error:
            raise AssertionError(f"mutation {number}, {mutate.__name__} of {path.name}:\n{wrong}") from error
        path.write_text(text, encoding="utf-8")
    assert set(seen) == {"plan", "error"}, seen
    assert seen["error"] > MUTATIONS / 4, "the mutations must hurt"
