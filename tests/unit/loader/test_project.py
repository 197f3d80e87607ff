from __future__ import annotations

from collections.abc import Callable

from mlproj.diagnostics import Diagnostic, Span
from mlproj.loader import LoadedProject
from mlproj.specs import Target

Load = Callable[..., LoadedProject]
Errors = Callable[..., list[Diagnostic]]

GROUP = """\
feature_groups:
  # Numbers only.
  - name: income
    version: 2
    primary_key: [person_id]  # stable
    features:
      - {name: person_id, type: BIGINT}
      - name: age
        tests: [not_null]

  # The next one.
  - {name: spending, primary_key: [person_id], sql: spend.sql}
"""
FILES = {
    "groups/income.yml": GROUP,
    "groups/income.v2.sql": "select 1 as person_id, 2 as age\n",
    "groups/spend.sql": "\ufeffselect 1 as person_id\n",
}


def test_the_smallest_project_is_a_name(loaded: Load) -> None:
    project = loaded({})

    assert project.spec.name == "census"
    assert (project.target_name, project.target) == ("dev", Target())
    assert (project.sources, project.feature_groups, project.sql, project.macros) == ((), (), {}, {})


def test_resources_of_all_kinds_may_stand_in_any_file(loaded: Load) -> None:
    project = loaded(
        {
            **FILES,
            "all.yaml": """\
sources: [{name: census, path: data/*.csv, options: {nullstr: "?"}}]
feature_views: [{name: income, base: income@2, transformations: {age: standard_scaler}}]
models: [{name: m, feature_view: income, estimator: sklearn.linear_model.Ridge, params: {alpha: 1.0e-3, on: null}}]
""",
            "macros/deep/clean.sql": "{% macro clean(x) %}{{ x }}{% endmacro %}",
        }
    )

    assert [s.spec.name for s in project.sources] == ["census"]
    assert [g.spec.name for g in project.feature_groups] == ["income", "spending"]
    assert [v.spec.transformations["age"][0].name for v in project.feature_views] == ["standard_scaler"]
    assert [m.spec.params for m in project.models] == [{"alpha": 0.001, "on": None}]
    assert project.sql == {
        "income@2": ("groups/income.v2.sql", "select 1 as person_id, 2 as age\n"),
        "spending@1": ("groups/spend.sql", "select 1 as person_id\n"),
    }
    assert list(project.macros) == ["macros/deep/clean.sql"]


def test_the_text_of_a_resource_is_its_yaml_as_written(loaded: Load) -> None:
    income, spending = loaded(FILES).feature_groups

    assert income.text == (
        "name: income\nversion: 2\nprimary_key: [person_id]  # stable\nfeatures:\n"
        "  - {name: person_id, type: BIGINT}\n  - name: age\n    tests: [not_null]\n"
    )
    assert spending.text == "{name: spending, primary_key: [person_id], sql: spend.sql}\n"


def test_the_text_keeps_block_scalars_and_stops_before_the_next_key(loaded: Load) -> None:
    project = loaded(
        {
            "a.yml": "sources:\n- path: &p x\n  name: a\n  description: |\n    one\n    # two\n\n"
            "# of b\n- name: b\n  path: *p\nmodels: []\n",
            "b.yml": "sources:\r\n  - name: c\r\n    path: x\r\n\r\n  - name: d\r\n    path: y\r\n",
        }
    )

    texts = [source.text for source in project.sources]
    assert texts[0] == "path: &p x\nname: a\ndescription: |\n  one\n  # two\n"
    assert texts[1] == "name: b\npath: *p\n"
    assert texts[2] == "name: c\r\npath: x\n"
    assert project.sources[0].spec.description == "one\n# two\n"


def test_locate_finds_values_keys_and_parents(loaded: Load) -> None:
    group = loaded(FILES).feature_groups[0]

    assert group.locate(()) == Span("groups/income.yml", 3, 5, 4)
    assert group.locate(("features", 0, "type")) == Span("groups/income.yml", 7, 33, 6)
    assert group.locate(("features", 0, "type"), key=True) == Span("groups/income.yml", 7, 27, 4)
    assert group.locate(("features", 1, "type")) == group.locate(("features", 1)) == Span("groups/income.yml", 8, 9, 4)
    assert group.locate(("features", 1, "tests", 0, "not_null")) == Span("groups/income.yml", 9, 17, 8)
    assert group.locate(("features", 9)) == group.locate(("features",))


