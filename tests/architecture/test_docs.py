"""What the docs point at is there, and what the program points at in the docs is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlproj.compiler.transformations.chain import FUNCTIONS

ROOT = Path(__file__).resolve().parents[2]
TREES = ("docs", "example_project", "examples")
PAGES = sorted([*ROOT.glob("*.md"), *(page for tree in TREES for page in (ROOT / tree).rglob("*.md"))])


@pytest.mark.parametrize("page", [p.relative_to(ROOT).as_posix() for p in PAGES])
def test_links_lead_somewhere(page: str) -> None:
    path = ROOT / page
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_pages_that_messages_name_exist() -> None:
    texts = [p.read_text(encoding="utf-8") for p in (ROOT / "src" / "mlproj").rglob("*.py")]
    named = {match for text in texts for match in re.findall(r"docs/[\w/-]+\.md(?:#\w+)?", text)}
    assert "docs/errors.md#e402" in named
    for name in named:
        path, _, anchor = name.partition("#")
        text = (ROOT / path).read_text(encoding="utf-8")
        assert not anchor or f"\n## {anchor.upper()}\n" in text, name


def test_every_transformation_is_described() -> None:
    page = (ROOT / "docs" / "reference" / "transformations.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == set(FUNCTIONS)
