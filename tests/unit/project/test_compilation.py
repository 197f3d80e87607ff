"""Compiling with a memory: what stands is taken over, and the result is that of compiling everything anew."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mlproj.compiler.groups import GroupCompiler
from tests.lake_project import LakeProject
from tests.unit.planner.small_project import SQL, SmallProject, feature, group, view

THIRD = "select id, age + 1 as age from {{ ref('second') }}"
PROJECT = SmallProject(
    [group(features=[feature("age")]), group("second", online=True), group("third")],
    [view()],
    sql={"second@1": SQL, "third@1": THIRD},
)


def _append(name: str, text: str) -> Callable[[Path], None]:
    def edit(root: Path) -> None:
        path = root / name
        path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")

    return edit


def _replace(name: str, old: str, new: str) -> Callable[[Path], None]:
    def edit(root: Path) -> None:
        path = root / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    return edit


EDITS: dict[str, tuple[Callable[[Path], None], set[str]]] = {
    "other rows": (_append("second.v1.sql", " where age > 3"), {"second"}),
    "a comment": (_append("second.v1.sql", " -- people"), {"second"}),
    "a type": (_replace("second.v1.sql", "age,", "age::INTEGER as age,"), {"second", "third"}),
    "a line above": (
        _replace("groups.yml", '"feature_groups"', '\n "feature_groups"'),
        {"income", "second", "third"},
    ),
    "line ends": (lambda root: (root / "third.v1.sql").write_bytes(THIRD.encode() + b"\r\n"), {"third"}),
}


@pytest.mark.parametrize("name", EDITS)
def test_what_is_taken_over_is_what_compiling_anew_gives(
    name: str, folder: LakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit, touched = EDITS[name]
    folder.put(PROJECT)
    assert len(folder.open().manifest.nodes) == 5
    edit(folder.root)
    compiled, compile_group = [], GroupCompiler.compile

    def counting(compiler: GroupCompiler, declared: object, *rest: object) -> object:
        compiled.append(declared.spec.name)  # type: ignore[attr-defined]
        return compile_group(compiler, declared, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(GroupCompiler, "compile", counting)
    warm = folder.open().manifest
    assert set(compiled) == touched
    written = (folder.root / "target" / "manifest.json").read_text(encoding="utf-8")
    assert written == warm.model_dump_json()

    shutil.rmtree(folder.root / "target")
    compiled.clear()
    assert folder.open().manifest == warm
    assert (folder.root / "target" / "manifest.json").read_text(encoding="utf-8") == written
    assert set(compiled) == {"income", "second", "third"}


def test_a_group_of_which_something_was_said_is_compiled_again_and_says_it_again(folder: LakeProject) -> None:
    folder.put(SmallProject([group(), group("second")], sql={"second@1": SQL + " limit 3"}))
    first = folder.open().manifest
    _append("income.v1.sql", " -- people")(folder.root)

    assert [w.code for w in first.warnings] == [w.code for w in folder.open().manifest.warnings] == ["W402"]


def test_a_manifest_that_somebody_else_wrote_is_not_taken_for_ours(folder: LakeProject) -> None:
    folder.put(PROJECT)
    good = folder.open().manifest
    cached = folder.root / "target" / "cache" / "manifest.default.json"
    cached.write_text(cached.read_text(encoding="utf-8").replace("age + 1", "age + 2"), encoding="utf-8")
    _append("income.v1.sql", " -- people")(folder.root)

    assert folder.open().manifest.nodes["feature_group:third@1"] == good.nodes["feature_group:third@1"]


def test_a_file_that_changes_while_it_is_compiled_is_compiled_next_time(folder: LakeProject) -> None:
    folder.put(PROJECT)
    before = folder.open()
    assert before.files.sql["third@1"][1] == THIRD
    _append("third.v1.sql", " where age > 3")(folder.root)
    assert "age > 3" not in before.manifest.group("feature_group:third@1").sql

    assert "age > 3" in folder.open().manifest.group("feature_group:third@1").sql


def test_both_renderings_of_an_incremental_group_are_written(folder: LakeProject) -> None:
    since = "{% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}"
    folder.put(SmallProject([group(materialized="incremental")], sql={"income@1": f"{SQL} {since}"}))
    folder.plan()

    written = {p.name: p.read_text(encoding="utf-8") for p in (folder.root / "target" / "compiled").rglob("*.sql")}

    assert set(written) == {"income.v1.sql", "income.v1.incremental.sql"}
    assert "where" not in written["income.v1.sql"]
    assert '(select max(id) from "this:income@1")' in written["income.v1.incremental.sql"]
