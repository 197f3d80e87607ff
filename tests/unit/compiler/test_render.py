"""Jinja in SQL: what it may do, whose values stay secret, and where its errors are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from mlproj.compiler.render import RenderError, SqlRenderer
from mlproj.diagnostics import Collector, Diagnostic, ProjectError
from mlproj.state import GroupNode
from tests.compilation import compile_folder, write_files

SECRET = "hunter2-S3cret"


def resolve_ref(name: str, version: int | None = None) -> str:
    if name != "income":
        raise RenderError("E301", f"unknown feature group '{name}'", None, name)
    return f"feature_group:{name}@{version or 2}"


def renderer(
    variables: Mapping[str, object] | None = None, environment: Mapping[str, str] | None = None
) -> SqlRenderer:
    return SqlRenderer(variables or {}, environment or {}, resolve_ref, lambda name: f"source:{name}")


def render(text: str, jinja: SqlRenderer | None = None) -> str:
    collector = Collector()
    rendered = (jinja or renderer()).render("a.sql", text, "feature_group:a@1", collector)
    assert rendered is not None, list(collector)
    return rendered.sql


def refused(text: str, jinja: SqlRenderer | None = None) -> Diagnostic:
    collector = Collector()
    (jinja or renderer()).render("a.sql", text, "feature_group:a@1", collector)
    (found,) = collector.errors
    assert "feature_group:a@1" in collector.poisoned
    return found


@pytest.mark.parametrize("tail", ["", "{{ '' }}"])
def test_references_become_quoted_names_in_order_of_use(tail: str) -> None:
    text = "select * from {{ source('census') }} join {{ ref('income', version=1) }} join {{ ref('income') }}"
    rendered = renderer().render("a.sql", text + tail, "feature_group:a@1", Collector())

    assert rendered is not None
    assert rendered.sql == 'select * from "source:census" join "income@1" join "income@2"'
    assert rendered.parents == ("source:census", "feature_group:income@1", "feature_group:income@2")


@pytest.mark.parametrize(
    "call", ["ref('income', 1)", 'ref("income",version = 1)', " ref( 'income' , 1 ) ", "ref(version=1, name='income')"]
)
def test_every_spelling_of_a_reference(call: str) -> None:
    assert render("from {{" + call + "}}") == 'from "income@1"'


def test_loops_conditions_and_variables() -> None:
    text = "select {% for c in var('columns') %}{{ c }}{% if not loop.last %}, {% endif %}{% endfor %}"
    assert render(text, renderer({"columns": ["a", "b"]})) == "select a, b"
    assert render("{{ var('absent', 3) }}") == "3"
    assert render("{{ var('flag') }}", renderer({"flag": False})) == "False"


def test_macros_call_each_other_whatever_their_order() -> None:
    jinja, collector = renderer(), Collector()
    jinja.add_macros({
        "macros/a.sql": "{% macro outer(x) %}f({{ inner(x) }}){% endmacro %}",
        "macros/b.sql": "{% macro inner(x) %}g({{ x }}, {{ ref('income') }}){% endmacro %}",
    }, collector)  # fmt: skip
    rendered = jinja.render("a.sql", "select {{ outer('age') }}", "feature_group:a@1", collector)

    assert not collector.errors
    assert rendered is not None
    assert rendered.sql == 'select f(g(age, "income@2"))'
    assert rendered.parents == ("feature_group:income@2",)


@pytest.mark.parametrize(
    "expression",
    [
        "''.__class__.__mro__", "''.__class__", "ref.__globals__", "var.__self__", "cycler.__init__.__globals__",
        "''['__class__']", "'' | attr('__class__')", "range(10 ** 9)", "'{0.__class__}'.format(1)",
    ],
)  # fmt: skip
def test_the_sandbox_holds(expression: str) -> None:
    assert refused("select {{ " + expression + " }}").code == "E306"


@pytest.mark.parametrize("tag", ["{% include 'x.sql' %}", "{% import 'x.sql' as x %}", "{% extends 'x.sql' %}"])
def test_files_are_not_read(tag: str) -> None:
    found = refused(tag)
    assert found.code == "E306"
    assert found.hint == "macros of macros/*.sql are known everywhere"


def test_endless_recursion_ends() -> None:
    jinja = renderer()
    jinja.add_macros(
        {"macros/a.sql": "{% macro loop() %}{{ loop_() }}{% endmacro %}{% macro loop_() %}{{ loop() }}{% endmacro %}"},
        Collector(),
    )
    assert refused("{{ loop() }}", jinja).code == "E306"


@pytest.mark.parametrize("call", ["var()", "var('a', 'b', 'c')", "env_var()", "env_var(wrong='A')"])
def test_wrong_arguments_are_told_without_names_of_our_code(call: str) -> None:
    found = refused("select {{ " + call + " }}")
    assert found.code == "E306"
    assert "SqlRenderer" not in found.message
    assert found.hint is not None
    assert call.partition("(")[0] in found.hint


@pytest.mark.parametrize(
    "call",
    [
        "ref()",
        "ref('a', 1, 2)",
        "ref('a', 'b')",
        "ref(3)",
        "ref('a', v=1)",
        "ref(*['a'])",
        "ref('income', **{})",
        "source()",
        "source('a', 1)",
    ],
)
def test_wrong_arguments_of_references(call: str) -> None:
    found = refused("select * from prefix join {{ " + call + " }}")
    assert found.code == "E305"
    assert found.span is not None
    assert found.span.column == 30


def test_the_place_is_that_of_the_word_in_jinja_not_the_first_like_it() -> None:
    found = refused("-- x\nselect 'incom', incom from {{ ref('incom') }}{{ '' }}")
    assert found.span is not None
    assert (found.span.line, found.span.column, found.span.length) == (2, 36, 5)


def test_an_error_in_a_macro_says_who_called_it() -> None:
    jinja = renderer()
    jinja.add_macros({"macros/a.sql": "\n{% macro half(x) %}{{ x / 0 }}{% endmacro %}"}, Collector())
    found = refused("select 1,\n  {{ half(1) }}", jinja)

    assert str(found.span) == "macros/a.sql:2:1"
    assert found.message.endswith("(called from a.sql:2)")


def test_a_value_of_the_environment_is_a_placeholder_but_for_the_engine() -> None:
    jinja = renderer(environment={"TOKEN": SECRET})
    rendered = jinja.render("a.sql", "select '{{ env_var('TOKEN') }}'", "feature_group:a@1", Collector())

    assert rendered is not None
    assert rendered.sql == "select '__MLPROJ_ENV_TOKEN__'"
    assert rendered.private_sql == f"select '{SECRET}'"


@pytest.mark.parametrize(
    "expression",
    [
        "env_var('TOKEN') | upper", "env_var('TOKEN') ~ 'x'", "env_var('TOKEN') | replace('x', 'y')",
        "[env_var('TOKEN')]", "'%s' | format(env_var('TOKEN'))", "env_var('TOKEN') | trim | string",
    ],
)  # fmt: skip
def test_a_secret_that_would_show_is_refused(expression: str) -> None:
    found = refused("select '{{ " + expression + " }}'", renderer(environment={"TOKEN": SECRET}))
    assert found.code == "E306"
    assert SECRET[:10].lower() not in (found.message + str(found.hint)).lower()


def test_an_error_does_not_quote_a_secret() -> None:
    found = refused("{{ {}[env_var('TOKEN')] + 1 }}", renderer(environment={"TOKEN": SECRET}))
    assert SECRET not in found.message


FILES = {
    "mlproj.yml": "name: census\nvars: {region: \"{{ env_var('REGION') }}\"}\n",
    "all.yml": """sources:
  - {name: people, path: "{{ env_var('FOLDER') }}/people.csv", columns: {id: BIGINT, job: VARCHAR, age: BIGINT}}