def test_locate_knows_short_forms(loaded: Load) -> None:
    view = loaded(
        {
            "v.yml": """\
feature_views:
  - name: v
    base: income
    transformations:
      age: standard_scaler
      pay: {impute_constant: {value: 0}}
      sex: [label_encoder]
    joins:
      - {group: spending, on: [person_id, day], features: [a]}
"""
        }
    ).feature_views[0]

    def columns(*location: str | int) -> tuple[int, int]:
        span = view.locate(location)
        return span.line, span.column

    assert columns("transformations", "age", 0, "name") == (5, 12)
    assert columns("transformations", "pay", 0, "name") == (6, 13)
    assert columns("transformations", "pay", 0, "args", "value") == (6, 38)
    assert columns("transformations", "sex", 0, "name") == (7, 13)
    assert columns("joins", 0, "on", "day") == (9, 43)


def test_anchors_and_merges(loaded: Load) -> None:
    project = loaded(
        {
            "s.yml": """\
sources:
  - &base {name: a, path: x, format: csv, options: {skip: 1}}
  - {<<: *base, name: b}
  - <<: [{path: z}, *base]
    name: c
"""
        }
    )

    a, b, c = (source.spec for source in project.sources)
    assert (b.name, b.path, b.format, b.options) == ("b", "x", "csv", {"skip": 1})
    assert (c.name, c.path, c.format) == ("c", "z", "csv")
    assert a.name == "a"
    assert project.sources[1].locate(("path",)) == Span("s.yml", 2, 27, 1)


def test_vars_keep_their_type_and_are_overridden(loaded: Load) -> None:
    files = {
        "mlproj.yml": "name: census\nvars: {seed: 7, folder: data, file: \"{{ var('folder') }}/c.csv\", tags: [a]}\n",
        "m.yml": """\
sources: [{name: s, path: "{{ var('file') }}", tags: "{{ var('tags') }}"}]
models: [{name: m, feature_view: v, estimator: a.B, seed: "{{ var('seed') }}", description: "seed {{ var('seed') }}"}]
""",
    }
    plain = loaded(files)
    overridden = loaded(files, vars={"seed": 8, "folder": "/big", "extra": True})

    assert plain.models[0].spec.seed == 7
    assert plain.models[0].spec.description == "seed 7"
    assert (plain.sources[0].spec.path, plain.sources[0].spec.tags) == ("data/c.csv", ["a"])
    assert overridden.models[0].spec.seed == 8
    assert overridden.sources[0].spec.path == "/big/c.csv"
    assert overridden.vars == {"seed": 8, "folder": "/big", "file": "/big/c.csv", "tags": ["a"], "extra": True}


def test_values_of_the_environment_stand_as_placeholders(loaded: Load) -> None:
    files = {"s.yml": "sources: [{name: s, path: \"{{ env_var('DATA', 'data') }}/c.csv\"}]\n"}

    for environment in ({}, {"DATA": "/mnt"}):
        project = loaded(files, environment=environment)
        assert project.sources[0].spec.path == "__MLPROJ_ENV_DATA__/c.csv"
        assert project.env_defaults == {"DATA": "data"}


def test_a_filtered_value_of_the_environment_that_would_show_is_refused(errors: Errors) -> None:
    files = {"s.yml": "sources: [{name: s, path: \"{{ env_var('DATA') | upper }}/c.csv\"}]\n"}

    found = errors(files, environment={"DATA": "secret-bucket"})
    assert [e.code for e in found] == ["E306"]
    assert "secret" not in found[0].message.lower()


def test_only_the_wanted_target_needs_its_environment(loaded: Load, errors: Errors) -> None:
    files = {
        "mlproj.yml": "name: census\ntargets:\n  dev:\n"
        "  prod: {data: \"{{ env_var('LAKE') }}\", on_breaking: warn, memory: 2 GB}\n"
    }

    assert loaded(files).target == Target()
    prod = loaded(files, target="prod", environment={"LAKE": "/lake"})
    assert (prod.target_name, prod.target) == ("prod", Target(data="/lake", on_breaking="warn", memory="2 GB"))
    assert [e.code for e in errors(files, target="prod")] == ["E307"]


def test_memory_is_an_amount(errors: Errors) -> None:
    [error] = errors({"mlproj.yml": "name: census\ntargets:\n  dev: {memory: much}\n"})

    assert "an amount like 4GB or 700MB" in f"{error.message} {error.hint}"