feature_groups:
  - {name: income, primary_key: [id]}
feature_views:
  - {name: income, base: income@1, features: [age], filter: "job <> '{{ env_var('JOB', 'none-at-all') }}'"}
""",
    "income.v1.sql": "select id, job, age from {{ source('people') }} where job = '{{ var('region') }}'",
}
ENVIRONMENT = {"REGION": "secret-region", "FOLDER": "/secret/folder", "JOB": "secret-job"}


def test_no_manifest_holds_a_value_of_the_environment(tmp_path: Path) -> None:
    manifest = compile_folder(write_files(tmp_path / "p", FILES), tmp_path / "cache", ENVIRONMENT)

    text = manifest.model_dump_json()
    assert "secret" not in text
    assert "__MLPROJ_ENV_REGION__" in text
    assert "__MLPROJ_ENV_JOB__" in text
    income = manifest.nodes["feature_group:income@1"]
    assert isinstance(income, GroupNode)
    assert income.sql.endswith("where job = '__MLPROJ_ENV_REGION__'")


def test_another_value_of_the_environment_is_no_change_of_a_definition(tmp_path: Path) -> None:
    root = write_files(tmp_path / "p", FILES)
    other = {name: value.replace("secret", "other") for name, value in ENVIRONMENT.items()}

    assert compile_folder(root, tmp_path / "a", ENVIRONMENT) == compile_folder(root, tmp_path / "b", other)


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("income.v1.sql", "where job = '{{ var('region') }}'", "where \"{{ var('region') }}\" = 1"),
        ("income.v1.sql", "where job = '{{ var('region') }}'", "where job = {{ var('region') }} 'x'"),
        ("all.yml", "job <> '{{ env_var('JOB', 'none-at-all') }}'", "{{ env_var('JOB') }} = 1"),
    ],
)
def test_no_error_of_the_engine_quotes_a_value_of_the_environment(
    tmp_path: Path, path: str, old: str, new: str
) -> None:
    root = write_files(tmp_path / "p", {**FILES, path: FILES[path].replace(old, new)})
    environment = {**ENVIRONMENT, "REGION": "secretregion", "JOB": "secretjob"}

    with pytest.raises(ProjectError) as caught:
        compile_folder(root, tmp_path / "cache", environment)

    (found,) = caught.value.diagnostics
    assert found.code in {"E401", "E402"}
    assert "secret" not in f"{found}"


def test_a_filter_is_checked_with_the_values_of_the_environment(tmp_path: Path) -> None:
    files = {
        **FILES,
        "all.yml": FILES["all.yml"].replace(
            "job <> '{{ env_var('JOB', 'none-at-all') }}'", "age > {{ env_var('MIN') }}"
        ),
    }
    manifest = compile_folder(write_files(tmp_path / "p", files), tmp_path / "cache", {**ENVIRONMENT, "MIN": "17"})

    assert "age > __MLPROJ_ENV_MIN__" in manifest.view("feature_view:income@1").sql