def test_an_unknown_target_on_the_command_line_has_no_place(errors: Errors) -> None:
    [error] = errors({"mlproj.yml": "name: census\ntargets: {dev: {}, prod: {}}\n"}, target="prood")

    assert (error.code, error.span) == ("E205", None)
    assert error.hint == "did you mean 'prod'? known targets: dev, prod"


def test_values_of_the_environment_are_never_told(errors: Errors) -> None:
    secret = "hunter2"
    found = errors(
        {
            "a.yml": """\
sources:
  - {name: "{{ env_var('S') }} x", path: x, format: "{{ env_var('S') }}", columns: "{{ env_var('S') }}"}
  - {name: s, path: "{{ var(env_var('S')) }}"}
  - {name: t, path: "{{ env_var(env_var('S')) }}"}
  - {name: t, path: "{{ {}[env_var('S')] }}"}
  - {name: t, path: "{{ env_var('S') + 1 }}"}
  - {name: "{{ env_var('S') }}", path: x}
  - {name: "{{ env_var('S') }}", path: x}
feature_groups:
  - {name: a, primary_key: [id], sql: "{{ env_var('S') }}.sql"}
  - {name: "{{ env_var('S') }}", primary_key: [id], version: "{{ env_var('S') }}"}
""",
            "mlproj.yml": "name: census\nmlproj_version: \"{{ env_var('S') }}\"\ntargets: \"{{ env_var('S') }}\"\n",
        },
        environment={"S": secret},
    )

    assert {error.code for error in found} >= {"E105", "E202", "E204", "E303", "E306", "E307"}
    assert [error for error in found if secret in str(error)] == []


def test_a_default_target_from_the_environment_is_not_told(errors: Errors) -> None:
    [error] = errors(
        {"mlproj.yml": "name: census\ndefault_target: \"{{ env_var('S') }}\"\n"}, environment={"S": "hunter2"}
    )

    assert error.code == "E205"
    assert "hunter2" not in str(error)


def test_a_broken_file_hides_nothing_of_the_others(errors: Errors) -> None:
    found = errors(
        {
            "mlproj.yml": "name: [census\n",
            "a.yml": "sources: [{name: a, path: \"{{ var('x') }}\", fromat: csv}]\n",
            "b.yml": "sources:\n  - name: x: y\n",
            "c.yml": "models: [{}]\n",
        }
    )

    assert [(e.span.path, e.code) for e in found if e.span] == [
        ("a.yml", "E203"),
        ("b.yml", "E102"),
        ("c.yml", "E201"),
        ("c.yml", "E201"),
        ("c.yml", "E201"),
        ("mlproj.yml", "E102"),
    ]


def test_folders_with_spaces_and_unicode(loaded: Load) -> None:
    project = loaded(
        {
            "größen und mehr/einkünfte.yml": "feature_groups: [{name: einkünfte, primary_key: [id]}]\n",
            "größen und mehr/einkünfte.v1.sql": "select 1 as id\n",
        }
    )

    assert project.sql == {"einkünfte@1": ("größen und mehr/einkünfte.v1.sql", "select 1 as id\n")}
    assert project.feature_groups[0].path == "größen und mehr/einkünfte.yml"


def test_a_source_and_a_group_may_share_a_name(loaded: Load) -> None:
    project = loaded({**FILES, "s.yml": "sources: [{name: income, path: x}]\n"})

    assert project.sources[0].spec.name == project.feature_groups[0].spec.name


def test_versions_of_a_group_are_groups(loaded: Load) -> None:
    project = loaded(
        {
            "g.yml": "feature_groups: [{name: a, primary_key: [i]}, {name: a, version: 2, primary_key: [i]}]\n",
            "a.v1.sql": "select 1 as i",
            "a.v2.sql": "select 2 as i",
        }
    )

    assert [text for _, text in project.sql.values()] == ["select 1 as i", "select 2 as i"]


def test_one_query_may_serve_two_groups(loaded: Load) -> None:
    project = loaded(
        {
            "g/x.yml": "feature_groups:\n- &a {name: a, primary_key: [i], sql: ../q.sql}\n- {<<: *a, name: b}\n",
            "q.sql": "select 1 as i",
        }
    )

    assert project.sql["a@1"] == project.sql["b@1"] == ("q.sql", "select 1 as i")
